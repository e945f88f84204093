/**
 * import_guard - refuses large losses.
 */
#ifndef IMPORT_GUARD_H
#define IMPORT_GUARD_H

#include "import_run.h"

/** Behind import_compare(): names losses that are larger than the run allows as faults. As import_stage() otherwise. */
int import_guard(import_run *run);

#endif
