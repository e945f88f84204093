/* SPDX-License-Identifier: Apache-2.0 */
/** urlencoded - a strict decoder of application/x-www-form-urlencoded. Pure, thread-safe. */
#ifndef KISS_URLENCODED_H
#define KISS_URLENCODED_H

#include <apr_pools.h>
#include <apr_tables.h>

/** Outcome of kiss_urlencoded_parse(). */
typedef enum {
    KISS_URLENCODED_OK = 0,
    KISS_URLENCODED_ENCODING,     /**< a % that is not followed by two hexadecimal digits, or an encoded NUL */
    KISS_URLENCODED_REPEATED,     /**< a name occurs twice (RFC 6749 section 3.2 forbids it) */
    KISS_URLENCODED_TOO_MANY      /**< more than 32 parameters */
} kiss_urlencoded_status;

/**
 * Decodes a form body ('+' is a blank, %XX a byte).
 *
 * @param fields receives names and values, exact bytes, in `p`; a parameter without a value is left out, since
 *               RFC 6749 section 3.2 treats it as omitted (but it counts as present for KISS_URLENCODED_REPEATED)
 */
kiss_urlencoded_status kiss_urlencoded_parse(apr_table_t **fields, const char *body, apr_size_t len, apr_pool_t *p);

/** Decodes one form-encoded text. @return it in `p`, or NULL when the encoding is broken or holds a NUL. */
char *kiss_urlencoded_decode(const char *text, apr_size_t len, apr_pool_t *p);

/** A field by its exact name (apr_table_get() would ignore case), or NULL. */
const char *kiss_urlencoded_get(const apr_table_t *fields, const char *name);

#endif
