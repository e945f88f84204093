/* SPDX-License-Identifier: Apache-2.0 */
/**
 * import_derive - what an import set derives from its tables. Single-threaded.
 */
#ifndef IMPORT_DERIVE_H
#define IMPORT_DERIVE_H

#include "import_run.h"

/**
 * After the tables were written: works out what depends on those that changed, and notes the revisions to raise.
 *
 * @return CTL_OK or CTL_FAILED
 */
int import_derive(import_run *run);

/**
 * Apart from an import: works out again all that the set of the verb's database derives, for the triggers may have missed
 * something.
 *
 * @return CTL_OK or CTL_FAILED, written to standard error
 */
int import_derive_all(ctl *c);

#endif
