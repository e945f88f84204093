/* SPDX-License-Identifier: Apache-2.0 */
/**
 * jwt_cache - tokens that a child process has verified: a token that comes again is compared with its digest instead of
 * being taken apart again.
 *
 * A verdict is good for the very same token only, under the very same keys, issuer and audience, and for the time that the
 * token itself gives. Keys are read at start and never change within a child: those of another location, or of the
 * configuration that a reload has read, are other ones. What was refused is not remembered.
 */
#ifndef KISS_JWT_CACHE_H
#define KISS_JWT_CACHE_H

#include "lib/credential/jwt.h"

/** The verdicts of a child: a fixed number, about 100 KB. Thread-safe. */
typedef struct kiss_jwt_cache kiss_jwt_cache;

/** Makes it, in `p`, which must live as long as the child. */
apr_status_t kiss_jwt_cache_create(kiss_jwt_cache **cache, apr_pool_t *p);

/** As kiss_jwt_verify(), with the same result; `verdicts` may be NULL. */
const char *kiss_jwt_cache_verify(kiss_jwt_cache *cache, const char **customer, const kiss_jwt_policy *policy,
                                 const char *token, apr_int64_t now, apr_pool_t *p);

#endif
