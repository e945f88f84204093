/* SPDX-License-Identifier: Apache-2.0 */
/**
 * caller_cache - an LRU of callers' records, by database and digest.
 */
#include "caller/caller_cache.h"

#include <apr_atomic.h>

#include <string.h>

#include "lib/base/clock.h"
#include "lib/base/lru.h"
#include "lib/base/shared.h"

/* Few callers are active at the same time; the records of more than that are read again, they are not refused. */
#define RECORDS 512

/* The texts of db/db_revision.h are shorter. */
#define MAX_REVISION 128

#define SECOND APR_INT64_C(1000000)
#define NOTE_AFTER 60                       /* seconds */

/* The key of a record: the database, and the digest of the API key or customer code. Its state is the revision of the
 * database; a key that expires limits its time. */
typedef struct {
    const kiss_db *db;
    unsigned char digest[KISS_SHA256_LEN];
} record_key;

typedef struct {
    kiss_shared shared;
    volatile apr_uint32_t noted;            /* second of kiss_clock in which the use of its key was stored */
    const kiss_caller *caller;
} record;

struct kiss_caller_cache {
    kiss_lru *records;                      /* of record * */
};

apr_status_t kiss_caller_cache_create(kiss_caller_cache **cache, apr_pool_t *p)
{
    static const kiss_lru_type type = { .key_size = sizeof(record_key), .state_size = MAX_REVISION,
                                        .value_size = sizeof(record *),
                                        .entries = RECORDS, .hold = kiss_shared_hold_value,
                                        .release = kiss_shared_release_value };
    kiss_caller_cache *created = apr_palloc(p, sizeof(*created));
    apr_status_t rv = kiss_lru_create(&created->records, &type, p);

    if (rv == APR_SUCCESS) {
        *cache = created;
    }
    return rv;
}

static const apr_array_header_t *copy_list(const apr_array_header_t *list, apr_pool_t *p)
{
    apr_array_header_t *copy = apr_array_copy(p, list);
    int i;

    for (i = 0; i < copy->nelts; i++) {
        APR_ARRAY_IDX(copy, i, const char *) = apr_pstrdup(p, APR_ARRAY_IDX(list, i, const char *));
    }
    return copy;
}

static const kiss_key *copy_key(const kiss_key *key, apr_pool_t *p)
{
    kiss_key *copy = apr_pmemdup(p, key, sizeof(*key));

    copy->id = apr_pstrdup(p, key->id);
    copy->prefix = apr_pstrdup(p, key->prefix);
    copy->user_id = apr_pstrdup(p, key->user_id);
    copy->accounts = copy_list(key->accounts, p);
    copy->states = copy_list(key->states, p);
    copy->revisions = apr_pstrdup(p, key->revisions);
    return copy;
}

static kiss_caller *copy_caller(const kiss_caller *caller, apr_pool_t *p)
{
    kiss_caller *copy = apr_pmemdup(p, caller, sizeof(*caller));
    int i;

    copy->db_revision = apr_pstrdup(p, caller->db_revision);
    copy->code = apr_pstrdup(p, caller->code);
    for (i = 0; i < KISS_TERMS; i++) {
        copy->term[i] = apr_pstrdup(p, caller->term[i]);
    }
    copy->revision.epoch = apr_pstrdup(p, caller->revision.epoch);
    copy->revision.products = apr_pstrdup(p, caller->revision.products);
    copy->revision.assortment = apr_pstrdup(p, caller->revision.assortment);
    copy->revision.prices = apr_pstrdup(p, caller->revision.prices);
    copy->revision.listing = apr_pstrdup(p, caller->revision.listing);
    copy->revision.stock = apr_pstrdup(p, caller->revision.stock);
    copy->key = caller->key ? copy_key(caller->key, p) : NULL;
    return copy;
}

/** @return 0 when the revision is too long */
static int make_key(record_key *key, char padded[MAX_REVISION], const kiss_db *db, const unsigned char *digest,
                    const char *db_revision)
{
    memset(key, 0, sizeof(*key));
    key->db = db;
    memcpy(key->digest, digest, KISS_SHA256_LEN);
    memset(padded, 0, MAX_REVISION);
    memcpy(padded, db_revision, strlen(db_revision) < MAX_REVISION ? strlen(db_revision) : 0);
    return strlen(db_revision) < MAX_REVISION;
}

static apr_uint32_t second(apr_int64_t now)
{
    return (apr_uint32_t)(now / SECOND);
}

/** 1 for one of the threads that use it, when a minute has passed. */
static int is_due(record *r, apr_uint32_t now)
{
    const apr_uint32_t noted = apr_atomic_read32(&r->noted);

    return now - noted >= NOTE_AFTER && apr_atomic_cas32(&r->noted, now, noted) == noted;
}

const kiss_caller *kiss_caller_cache_get(kiss_caller_cache *cache, const kiss_db *db,
                                         const unsigned char digest[KISS_SHA256_LEN], const char *db_revision, int *note,
                                             apr_pool_t *p)
{
    const apr_int64_t now = kiss_clock_now();
    char padded[MAX_REVISION];
    record_key key;
    record *r;

    *note = 0;
    if (!make_key(&key, padded, db, digest, db_revision) || !kiss_lru_get(cache->records, &key, padded, now, &r)) {
        return NULL;
    }
    kiss_shared_release_with(r, p);
    *note = is_due(r, second(now));
    return r->caller;
}

const kiss_caller *kiss_caller_cache_last(kiss_caller_cache *cache, const kiss_db *db,
                                          const unsigned char digest[KISS_SHA256_LEN], apr_pool_t *p)
{
    char padded[MAX_REVISION];
    record_key key;
    record *r;

    if (!make_key(&key, padded, db, digest, "") || !kiss_lru_get(cache->records, &key, NULL, kiss_clock_now(), &r)) {
        return NULL;
    }
    kiss_shared_release_with(r, p);
    return r->caller;
}

void kiss_caller_cache_put(kiss_caller_cache *cache, const kiss_db *db, const unsigned char digest[KISS_SHA256_LEN],
                           const kiss_caller *caller)
{
    char padded[MAX_REVISION];
    record_key key;
    record *r;

    if (!make_key(&key, padded, db, digest, caller->db_revision) || !(r = kiss_shared_create(sizeof(*r)))) {
        return;
    }
    r->noted = second(kiss_clock_now());
    r->caller = copy_caller(caller, r->shared.pool);
    kiss_lru_put(cache->records, &key, padded, caller->until, 0, &r);
    kiss_shared_release(r);
}
