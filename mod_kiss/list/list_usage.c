/* SPDX-License-Identifier: Apache-2.0 */
/**
 * list_usage - counts the use of lists in a shared table without locks.
 */
#include "list/list_usage.h"

#include <apr_atomic.h>
#include <apr_shm.h>

#include <stdlib.h>
#include <string.h>

#include "caller/caller.h"
#include "core/config.h"

#define RETAINED "mod_kiss-usage-1"     /* changes with the layout below: an old segment is not used then */

/* A list is in one of WAYS neighbouring slots. When all of them are taken, it is not counted until one is free. */
#define SLOTS 4096
#define WAYS  16

/* Weight of a request. Each minute it decays by a 64th and one: half of it in 45 minutes, a single request in two
 * hours. */
#define HIT   256
#define DECAY  64
#define MOST  (APR_UINT32_MAX / 2)

/* Room for names: a customer code has up to 64 characters of up to 4 bytes. */
#define ENDPOINT_BYTES 24
#define CUSTOMER_BYTES 260

/* A FREE slot is TAKEN by the process that will fill it, then READY; only the process that decays the counts sets it
 * FREE again. */
enum { FREE, TAKEN, READY };

/**
 * A slot. Its key is a digest of the path of the location, name and origin of its database, endpoint, and the terms
 * that the endpoint depends on (kiss_list_usage_key()). It contains no data and no revision of the database: lists that
 * are built because of it are read anew. Position independent, since processes may map the segment at different
 * addresses.
 */
typedef struct {
    volatile apr_uint32_t state;
    volatile apr_uint32_t weight[2];    /* of requests for the plain and for the compressed variant */
    apr_uint32_t stuck;                 /* minutes that it has been TAKEN: its process may have died */
    apr_uint64_t key, location;
    char endpoint[ENDPOINT_BYTES];
    char customer[CUSTOMER_BYTES];
} slot;

/** State that survives a reload. Lives in the process pool, like the segment. */
typedef struct {
    apr_shm_t *shm;
    slot *slots;
} segment;

/** The table, mapped in this process; NULL when nothing is counted. */
static slot *slots;

void kiss_list_usage_create(server_rec *s)
{
    segment *retained = ap_retained_data_get(RETAINED);
    apr_status_t rv = APR_SUCCESS;

    slots = NULL;
    if (!kiss_config_warm(s)) {
        return;
    }
    if (!retained) {
        retained = ap_retained_data_create(RETAINED, sizeof(*retained));
    }
    if (!retained->slots) {
        /* Anonymous and zero initially; pages use memory only when they are written to. */
        rv = apr_shm_create(&retained->shm, SLOTS * sizeof(slot), NULL, s->process->pool);
        retained->slots = rv == APR_SUCCESS ? apr_shm_baseaddr_get(retained->shm) : NULL;
    }
    if (!retained->slots) {
        ap_log_error(APLOG_MARK, APLOG_WARNING, rv, s, KISS_LOGNO(0721) "no shared memory to count which lists are used: "
                     "KissWarm does nothing");
    }
    slots = retained->slots;
}

/* --- keys --- */

/** FNV-1a over a text and its NUL. */
static apr_uint64_t digest(apr_uint64_t h, const char *text)
{
    const unsigned char *c = (const unsigned char *)text;

    do {
        h = (h ^ *c) * APR_UINT64_C(1099511628211);
    } while (*c++);
    return h;
}

apr_uint64_t kiss_list_usage_location(const kiss_dir_conf *conf, const server_rec *s)
{
    const kiss_database_conf *database = kiss_config_database(conf, s);
    apr_uint64_t h = digest(APR_UINT64_C(14695981039346656037), conf->base);

    return database ? digest(digest(h, database->name), database->origin) : h;
}

/**
 * Adds the terms that the endpoint depends on. Unlike kiss_caller_cache_key() without the epoch: the counts remain
 * valid after a backup was restored.
 */
static apr_uint64_t add_terms(apr_uint64_t h, const kiss_req *k)
{
    const kiss_terms terms = kiss_caller_terms(k->caller, k->endpoint);
    int i;

    h = digest(h, k->endpoint->name);
    for (i = 0; i < KISS_TERMS; i++) {
        h = terms.term[i] ? digest(h, terms.term[i]) : h;
    }
    for (i = 0; terms.discount && i < (int)sizeof(*terms.discount); i++) {
        h = (h ^ ((apr_uint64_t)*terms.discount >> (8 * i) & 0xff)) * APR_UINT64_C(1099511628211);
    }
    return h;
}

