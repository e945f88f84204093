#include "kiss_callercache.h"

#include <apr_allocator.h>
#include <apr_thread_mutex.h>

#include <string.h>

#include "kiss_clock.h"

/* Callers at the same time are few; more of them are read again and again, not refused. A caller has its place in one of
 * WAYS neighbours, so finding it costs the same however many there are. */
#define WAYS 8
#define SETS 64

#define SECOND APR_INT64_C(1000000)
#define NOTE_AFTER (60 * SECOND)

/* What a record depends on, all of it: the database, the key or code (their digest), the state of the database in which it was
 * read, and the time, for a key that expires. */
typedef struct {
    apr_pool_t *pool;                       /* NULL: the place is free */
    const kiss_db *db;
    unsigned char digest[KISS_SHA256_LEN];
    const char *state;
    apr_int64_t until;                      /* the key's end; 0: none */
    apr_int64_t used;
    apr_int64_t noted;
    const kiss_caller *caller;
} record;

struct kiss_callercache {
    apr_pool_t *pool;                       /* used under the mutex only */
    apr_thread_mutex_t *mutex;
    record record[SETS][WAYS];
};

apr_status_t kiss_callercache_create(kiss_callercache **cache, apr_pool_t *p)
{
    kiss_callercache *made = apr_pcalloc(p, sizeof(*made));
    apr_allocator_t *allocator;
    apr_status_t rv = apr_thread_mutex_create(&made->mutex, APR_THREAD_MUTEX_DEFAULT, p);

    if (rv == APR_SUCCESS) {
        rv = apr_allocator_create(&allocator);
    }
    if (rv != APR_SUCCESS) {
        return rv;
    }
    /* An allocator of its own: that of the child's pool is not for several threads. */
    rv = apr_pool_create_ex(&made->pool, p, NULL, allocator);
    if (rv != APR_SUCCESS) {
        apr_allocator_destroy(allocator);
        return rv;
    }
    apr_allocator_owner_set(allocator, made->pool);
    apr_pool_tag(made->pool, "kiss_callercache");
    *cache = made;
    return APR_SUCCESS;
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

    copy->state = NULL;
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

/** The record of this caller, under the mutex; else the place for it: a free one, or the longest unused. */
static record *find(kiss_callercache *cache, const kiss_db *db, const unsigned char *digest)
{
    record *set = cache->record[digest[0] % SETS], *place = &set[0];
    int i;

    for (i = 0; i < WAYS && set[i].pool; i++) {
        if (memcmp(set[i].digest, digest, KISS_SHA256_LEN) == 0 && set[i].db == db) {
            return &set[i];
        }
        place = set[i].used < place->used ? &set[i] : place;
    }
    return i < WAYS ? &set[i] : place;
}

static int holds(const record *r, const kiss_db *db, const unsigned char *digest)
{
    return r->pool && r->db == db && memcmp(r->digest, digest, KISS_SHA256_LEN) == 0;
}

kiss_caller *kiss_callercache_get(kiss_callercache *cache, const kiss_db *db, const unsigned char digest[KISS_SHA256_LEN],
                               const char *state, int *note, apr_pool_t *p)
{
    apr_int64_t now = kiss_clock_now();
    kiss_caller *copy = NULL;
    record *r;

    *note = 0;
    if (apr_thread_mutex_lock(cache->mutex) != APR_SUCCESS) {
        return NULL;
    }
    r = find(cache, db, digest);
    if (holds(r, db, digest) && strcmp(r->state, state) == 0 && (!r->until || now < r->until)) {
        copy = copy_caller(r->caller, p);
        r->used = now;
        *note = now - r->noted >= NOTE_AFTER;
        r->noted = *note ? now : r->noted;
    }
    apr_thread_mutex_unlock(cache->mutex);
    return copy;
}

void kiss_callercache_put(kiss_callercache *cache, const kiss_db *db, const unsigned char digest[KISS_SHA256_LEN],
                       const char *state, apr_int64_t until, const kiss_caller *caller)
{
    apr_int64_t now = kiss_clock_now();
    record *r;

    if (apr_thread_mutex_lock(cache->mutex) != APR_SUCCESS) {
        return;
    }
    r = find(cache, db, digest);
    if (r->pool) {
        apr_pool_clear(r->pool);
    }
    if (r->pool || apr_pool_create(&r->pool, cache->pool) == APR_SUCCESS) {
        r->db = db;
        memcpy(r->digest, digest, KISS_SHA256_LEN);
        r->state = apr_pstrdup(r->pool, state);
        r->until = until;
        r->used = r->noted = now;
        r->caller = copy_caller(caller, r->pool);
    }
    apr_thread_mutex_unlock(cache->mutex);
}
