/* SPDX-License-Identifier: Apache-2.0 */
/* Unit test: counters in shared memory, a process that is killed between any two stores: what is left is right, or heals. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/ratelimit/slots.h"
#include "lib/ratelimit/store_order.h"
#include "unit.h"

#define HOUR (APR_INT64_C(3600) * 1000000)
#define CLIENTS 16
#define KEYS 2
#define ALL APR_UINT32_MAX

/* --- the process that dies --- */

static int die_at;                      /* 0: never */

void kiss_store_order_hook(void)
{
    if (die_at && --die_at == 0) {
        raise(SIGKILL);
    }
}

static kiss_slots table;
static apr_size_t size;
static char *memory;

static const unsigned char *id_of(apr_uint32_t n)
{
    static unsigned char id[4][KISS_SLOT_ID];
    static int at;
    unsigned char *mine = id[at++ % 4];

    memset(mine, 0, KISS_SLOT_ID);
    mine[0] = 1;
    memcpy(&mine[4], &n, sizeof(n));    /* all of them in one set of neighbours */
    return mine;
}

typedef void (*operation)(apr_uint32_t who, apr_int64_t now, apr_uint32_t limit);

static void take_key(apr_uint32_t who, apr_int64_t now, apr_uint32_t limit)
{
    int lost = 0;

    kiss_sliding_window_take(&table.sliding[kiss_slots_find_key(&table, id_of(who), now, &lost)], now, HOUR, limit);
}

static void take_windows(apr_uint32_t who, apr_int64_t now, apr_uint32_t limit)
{
    int lost = 0, w;
    kiss_slot *s = kiss_slots_find(&table, id_of(who), now, 1, KISS_RANK_CALLER, &lost);

    for (w = 0; w < KISS_WINDOWS; w++) {
        kiss_fixed_window_take(&s->window[w], now, kiss_fixed_window_length[w], limit);
    }
    s->used = now;
}

/** Does it in another process that is killed at the store with this number. @return 0 when there are not so many */
static int killed(operation op, apr_uint32_t who, apr_int64_t now, apr_uint32_t limit, int store)
{
    pid_t pid = fork();
    int status = 0;

    if (pid == 0) {
        die_at = store;
        op(who, now, limit);
        _exit(0);
    }
    if (pid < 0 || waitpid(pid, &status, 0) != pid) {
        printf("Bail out! no process\n");
        exit(1);
    }
    return WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
}

/* --- what is left --- */

/** Requests that count for a key at `now`, found without changing anything; -1 when it is not known. */
static long key_count(apr_uint32_t who, apr_int64_t now)
{
    const kiss_key_slot *key = kiss_slots_known_key(&table, id_of(who));
    static kiss_sliding_window copy;

    if (!key) {
        return -1;
    }
    copy = table.sliding[key - table.keys];
    return (long)(ALL - kiss_sliding_window_take(&copy, now, HOUR, ALL).remaining) - 1;
}

/** Requests in a window of a caller; -1 when it is not known. */
static long window_count(apr_uint32_t who, apr_int64_t now, int w)
{
    int lost = 0;
    const kiss_slot *s = kiss_slots_find(&table, id_of(who), now, 0, KISS_RANK_GUESS, &lost);

    return !s ? -1 : (long)(ALL - kiss_fixed_window_peek(&s->window[w], now, kiss_fixed_window_length[w], ALL).remaining);
}

/** 1 when the requests that counted count, the one in the middle or not, and nothing else. */
static int is_right(long before, long after)
{
    return after == (before < 0 ? 0 : before) || after == (before < 0 ? 0 : before) + 1 || (before < 0 && after < 0);
}

typedef struct {
    int deaths, wrong, stuck, others;
} outcome;

static void check_key(outcome *o, apr_uint32_t who, apr_int64_t now, const long before[4])
{
    apr_uint32_t i, known = 0;

    o->wrong += !is_right(before[who], key_count(who, now));
    for (i = 0; i < 4; i++) {
        known += key_count(i, now) >= 0;
        /* Another key is as it was, or has made room. */
        o->others += i != who && key_count(i, now) != before[i] && (key_count(i, now) >= 0 || before[who] >= 0);
        o->stuck += key_count(i, now + 2 * HOUR) > 0;
    }
    o->others += known > KEYS;
}

static void check_windows(outcome *o, apr_uint32_t who, apr_int64_t now, long before[4][KISS_WINDOWS])
{
    apr_uint32_t i;
    int w;

    for (w = 0; w < KISS_WINDOWS; w++) {
        o->wrong += !is_right(before[who][w], window_count(who, now, w));
        for (i = 0; i < 4; i++) {
            o->others += i != who && window_count(i, now, w) != before[i][w]
                         && (window_count(i, now, w) >= 0 || before[who][w] >= 0);
            o->stuck += window_count(i, now + 2 * HOUR, w) > 0;
        }
    }
}

static void run(operation op, const char *what, int steps)
{
    outcome o = { 0, 0, 0, 0 };
    char *saved = malloc(size), text[200];
    apr_int64_t now = 1000;
    int i, store;

    memset(memory, 0, size);
    for (i = 0; i < steps; i++) {
        apr_uint32_t who = dice(8) ? dice(2) : dice(4), limit = dice(4) ? 60 : 1 + dice(5000), j;
        long keys[4], windows[4][KISS_WINDOWS];
        int w;

        now += dice(30) ? dice(60000000) : (apr_int64_t)dice(100) * 60000000;
        for (j = 0; j < 4; j++) {
            keys[j] = key_count(j, now);
            for (w = 0; w < KISS_WINDOWS; w++) {
                windows[j][w] = window_count(j, now, w);
            }
        }
        memcpy(saved, memory, size);
        for (store = 1; killed(op, who, now, limit, store); store++) {
            o.deaths++;
            if (op == take_key) {
                check_key(&o, who, now, keys);
            }
            else {
                check_windows(&o, who, now, windows);
            }
            memcpy(memory, saved, size);
        }
        /* The last process has lived: its request counts. */
    }
    snprintf(text, sizeof(text), "%s: %d processes killed: %d wrong counts, %d that stay, %d of others", what, o.deaths,
             o.wrong, o.stuck, o.others);
    ok(o.deaths > 2 * steps && !o.wrong && !o.stuck && !o.others, text);
    free(saved);
}

void unit_store_order(void)
{
    size = kiss_slots_size(CLIENTS, KEYS);
    memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) {
        printf("Bail out! no memory\n");
        exit(1);
    }
    kiss_slots_init(&table, memory, CLIENTS, KEYS);
    run(take_windows, "two windows", 500);
    run(take_key, "a sliding hour", 500);
}
