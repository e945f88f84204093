/** kiss_config_check - what only the sections of a configuration together say. */
#ifndef KISS_CONFIG_CHECK_H
#define KISS_CONFIG_CHECK_H

#include "kiss.h"

/**
 * 1 when requests for a location come to the module: its own section has SetHandler kiss, or one around it, or the server; or
 * one below it, or by a pattern or an expression, of which it is not known before a request comes.
 *
 * @param api  the location's directive KissApi
 * @param base the location's path, without a slash at the end
 */
int kiss_config_is_handled(const ap_directive_t *api, const char *base, apr_pool_t *p);

#endif
