/* SPDX-License-Identifier: Apache-2.0 */
/**
 * recent - rings of requests and a table of callers, whose entries have a sequence number that is odd while one is written.
 */
#include "core/recent.h"

#include <stdlib.h>
#include <string.h>

/* A caller is in one of WAYS neighbouring entries; the one with the oldest request makes room. */
#define CALLERS 1024
#define WAYS    8

/** A request; the sequence number is 0 for none. */
typedef struct {
    apr_uint32_t sequence;
    kiss_recent_request request;
} entry;

typedef struct {
    apr_uint32_t sequence;
    apr_uint64_t key;                       /* digest of zone and name */
    kiss_recent_caller caller;
} caller_entry;

/** The memory. Position independent. */
typedef struct {
    apr_uint64_t next[KISS_RECENTS];        /* number of the next entry of a ring */
    apr_int64_t threshold;                  /* no request that was quicker is among the slowest; microseconds */
    apr_int64_t until;                      /* time at which that has to be found again */
    entry ring[KISS_RECENTS][KISS_RECENT_ENTRIES];
    caller_entry callers[CALLERS];
} recent;

static recent *memory;

apr_size_t kiss_recent_size(void)
{
    return sizeof(recent);
}

void kiss_recent_attach(void *base)
{
    memory = base;
}

/* --- entries --- */

/** Begins to write an entry. @return 0 when another process writes it */
static int begin(apr_uint32_t *sequence)
{
    apr_uint32_t before = __atomic_load_n(sequence, __ATOMIC_RELAXED);

    if ((before & 1) || !__atomic_compare_exchange_n(sequence, &before, before + 1, 0, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED)) {
        return 0;
    }
    /* Who sees a part of what is written now sees the odd number, too. */
    __atomic_thread_fence(__ATOMIC_RELEASE);
    return 1;
}

static void end(apr_uint32_t *sequence)
{
    __atomic_fetch_add(sequence, 1, __ATOMIC_RELEASE);
}

/** Copies an entry. @return 0 when there is none, or it was written meanwhile */
static int copy_entry(void *to, const void *from, apr_size_t size, const apr_uint32_t *sequence)
{
    apr_uint32_t before = __atomic_load_n(sequence, __ATOMIC_ACQUIRE);

    memcpy(to, from, size);
    __atomic_thread_fence(__ATOMIC_ACQUIRE);
    return before && !(before & 1) && __atomic_load_n(sequence, __ATOMIC_RELAXED) == before;
}

static void fill(kiss_recent_request *to, const kiss_req *k, const request_rec *r, int zone, apr_time_t now)
{
    /* Read on their own by weight(), as key and last of a caller by find(): others may write them meanwhile. */
    __atomic_store_n(&to->time, now, __ATOMIC_RELAXED);
    __atomic_store_n(&to->duration, now - r->request_time, __ATOMIC_RELAXED);
    to->db_time = k->db_time;
    to->zone = zone;
    to->status = r->status;
    apr_cpystrn(to->method, r->method ? r->method : "", sizeof(to->method));
    apr_cpystrn(to->endpoint, k->endpoint ? k->endpoint->name : "", sizeof(to->endpoint));
    apr_cpystrn(to->path, r->uri ? r->uri : "", sizeof(to->path));
    apr_cpystrn(to->caller, k->verified && k->principal ? k->principal : "", sizeof(to->caller));
    apr_cpystrn(to->id, k->request_id ? k->request_id : "", sizeof(to->id));
}

static void write_entry(entry *e, const kiss_req *k, const request_rec *r, int zone, apr_time_t now)
{
    if (begin(&e->sequence)) {
        fill(&e->request, k, r, zone, now);
        end(&e->sequence);
    }
}

/* --- the slowest --- */

/** Duration by which an entry counts among the slowest: none after an hour. */
static apr_interval_time_t weight(const entry *e, apr_time_t now)
{
    return __atomic_load_n(&e->sequence, __ATOMIC_RELAXED)
           && now - __atomic_load_n(&e->request.time, __ATOMIC_RELAXED) < KISS_RECENT_HOUR
           ? __atomic_load_n(&e->request.duration, __ATOMIC_RELAXED) : 0;
}

/** Replaces the quickest of the slowest. The races only cost an entry. */
static void note_slow(const kiss_req *k, const request_rec *r, int zone, apr_time_t now)
{
    entry *ring = memory->ring[KISS_RECENT_SLOW], *least = &ring[0];
    apr_int64_t second;
    int i;

    if (now - r->request_time <= __atomic_load_n(&memory->threshold, __ATOMIC_RELAXED)
        && now < __atomic_load_n(&memory->until, __ATOMIC_RELAXED)) {
        return;
    }
    for (i = 1; i < KISS_RECENT_ENTRIES; i++) {
        least = weight(&ring[i], now) < weight(least, now) ? &ring[i] : least;
    }
    if (now - r->request_time > weight(least, now)) {
        write_entry(least, k, r, zone, now);
    }
    second = weight(&ring[0], now);
    for (i = 1; i < KISS_RECENT_ENTRIES; i++) {
        second = weight(&ring[i], now) < second ? weight(&ring[i], now) : second;
    }
    __atomic_store_n(&memory->threshold, second, __ATOMIC_RELAXED);
    __atomic_store_n(&memory->until, now + KISS_RECENT_HOUR / 60, __ATOMIC_RELAXED);
}

