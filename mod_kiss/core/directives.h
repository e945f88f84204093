/* SPDX-License-Identifier: Apache-2.0 */
/** directives - the table of directives: the context of each, and how its arguments are read. */
#ifndef KISS_DIRECTIVES_H
#define KISS_DIRECTIVES_H

#include "core/kiss.h"

/** For the module record. */
extern const command_rec kiss_directives[];

#endif