apr_uint64_t kiss_list_usage_key(const kiss_req *k)
{
    return add_terms(kiss_list_usage_location(k->conf, k->server), k);
}

/* --- counting --- */

static void add(slot *s, int gzip)
{
    if (apr_atomic_read32(&s->weight[gzip]) < MOST) {
        apr_atomic_add32(&s->weight[gzip], HIT);
    }
}

/** One of the slots where a key may be. */
static slot *slot_of(apr_uint64_t key, int way)
{
    return &slots[((key >> 32 ^ key) % (SLOTS / WAYS)) * WAYS + (apr_uint64_t)way];
}

void kiss_list_usage_count(const kiss_req *k, int gzip)
{
    apr_uint64_t location, key;
    slot *s, *free_slot = NULL;
    int i;

    if (!slots) {
        return;
    }
    location = kiss_list_usage_location(k->conf, k->server);
    key = add_terms(location, k);
    for (i = 0; i < WAYS; i++) {
        apr_uint32_t state;

        s = slot_of(key, i);
        state = apr_atomic_read32(&s->state);
        if (state == READY && s->key == key) {
            add(s, gzip);
            return;
        }
        free_slot = !free_slot && state == FREE ? s : free_slot;
    }
    /* Two children may do this at the same time: a list with two slots is only checked twice. */
    if (free_slot && apr_atomic_cas32(&free_slot->state, TAKEN, FREE) == FREE) {
        free_slot->key = key;
        free_slot->location = location;
        apr_cpystrn(free_slot->endpoint, k->endpoint->name, ENDPOINT_BYTES);
        apr_cpystrn(free_slot->customer, k->caller->code, CUSTOMER_BYTES);
        add(free_slot, gzip);
        apr_atomic_xchg32(&free_slot->state, READY);
    }
}

/* --- for the cache warmer --- */

static int by_weight(const void *a, const void *b)
{
    const kiss_list_usage *x = a, *y = b;

    return (x->weight < y->weight) - (x->weight > y->weight);
}

apr_array_header_t *kiss_list_usage_list(apr_pool_t *p)
{
    apr_array_header_t *all = apr_array_make(p, 64, sizeof(kiss_list_usage));
    int i;

    for (i = 0; slots && i < SLOTS; i++) {
        slot *s = &slots[i];

        if (apr_atomic_read32(&s->state) == READY) {
            apr_uint32_t plain = apr_atomic_read32(&s->weight[0]), gzip = apr_atomic_read32(&s->weight[1]);
            kiss_list_usage *u = apr_array_push(all);

            u->key = s->key;
            u->location = s->location;
            u->endpoint = apr_pstrndup(p, s->endpoint, ENDPOINT_BYTES);
            u->customer = apr_pstrndup(p, s->customer, CUSTOMER_BYTES);
            u->gzip = gzip > 0;
            u->weight = plain + gzip;
        }
    }
    qsort(all->elts, (size_t)all->nelts, sizeof(kiss_list_usage), by_weight);
    return all;
}

static void forget(slot *s)
{
    s->weight[0] = s->weight[1] = 0;
    s->stuck = 0;
    apr_atomic_xchg32(&s->state, FREE);
}

void kiss_list_usage_forget(apr_uint64_t key)
{
    int i;

    for (i = 0; slots && i < WAYS; i++) {
        slot *s = slot_of(key, i);

        if (apr_atomic_read32(&s->state) == READY && s->key == key) {
            forget(s);
        }
    }
}

static void decay(volatile apr_uint32_t *weight)
{
    apr_uint32_t w = apr_atomic_read32(weight), less = w / DECAY + 1;

    if (w) {
        apr_atomic_sub32(weight, less < w ? less : w);
    }
}

void kiss_list_usage_decay(void)
{
    int i;

    for (i = 0; slots && i < SLOTS; i++) {
        slot *s = &slots[i];
        apr_uint32_t state = apr_atomic_read32(&s->state);

        decay(&s->weight[0]);
        decay(&s->weight[1]);
        s->stuck = state == TAKEN ? s->stuck + 1 : 0;
        if (s->stuck > 1 || (state == READY && !s->weight[0] && !s->weight[1])) {
            forget(s);
        }
    }
}
