/* SPDX-License-Identifier: Apache-2.0 */
/**
 * client_cache - a cache of the client credentials (customer code and API key) that a child process has verified, each
 * with the revision of the database at which they were right: while it is the same, no record of a key needs to be read.
 *
 * An entry is found by a digest whose secret is random and known to this child alone: neither time nor memory tells
 * anything of a key. Only right credentials are stored. The caller reads the revision, and stores what it has verified by
 * one statement together with it. Pure, thread-safe.
 */
#ifndef KISS_CLIENT_CACHE_H
#define KISS_CLIENT_CACHE_H

#include <apr_pools.h>

#include "lib/base/crypto.h"

/** The cache of a child: a fixed number of entries, about 120 KB. */
typedef struct kiss_client_cache kiss_client_cache;

/** What an entry is found by. */
typedef struct {
    const void *database;                       /**< the database that the client is in; compared as an address */
    unsigned char digest[KISS_SHA256_LEN];      /**< of code and secret */
} kiss_client;

/** Creates it, in `p`, which must live as long as the child. @return also an error when there are no random bytes */
apr_status_t kiss_client_cache_create(kiss_client_cache **cache, apr_pool_t *p);

/** Derives what the credentials are found by; `p` is for temporary memory. @return 1, or 0 when memory failed */
int kiss_client_cache_key(kiss_client *client, const kiss_client_cache *cache, const void *database, const char *code,
                          const char *secret, apr_pool_t *p);

/** 1 when they were right at some revision of the database: then it is worth reading the current one. */
int kiss_client_cache_known(kiss_client_cache *cache, const kiss_client *client);

/**
 * Finds credentials that are right at this revision of the database, and have not expired.
 *
 * @param now  microseconds of kiss_clock_now()
 * @param note receives 1 when the use of the key should be stored: a minute has passed since the last time
 * @return the number of the API key, in `p`, or NULL
 */
const char *kiss_client_cache_get(kiss_client_cache *cache, int *note, const kiss_client *client, const char *db_revision,
                                  apr_int64_t now, apr_pool_t *p);

/**
 * Stores credentials that are right; the least recently used ones are evicted. What is too long for an entry is left out.
 *
 * @param key_id the number of the API key
 * @param now    microseconds of kiss_clock_now(): the use of the key counts as stored at that time
 * @param until  when the key expires, by the same clock; 0: never
 */
void kiss_client_cache_put(kiss_client_cache *cache, const kiss_client *client, const char *db_revision, const char *key_id,
                           apr_int64_t now, apr_int64_t until);

#endif
