/* SPDX-License-Identifier: Apache-2.0 */
/** basic - decodes the credentials of HTTP Basic (RFC 7617). Pure, thread-safe. */
#ifndef KISS_BASIC_H
#define KISS_BASIC_H

#include <apr_pools.h>

/**
 * Decodes what follows the scheme in `Authorization: Basic`.
 *
 * @param id, secret what is before and after the first colon, either may be empty; in `p`, set only when the result is 0
 * @param text blanks, then base64 with or without its padding
 * @param form 1: both are form-encoded in it (RFC 6749 section 2.3.1)
 * @return 0; -1 when anything else is there, a NUL, no colon, or a broken form encoding
 */
int kiss_basic_decode(const char **id, const char **secret, const char *text, int form, apr_pool_t *p);

#endif
