/* SPDX-License-Identifier: Apache-2.0 */
/**
 * ctl_defaults - values of the option file of kissctl's connection that kissctl must know before the client library
 * reads it.
 */
#ifndef CTL_DEFAULTS_H
#define CTL_DEFAULTS_H

#include "ctl.h"

/**
 * The value of `key` in the group of the verb, or in the client library's own groups, as the library takes it: the last one
 * counts.
 *
 * @return NULL when it is not there
 */
const char *ctl_defaults_value(const ctl *c, const char *key);

/** How the connection must be protected. @return CTL_OK; CTL_FAILED, with a message, when tls= is none of its words */
int ctl_defaults_tls(const ctl *c, ctl_tls *tls);

#endif
