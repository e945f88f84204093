/* SPDX-License-Identifier: Apache-2.0 */
/**
 * import_log - of which SKUs an import changes something, and the revisions that are raised for them: the log of changes
 * (sql/customer/0003-change-log.sql). Single-threaded; memory in the pool of the context.
 */
#ifndef IMPORT_LOG_H
#define IMPORT_LOG_H

#include "import_run.h"

/**
 * After import_compare(), before anything is written: finds the SKUs of each revision that is to be raised. One for which
 * they are not known, or are too many to be worth it, is raised without: a gap in the log.
 *
 * @return CTL_OK or CTL_FAILED
 */
int import_log_find(import_run *run);

/** Raises the revisions: once for each SKU that was found, else once. @return CTL_OK or CTL_FAILED */
int import_log_raise(import_run *run);

#endif
