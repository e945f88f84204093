/* SPDX-License-Identifier: Apache-2.0 */
/** quote - a value as messages show it. Pure, thread-safe. */
#ifndef KISS_QUOTE_H
#define KISS_QUOTE_H

#include <apr_pools.h>

/**
 * A value for a message: in quotes, control characters replaced, cut to about 40 characters.
 *
 * @param text UTF-8, `len` bytes
 * @return in `p`
 */
const char *kiss_quote(apr_pool_t *p, const char *text, apr_size_t len);

#endif
