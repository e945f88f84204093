/* SPDX-License-Identifier: Apache-2.0 */
/**
 * jwt_cache - a cache of the tokens that a child process has verified: a token that is sent again is found by its
 * digest instead of being parsed again.
 *
 * An entry is valid for the identical token only, with identical keys, issuer and audience, and for the token's own
 * lifetime. Keys are read at start and never change within a child: those of another location, or of the configuration
 * read by a reload, are different ones. Refused tokens are not cached.
 */
#ifndef KISS_JWT_CACHE_H
#define KISS_JWT_CACHE_H

#include "lib/credential/jwt.h"

/** The cache of a child: a fixed number of entries, about 100 KB. Thread-safe. */
typedef struct kiss_jwt_cache kiss_jwt_cache;

/** Creates it, in `p`, which must live as long as the child. */
apr_status_t kiss_jwt_cache_create(kiss_jwt_cache **cache, apr_pool_t *p);

/** As kiss_jwt_verify(), with the same result, and the same claims in `customer` and `admin`; `cache` may be NULL. */
const char *kiss_jwt_cache_verify(kiss_jwt_cache *cache, const char **customer, int *admin, const kiss_jwt_policy *policy,
                                  const char *token, apr_int64_t now, apr_pool_t *p);

#endif
