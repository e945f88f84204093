/* SPDX-License-Identifier: Apache-2.0 */
/**
 * import_report - how a run ended, for people and as JSON.
 */
#ifndef IMPORT_REPORT_H
#define IMPORT_REPORT_H

#include "import_run.h"

/** Reports how the run ended: run->result. On standard output the summary, or with --json always a report. */
void import_print_report(import_run *run);

#endif
