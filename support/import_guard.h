/* SPDX-License-Identifier: Apache-2.0 */
/**
 * import_guard - refuses large losses.
 */
#ifndef IMPORT_GUARD_H
#define IMPORT_GUARD_H

#include "import_run.h"

/** After import_compare(): losses that are larger than the run allows become faults. As import_stage() otherwise. */
int import_guard(import_run *run);

#endif
