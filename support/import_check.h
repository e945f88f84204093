/* SPDX-License-Identifier: Apache-2.0 */
/**
 * import_check - duplicates and references.
 */
#ifndef IMPORT_CHECK_H
#define IMPORT_CHECK_H

#include "import_run.h"

/** Finds duplicates and missing references among all files and tables. As import_stage() otherwise. */
int import_check(import_run *run);

#endif
