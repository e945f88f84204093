/* SPDX-License-Identifier: Apache-2.0 */
/**
 * import_progress - the progress line of a run.
 *
 * Two threads: the one that works calls import_progress(), another one import_progress_draw().
 */
#ifndef IMPORT_PROGRESS_H
#define IMPORT_PROGRESS_H

#include "import_run.h"

/** Sets run->progress when standard error is a terminal. */
void import_progress_start(import_run *run);

/** Notes how far the run is. `part` may be NULL: the step is about no file; `bytes`: of it that are done. */
void import_progress(import_run *run, const import_part *part, import_step step, apr_uint64_t bytes);

/** Writes the line; from the thread that does not work, and only if there is run->progress. */
void import_progress_draw(import_run *run);

/** Takes the line away, until the next import_progress(). */
void import_progress_pause(import_run *run);

#endif
