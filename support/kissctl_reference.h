/* SPDX-License-Identifier: Apache-2.0 */
/**
 * kissctl_reference - the tables of verbs and options as files of an installation: manual page, completion of bash.
 */
#ifndef KISSCTL_REFERENCE_H
#define KISSCTL_REFERENCE_H

#include "ctl.h"

/** Prints the form "man" (troff, kissctl(8)) or "bash" on standard output. @return an exit status */
int kissctl_reference(const ctl *c, const char *form);

#endif
