/**
 * ctl_defaults - what the option file of kissctl's connection says, where kissctl must know it before the client library
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

/** How the connection must be protected. @return CTL_OK; CTL_FAILED when tls= is none of its words, which has been said */
int ctl_defaults_tls(const ctl *c, ctl_tls *tls);

#endif
