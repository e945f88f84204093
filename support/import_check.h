/* SPDX-License-Identifier: Apache-2.0 */
/**
 * import_check - duplicates and references.
 */
#ifndef IMPORT_CHECK_H
#define IMPORT_CHECK_H

#include "import_run.h"

/** Finds duplicates and missing references among all files and tables. As import_stage() otherwise. */
int import_check(import_run *run);

/** Whether the table of a file has rows of which the file may not have both: see import_file.single. */
int import_has_second_single(import_run *run, const import_part *part, int *found);

#endif
