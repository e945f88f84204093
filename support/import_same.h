/* SPDX-License-Identifier: Apache-2.0 */
/**
 * import_same - short cuts: files whose rows the tables have already, and tables that are empty. Single-threaded.
 *
 * Both end where something is not as expected: then run->again is set, and the import is done without them, which finds and
 * says what is wrong.
 */
#ifndef IMPORT_SAME_H
#define IMPORT_SAME_H

#include "import_run.h"

/** Sets run->direct if all tables of the run are empty: rows may go straight into them. @return CTL_OK or CTL_FAILED */
int import_find_empty(import_run *run);

/** Begins a consistent read of the tables, which the files are compared with: run->snapshot. @return CTL_OK or CTL_FAILED */
int import_snapshot_begin(import_run *run);

/** Compares a file with its table: part->same. If it is not, nothing was found in the file. @return CTL_OK or CTL_FAILED */
int import_find_same(import_run *run, import_part *part);

/** Ends the read. @return CTL_OK or CTL_FAILED */
int import_snapshot_end(import_run *run);

/** With the revisions locked: if they are not those of run->snapshot, sets run->again. @return CTL_OK or CTL_FAILED */
int import_snapshot_check(import_run *run);

/** With run->direct, after import_check(): counts rows and notes which revisions to raise. As import_compare() otherwise. */
int import_count_new(import_run *run);

#endif
