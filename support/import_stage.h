/* SPDX-License-Identifier: Apache-2.0 */
/**
 * import_stage - reads a CSV file into a temporary table.
 */
#ifndef IMPORT_STAGE_H
#define IMPORT_STAGE_H

#include "import_run.h"

/** Fills the temporary table of one file. @return CTL_OK, also when cells are bad (run->nerrors), or CTL_FAILED */
int import_stage(import_run *run, import_part *part);

/** Makes the temporary table of a file, empty. @return CTL_OK or CTL_FAILED */
int import_make_stage(import_run *run, const import_part *part);

#endif
