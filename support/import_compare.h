/* SPDX-License-Identifier: Apache-2.0 */
/**
 * import_compare - what an import would change.
 */
#ifndef IMPORT_COMPARE_H
#define IMPORT_COMPARE_H

#include "import_run.h"

/** Inside the transaction: counts what the files would add, change and remove. @return CTL_OK or CTL_FAILED */
int import_compare(import_run *run);

#endif