/* --- callers --- */

/** FNV-1a of a zone and a name; never 0. */
static apr_uint64_t digest(int zone, const char *name)
{
    apr_uint64_t h = APR_UINT64_C(14695981039346656037) + (apr_uint64_t)zone;

    for (; *name; name++) {
        h = (h ^ (unsigned char)*name) * APR_UINT64_C(1099511628211);
    }
    return h ? h : 1;
}

static apr_time_t last(const caller_entry *e)
{
    return __atomic_load_n(&e->caller.last, __ATOMIC_RELAXED);
}

/** The entry of a caller; else the one that it is to replace, with another key. */
static caller_entry *find(apr_uint64_t key)
{
    caller_entry *set = &memory->callers[((key >> 32 ^ key) % (CALLERS / WAYS)) * WAYS], *oldest = set;
    int i;

    for (i = 0; i < WAYS; i++) {
        if (__atomic_load_n(&set[i].key, __ATOMIC_RELAXED) == key) {
            return &set[i];
        }
        oldest = last(&set[i]) < last(oldest) ? &set[i] : oldest;
    }
    return oldest;
}

static void note_caller(const kiss_req *k, const request_rec *r, int zone, apr_time_t now)
{
    apr_uint64_t key = digest(zone, k->principal);
    caller_entry *e = find(key);
    kiss_recent_caller *c = &e->caller;

    if (!begin(&e->sequence)) {
        return;
    }
    if (e->key != key) {
        __atomic_store_n(&e->key, key, __ATOMIC_RELAXED);
        c->zone = zone;
        apr_cpystrn(c->name, k->principal, sizeof(c->name));
        c->requests = c->refused = 0;
        memset(c->window, 0, sizeof(c->window));
    }
    __atomic_store_n(&c->last, now, __ATOMIC_RELAXED);
    c->requests++;
    c->refused += r->status == HTTP_TOO_MANY_REQUESTS;
    if (k->tally.window[KISS_TALLY_HOUR].limit) {
        memcpy(c->window, k->tally.window, sizeof(c->window));
    }
    end(&e->sequence);
}

void kiss_recent_note(const kiss_req *k, const request_rec *r, int zone, apr_time_t now)
{
    if (r->status >= HTTP_BAD_REQUEST) {
        kiss_recent_kind kind = r->status >= HTTP_INTERNAL_SERVER_ERROR ? KISS_RECENT_FAILED : KISS_RECENT_REFUSED;
        apr_uint64_t n = __atomic_fetch_add(&memory->next[kind], 1, __ATOMIC_RELAXED);

        write_entry(&memory->ring[kind][n % KISS_RECENT_ENTRIES], k, r, zone, now);
    }
    note_slow(k, r, zone, now);
    if (k->verified && k->principal) {
        note_caller(k, r, zone, now);
    }
}

/* --- reading --- */

static int by_time(const void *a, const void *b)
{
    const kiss_recent_request *x = a, *y = b;

    return (x->time < y->time) - (x->time > y->time);
}

static int by_duration(const void *a, const void *b)
{
    const kiss_recent_request *x = a, *y = b;

    return (x->duration < y->duration) - (x->duration > y->duration);
}

static int by_last(const void *a, const void *b)
{
    const kiss_recent_caller *x = a, *y = b;

    return (x->last < y->last) - (x->last > y->last);
}

apr_array_header_t *kiss_recent_requests(kiss_recent_kind kind, apr_pool_t *p)
{
    apr_array_header_t *all = apr_array_make(p, KISS_RECENT_ENTRIES, sizeof(kiss_recent_request));
    apr_time_t now = apr_time_now();
    kiss_recent_request r;
    int i;

    for (i = 0; i < KISS_RECENT_ENTRIES; i++) {
        const entry *e = &memory->ring[kind][i];

        if (copy_entry(&r, &e->request, sizeof(r), &e->sequence)
            && (kind != KISS_RECENT_SLOW || now - r.time < KISS_RECENT_HOUR)) {
            APR_ARRAY_PUSH(all, kiss_recent_request) = r;
        }
    }
    qsort(all->elts, (size_t)all->nelts, sizeof(r), kind == KISS_RECENT_SLOW ? by_duration : by_time);
    return all;
}

apr_array_header_t *kiss_recent_callers(apr_pool_t *p)
{
    apr_array_header_t *all = apr_array_make(p, 64, sizeof(kiss_recent_caller));
    kiss_recent_caller c;
    int i;

    for (i = 0; i < CALLERS; i++) {
        const caller_entry *e = &memory->callers[i];

        if (copy_entry(&c, &e->caller, sizeof(c), &e->sequence)) {
            APR_ARRAY_PUSH(all, kiss_recent_caller) = c;
        }
    }
    qsort(all->elts, (size_t)all->nelts, sizeof(c), by_last);
    return all;
}
