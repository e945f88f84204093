/**
 * import_derive - what is worked out from the tables, apart from an import. Single-threaded.
 */
#ifndef IMPORT_DERIVE_H
#define IMPORT_DERIVE_H

#include "ctl.h"

/**
 * Works out again all that the import set of the verb's database derives: the triggers may have missed something.
 *
 * @return CTL_OK or CTL_FAILED, written to standard error
 */
int import_derive_all(ctl *c);

#endif
