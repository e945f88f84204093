/**
 * kiss_keycache - records of API keys that a child process has read, each as of the state of the database that it was
 * read in. A record is used again only while the database is in that very state, which one small query tells; so a key
 * that is revoked, or an account that is taken from it, counts at the next request.
 *
 * Thread-safe. What is handed out is a copy.
 */
#ifndef KISS_KEYCACHE_H
#define KISS_KEYCACHE_H

#include "kiss_key.h"
#include "kiss_secret.h"

/** The records of a child. */
typedef struct kiss_keycache kiss_keycache;

/** Makes it, in `p`, which must live as long as the child. */
apr_status_t kiss_keycache_create(kiss_keycache **cache, apr_pool_t *p);

/**
 * Finds a record.
 *
 * @param db     the database that the key is one of
 * @param digest SHA-256 of the key
 * @param state  the database's state now
 * @param note   receives 1 when the use of the key should be noted: a minute has passed since the last time
 * @return a copy in `p`, or NULL when there is none of this state, or the key has expired since
 */
kiss_caller *kiss_keycache_get(kiss_keycache *cache, const kiss_db *db, const unsigned char digest[KISS_SHA256_LEN],
                               const char *state, int *note, apr_pool_t *p);

/**
 * Keeps a copy of a record; the one that was not used for longest makes room.
 *
 * @param seconds time until the key expires, or -1
 */
void kiss_keycache_put(kiss_keycache *cache, const kiss_db *db, const unsigned char digest[KISS_SHA256_LEN],
                       const char *state, apr_int64_t seconds, const kiss_caller *caller);

#endif
