/* SPDX-License-Identifier: Apache-2.0 */
/**
 * import_fault - keeps what a run finds: faults of the files, and notes.
 *
 * Of both a bounded number of each sort is kept: a sort is a column of a file, or a sentence. A flood of one sort so
 * neither fills the memory nor hides the others.
 */
#ifndef IMPORT_FAULT_H
#define IMPORT_FAULT_H

#include "import_run.h"

/** Names a fault. `line` 0: the file as a whole; `column` may be NULL. */
void import_fault(import_run *run, const import_part *part, long line, const char *column, const char *fmt, ...)
    __attribute__((format(printf, 5, 6)));

/** What a run has found so far. */
typedef struct import_findings import_findings;

/** Keeps what was found so far, so that later findings can be taken back. In the pool of the context. */
import_findings *import_findings_keep(const import_run *run);

/** Takes back what was found since. May be done more than once. */
void import_findings_restore(import_run *run, const import_findings *kept);

/** Keeps a remark for the end. */
void import_note(import_run *run, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#endif
