/* SPDX-License-Identifier: Apache-2.0 */
/**
 * caller_cache - a cache of the records of customers and API keys in a child process, each with the revision of the
 * database at which it was read. A record is used only while the revision of the database is the same, which one small
 * query reads; so a disabled customer, a revoked key, or a removed account takes effect at the next request.
 *
 * Thread-safe. The records returned are shared and immutable.
 */
#ifndef KISS_CALLER_CACHE_H
#define KISS_CALLER_CACHE_H

#include "caller/caller_record.h"
#include "lib/base/crypto.h"

/** The records of a child. */
typedef struct kiss_caller_cache kiss_caller_cache;

/** Creates it, in `p`, which must live as long as the child. */
apr_status_t kiss_caller_cache_create(kiss_caller_cache **cache, apr_pool_t *p);

/**
 * Finds a record.
 *
 * @param db          the database that the caller is in
 * @param digest      SHA-256 of the key, or of the customer code
 * @param db_revision the current revision of the database (db/db_revision.h)
 * @param note        receives 1 when the use of the key should be stored: a minute has passed since the last time
 * @param p           the record lives as long as this pool
 * @return NULL when there is none of this revision, or the key has expired since
 */
const kiss_caller *kiss_caller_cache_get(kiss_caller_cache *cache, const kiss_db *db,
                                         const unsigned char digest[KISS_SHA256_LEN], const char *db_revision, int *note,
                                             apr_pool_t *p);

/** Finds the last record that was stored, of any revision of the database: it may be out of date. Arguments as above. */
const kiss_caller *kiss_caller_cache_last(kiss_caller_cache *cache, const kiss_db *db,
                                          const unsigned char digest[KISS_SHA256_LEN], apr_pool_t *p);

/**
 * Stores a copy of a record with the revision caller->db_revision, until caller->until; the least recently used one is
 * evicted.
 */
void kiss_caller_cache_put(kiss_caller_cache *cache, const kiss_db *db, const unsigned char digest[KISS_SHA256_LEN],
                           const kiss_caller *caller);

#endif
