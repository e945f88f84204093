/* SPDX-License-Identifier: Apache-2.0 */
/**
 * import_apply - writes what differs.
 */
#ifndef IMPORT_APPLY_H
#define IMPORT_APPLY_H

#include "import_run.h"

/** After import_compare(): writes what differs, raises the revisions. @return CTL_OK or CTL_FAILED */
int import_apply(import_run *run);

/** The end of a load: raises the revisions, notes how many rows the tables have. @return CTL_OK or CTL_FAILED */
int import_finish(import_run *run);

#endif
