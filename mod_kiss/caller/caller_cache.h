/* SPDX-License-Identifier: Apache-2.0 */
/**
 * caller_cache - records of callers that a child process has read, customers and API keys, each as of the state of the
 * database that it was read in. A record is used again only while the database is in that very state, which one small
 * query tells; so a customer that is disabled, a key that is revoked, an account that is taken from it, count at the next
 * request.
 *
 * Thread-safe. What is handed out is shared: nobody changes it.
 */
#ifndef KISS_CALLER_CACHE_H
#define KISS_CALLER_CACHE_H

#include "caller/caller_record.h"
#include "lib/base/crypto.h"

/** The records of a child. */
typedef struct kiss_caller_cache kiss_caller_cache;

/** Makes it, in `p`, which must live as long as the child. */
apr_status_t kiss_caller_cache_create(kiss_caller_cache **cache, apr_pool_t *p);

/**
 * Finds a record.
 *
 * @param db     the database that the caller is in
 * @param digest SHA-256 of the key, or of the customer code
 * @param state  the database's state now (db/db_revision.h)
 * @param note   receives 1 when the use of the key should be noted: a minute has passed since the last time
 * @param p      as long as which the record stays
 * @return NULL when there is none of this state, or the key has expired since
 */
const kiss_caller *kiss_caller_cache_get(kiss_caller_cache *cache, const kiss_db *db, const unsigned char digest[KISS_SHA256_LEN],
                                        const char *state, int *note, apr_pool_t *p);

/**
 * Keeps a copy of a record of the state caller->state, until caller->until; the one that was not used for longest makes room.
 */
void kiss_caller_cache_put(kiss_caller_cache *cache, const kiss_db *db, const unsigned char digest[KISS_SHA256_LEN],
                          const kiss_caller *caller);

#endif
