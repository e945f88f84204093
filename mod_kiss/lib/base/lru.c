/* SPDX-License-Identifier: Apache-2.0 */
/**
 * lru - a hash table and an LRU list, both in arrays of fixed size.
 */
#include "lib/base/lru.h"

#include <apr_thread_mutex.h>

#include <string.h>

#define NONE (-1)

/* Links are indexes of entries, or NONE. */
typedef struct {
    int older, newer;               /* neighbours in the order of use */
    int next;                       /* next one of the same bucket, or of the free list */
    apr_uint32_t hash;
    apr_int64_t until;
    apr_size_t weight;
} entry;

struct kiss_lru {
    kiss_lru_type type;
    apr_thread_mutex_t *mutex;      /* protects all that follows */
    entry *entry;
    char *data;                     /* key, state and value of each entry */
    apr_size_t stride, state_at, value_at;
    int *bucket;                    /* its first entry */
    apr_uint32_t mask;              /* maps a hash to the number of its bucket */
    int oldest, newest, free;
    apr_size_t weight;
};

static char *data_of(const kiss_lru *lru, int i)
{
    return lru->data + lru->stride * (apr_size_t)i;
}

static apr_status_t release_all(void *table)
{
    const kiss_lru *lru = table;
    int i;

    for (i = lru->oldest; i != NONE && lru->type.release; i = lru->entry[i].newer) {
        lru->type.release(data_of(lru, i) + lru->value_at);
    }
    return APR_SUCCESS;
}

apr_status_t kiss_lru_create(kiss_lru **lru, const kiss_lru_type *type, apr_pool_t *p)
{
    kiss_lru *created = apr_pcalloc(p, sizeof(*created));
    apr_uint32_t i, buckets = 1;
    apr_status_t rv = apr_thread_mutex_create(&created->mutex, APR_THREAD_MUTEX_DEFAULT, p);

    if (rv != APR_SUCCESS) {
        return rv;
    }
    while (buckets < (apr_uint32_t)type->entries) {
        buckets *= 2;
    }
    created->type = *type;
    created->state_at = APR_ALIGN_DEFAULT(type->key_size);
    created->value_at = created->state_at + APR_ALIGN_DEFAULT(type->state_size);
    created->stride = created->value_at + APR_ALIGN_DEFAULT(type->value_size);
    created->data = apr_pcalloc(p, created->stride * (apr_size_t)type->entries);
    created->entry = apr_pcalloc(p, sizeof(entry) * (apr_size_t)type->entries);
    created->bucket = apr_palloc(p, sizeof(int) * buckets);
    created->mask = buckets - 1;
    created->oldest = created->newest = NONE;
    for (i = 0; i < buckets; i++) {
        created->bucket[i] = NONE;
    }
    for (i = 0; i < (apr_uint32_t)type->entries; i++) {
        created->entry[i].next = (int)i + 1;
    }
    created->entry[type->entries - 1].next = NONE;
    apr_pool_cleanup_register(p, created, release_all, apr_pool_cleanup_null);
    *lru = created;
    return APR_SUCCESS;
}

/** FNV-1a. */
static apr_uint32_t hash_of(const void *key, apr_size_t size)
{
    const unsigned char *c = key, *end = c + size;
    apr_uint32_t h = 2166136261u;

    while (c < end) {
        h = (h ^ *c++) * 16777619u;
    }
    return h;
}

static int find(const kiss_lru *lru, const void *key, apr_uint32_t hash)
{
    int i = lru->bucket[hash & lru->mask];

    while (i != NONE && (lru->entry[i].hash != hash || memcmp(data_of(lru, i), key, lru->type.key_size) != 0)) {
        i = lru->entry[i].next;
    }
    return i;
}

/** Removes an entry from the order of use. */
static void unlink_entry(kiss_lru *lru, int i)
{
    const entry *e = &lru->entry[i];

    *(e->older != NONE ? &lru->entry[e->older].newer : &lru->oldest) = e->newer;
    *(e->newer != NONE ? &lru->entry[e->newer].older : &lru->newest) = e->older;
}

static void link_newest(kiss_lru *lru, int i)
{
    lru->entry[i].older = lru->newest;
    lru->entry[i].newer = NONE;
    *(lru->newest != NONE ? &lru->entry[lru->newest].newer : &lru->oldest) = i;
    lru->newest = i;
}

static void drop(kiss_lru *lru, int i)
{
    entry *e = &lru->entry[i];
    int *link = &lru->bucket[e->hash & lru->mask];

    while (*link != i) {
        link = &lru->entry[*link].next;
    }
    *link = e->next;
    unlink_entry(lru, i);
    lru->weight -= e->weight;
    if (lru->type.release) {
        lru->type.release(data_of(lru, i) + lru->value_at);
    }
    e->next = lru->free;
    lru->free = i;
}

int kiss_lru_get(kiss_lru *lru, const void *key, const void *state, apr_int64_t now, void *value)
{
    const apr_uint32_t hash = hash_of(key, lru->type.key_size);
    int i, found;

    if (apr_thread_mutex_lock(lru->mutex) != APR_SUCCESS) {
        return 0;
    }
    i = find(lru, key, hash);
    found = i != NONE && (!lru->entry[i].until || now < lru->entry[i].until)
            && (!lru->type.state_size || !state
                || memcmp(data_of(lru, i) + lru->state_at, state, lru->type.state_size) == 0);
    if (found) {
        memcpy(value, data_of(lru, i) + lru->value_at, lru->type.value_size);
        if (lru->type.hold) {
            lru->type.hold(value);
        }
        unlink_entry(lru, i);
        link_newest(lru, i);
    }
    apr_thread_mutex_unlock(lru->mutex);
    return found;
}

/** Fills a free entry. */
static void add(kiss_lru *lru, const void *key, apr_uint32_t hash, const void *state, const void *value)
{
    const int i = lru->free;
    char *data = data_of(lru, i);
    entry *e = &lru->entry[i];

    lru->free = e->next;
    memcpy(data, key, lru->type.key_size);
    if (lru->type.state_size) {
        memcpy(data + lru->state_at, state, lru->type.state_size);
    }
    memcpy(data + lru->value_at, value, lru->type.value_size);
    if (lru->type.hold) {
        lru->type.hold(data + lru->value_at);
    }
    e->hash = hash;
    e->next = lru->bucket[hash & lru->mask];
    lru->bucket[hash & lru->mask] = i;
    link_newest(lru, i);
}

void kiss_lru_put(kiss_lru *lru, const void *key, const void *state, apr_int64_t until, apr_size_t weight, const void *value)
{
    const apr_uint32_t hash = hash_of(key, lru->type.key_size);
    const apr_size_t max = lru->type.weight;
    int i;

    if ((max && weight > max) || apr_thread_mutex_lock(lru->mutex) != APR_SUCCESS) {
        return;
    }
    if ((i = find(lru, key, hash)) != NONE) {
        drop(lru, i);
    }
    while (lru->free == NONE || (max && lru->weight > max - weight)) {
        drop(lru, lru->oldest);
    }
    add(lru, key, hash, state, value);
    lru->entry[lru->newest].until = until;
    lru->entry[lru->newest].weight = weight;
    lru->weight += weight;
    apr_thread_mutex_unlock(lru->mutex);
}
