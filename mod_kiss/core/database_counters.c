/* SPDX-License-Identifier: Apache-2.0 */
/**
 * database_counters - the counters of databases in shared memory.
 */
#include "core/database_counters.h"

#include <string.h>

#include "lib/api/plan.h"
#include "lib/base/clock.h"
#include "lib/base/crypto.h"

/* An hour, and the bits of a time below its number: twelve days. */
#define HOUR      KISS_MI(60)
#define TIME_BITS 40
#define MOST      ((APR_UINT64_C(1) << TIME_BITS) - 1)

int kiss_database_counters_same(const kiss_counted_database *a, const kiss_counted_database *b)
{
    return a->plan == b->plan && strcmp(a->host, b->host) == 0 && strcmp(a->conf->name, b->conf->name) == 0;
}

apr_size_t kiss_database_counters_size(int n)
{
    return (apr_size_t)n * sizeof(kiss_database_counters);
}

/** Digest of what the counters are: another module may have other statements, or have them in another order. */
static void derive_id(unsigned char id[KISS_SHA256_LEN], const kiss_counted_database *d, apr_pool_t *p)
{
    apr_array_header_t *parts = apr_array_make(p, 2 * KISS_COUNTED_STATEMENTS, sizeof(const char *));
    const char *text;
    int i;

    APR_ARRAY_PUSH(parts, const char *) = d->host;
    APR_ARRAY_PUSH(parts, const char *) = d->conf->name;
    APR_ARRAY_PUSH(parts, const char *) = d->plan->api->name;
    for (i = 1; i <= KISS_COUNTED_STATEMENTS && (text = kiss_plan_statement_name(d->plan, i, p)); i++) {
        APR_ARRAY_PUSH(parts, const char *) = text;
    }
    text = apr_array_pstrcat(p, parts, '\n');
    kiss_crypto_sha256(id, text, strlen(text));
}

int kiss_database_counters_attach(void *memory, int n, const apr_array_header_t *found, apr_pool_t *p)
{
    static const unsigned char none[KISS_SHA256_LEN];
    kiss_database_counters *all = memory;
    int i, at, lost = 0;

    for (i = 0; i < found->nelts; i++) {
        const kiss_counted_database *d = &APR_ARRAY_IDX(found, i, kiss_counted_database);
        unsigned char id[KISS_SHA256_LEN];

        derive_id(id, d, p);
        for (at = 0; at < n && memcmp(all[at].id, none, sizeof(none)) != 0 && memcmp(all[at].id, id, sizeof(id)) != 0;
             at++) {
            continue;
        }
        if (at < n) {
            memcpy(all[at].id, id, sizeof(id));
        }
        d->conf->counters = at < n ? &all[at] : NULL;
        lost += at == n;
    }
    return lost;
}

void kiss_database_counters_statement(kiss_database_counters *c, int number, apr_int64_t start)
{
    apr_int64_t now = kiss_clock_now();
    apr_uint64_t time = now > start ? (apr_uint64_t)(now - start) : 0, hour = (apr_uint64_t)(now / HOUR), longest, before;
    kiss_statement_times *t;

    if (!c || number < 1 || number > KISS_COUNTED_STATEMENTS) {
        return;
    }
    t = &c->statement[number - 1];
    kiss_counter_add(&t->count, 1);
    kiss_counter_add(&t->sum, time);
    /* The number of the hour is above the time: a time of a later hour is longer than each of an earlier one. */
    longest = hour << TIME_BITS | (time < MOST ? time : MOST);
    before = kiss_counter_read(&t->longest[hour & 1]);
    while (longest > before && !__atomic_compare_exchange_n(&t->longest[hour & 1], &before, longest, 1, __ATOMIC_RELAXED,
                                                            __ATOMIC_RELAXED)) {
        continue;
    }
}

apr_int64_t kiss_database_counters_longest(const kiss_statement_times *times)
{
    apr_uint64_t hour = (apr_uint64_t)(kiss_clock_now() / HOUR), longest = 0;
    int i;

    for (i = 0; i < 2; i++) {
        apr_uint64_t one = kiss_counter_read(&times->longest[i]);

        if (one >> TIME_BITS >= hour - (hour > 0) && (one & MOST) > longest) {
            longest = one & MOST;
        }
    }
    return (apr_int64_t)longest;
}
