/* SPDX-License-Identifier: Apache-2.0 */
/**
 * import_fill - values that rows get from other files and tables.
 */
#ifndef IMPORT_FILL_H
#define IMPORT_FILL_H

#include "import_run.h"

/** Inside the transaction: fills what the cells left open from other files and tables. As import_stage() otherwise. */
int import_fill_all(import_run *run);

/** After import_fill_all(): rows keep what their file leaves open, in columns with IMPORT_STAYS. */
int import_keep_unsaid(import_run *run);

#endif
