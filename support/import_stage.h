/* SPDX-License-Identifier: Apache-2.0 */
/**
 * import_stage - reads a CSV file into a temporary table, or straight into its table, or for a digest.
 */
#ifndef IMPORT_STAGE_H
#define IMPORT_STAGE_H

#include "import_digest.h"
#include "import_run.h"

/**
 * Fills the temporary table of one file, or with run->direct its table.
 *
 * @return CTL_OK, also when cells are bad (run->nerrors), or CTL_FAILED; then, with run->again, nothing was written about it
 */
int import_stage(import_run *run, import_part *part);

/** Reads and checks a file as import_stage() does, but adds its rows to a digest. @return CTL_OK or CTL_FAILED */
int import_digest_file(import_run *run, import_part *part, import_digest *digest);

/** Makes the temporary table of a file, empty. @return CTL_OK or CTL_FAILED */
int import_make_stage(import_run *run, const import_part *part);

#endif
