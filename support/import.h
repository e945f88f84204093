/* SPDX-License-Identifier: Apache-2.0 */
/**
 * import - loads a folder of CSV files into their tables, all or nothing.
 *
 * The engine, in the order of a run: import_files (which files the folder has), import_stage (parse, check cells, fill
 * temporary tables), import_fill (values that follow from other tables), import_check (duplicates, references),
 * import_compare and import_guard (what would change, and whether that is too much), import_apply (one transaction: add,
 * change, remove, derive), import_log (revisions), import_report (what people see). import_same leaves out most of it for
 * files whose rows the tables have already, and for a first load. It is driven by an import_set and independent of
 * any one set. The database needs the table `revision` (dataset, scope, n with the clock as its default), and triggers
 * that do nothing while @kiss_bulk names the connection.
 *
 * One import per context. Two threads: one works, the other one waits for signals and draws the progress line.
 */
#ifndef IMPORT_H
#define IMPORT_H

#include "import_run.h"

/** Loads folder `dir` with the options in `run`. @return CTL_OK or CTL_FAILED, with everything reported */
int import_folder(import_run *run, const char *dir);

#endif
