/* SPDX-License-Identifier: Apache-2.0 */
/**
 * ratelimit_batch - commands and a script for batches of requests, and their replies.
 */
#include "caller/ratelimit_batch.h"

#include <apr_sha1.h>
#include <apr_strings.h>

#include <string.h>

#include "lib/ratelimit/fixed_window.h"

/* Numbers of the requests of a caller. */
#define ANSWERS 4

/*
 * The sliding hour. KEYS, one for each caller; ARGV, the length in microseconds, then limit and number of requests of each.
 * A list of times, as microseconds of the server's clock, the oldest first. The time is read once: within a script it may
 * go on. It never goes back in a list. The reply has of each how many are allowed, how many are counted then, in what time
 * the oldest leaves, and 0; or the text of an error instead of the first number: a key that is somebody else's does not
 * end the counting of all.
 */
static const char hour_script[] =
    "local t, length, answer = redis.call('TIME'), tonumber(ARGV[1]), {}\n"
    "local clock = tonumber(t[1]) * 1000000 + tonumber(t[2])\n"
    "for i = 1, #KEYS do\n"
    "  local key, limit, n, now = KEYS[i], tonumber(ARGV[2 * i]), tonumber(ARGV[1 + 2 * i]), clock\n"
    "  local last, all, allowed, leaves = redis.pcall('LINDEX', key, -1), 0, 0, 0\n"
    "  if type(last) == 'table' then\n"
    "    if not last.err:find('WRONGTYPE', 1, true) then return redis.error_reply(last.err) end\n"
    "    allowed = last.err\n"
    "  else\n"
    "    if last and tonumber(last) > now then now = tonumber(last) end\n"
    "    local first = tonumber(redis.call('LINDEX', key, 0) or now)\n"
    "    while first + length <= now do\n"
    "      redis.call('LPOP', key)\n"
    "      first = tonumber(redis.call('LINDEX', key, 0) or now)\n"
    "    end\n"
    "    all = redis.call('LLEN', key)\n"
    "    while allowed < n and all < limit do\n"
    "      redis.call('RPUSH', key, string.format('%.0f', now))\n"
    "      all, allowed = all + 1, allowed + 1\n"
    "    end\n"
    "    if allowed > 0 then redis.call('PEXPIRE', key, math.ceil(length / 1000)) end\n"
    "    leaves = tonumber(redis.call('LINDEX', key, all > limit and all - limit or 0) or now) + length - now\n"
    "  end\n"
    "  local a = 4 * i\n"
    "  answer[a - 3], answer[a - 2], answer[a - 1], answer[a] = allowed, all, leaves, 0\n"
    "end\n"
    "return answer";

/* Its digest, by which it is called; set in post_config. */
static char hour_sha[2 * APR_SHA1_DIGESTSIZE + 1];

/** Requests with the same counters. */
typedef struct {
    kiss_ratelimit_call *first, *last;
    int n;
    apr_int64_t of[ANSWERS];                    /* the numbers of all of them */
    char error[KISS_CALL_ERROR];                /* "", or why their counters cannot be used */
    int asked;                                  /* 1: the numbers are known */
    unsigned endless;                           /* windows that have no end yet, a bit each */
} entry;

/** A reply that is expected. */
typedef struct {
    entry *e;
    int number;                                 /* which number of the entry; ANSWERS + window: that it has an end */
} expected;

struct kiss_ratelimit_batch {
    int max;
    int calls;
    entry *windows;                             /* counted in fixed windows */
    int nwindows;
    entry *hours;                               /* counted in sliding hours */
    int nhours;
    int hours_asked;                            /* 1: the numbers of these are known */
    int hours_text;                             /* 1: the server does not know the script's digest */
    expected *expect;                           /* replies of windows, in their order; that of the hours comes last */
    int nexpect, next;
    int expect_hours;
};

void kiss_ratelimit_batch_prepare(void)
{
    unsigned char digest[APR_SHA1_DIGESTSIZE];
    apr_sha1_ctx_t sha;
    int i;

    apr_sha1_init(&sha);
    apr_sha1_update_binary(&sha, (const unsigned char *)hour_script, sizeof(hour_script) - 1);
    apr_sha1_final(digest, &sha);
    for (i = 0; i < APR_SHA1_DIGESTSIZE; i++) {
        apr_snprintf(hour_sha + 2 * i, 3, "%02x", digest[i]);
    }
}

/* --- a batch --- */

kiss_ratelimit_batch *kiss_ratelimit_batch_create(int max, apr_pool_t *p)
{
    kiss_ratelimit_batch *batch = apr_pcalloc(p, sizeof(*batch));

    batch->max = max;
    batch->windows = apr_pcalloc(p, (apr_size_t)max * sizeof(entry));
    batch->hours = apr_pcalloc(p, (apr_size_t)max * sizeof(entry));
    batch->expect = apr_pcalloc(p, (apr_size_t)max * ANSWERS * sizeof(expected));
    return batch;
}

int kiss_ratelimit_batch_length(const kiss_ratelimit_batch *batch)
{
    return batch->calls;
}

int kiss_ratelimit_batch_add(kiss_ratelimit_batch *batch, kiss_ratelimit_call *call)
{
    entry *all = call->counting == KISS_COUNT_HOUR ? batch->hours : batch->windows, *e;
    int *n = call->counting == KISS_COUNT_HOUR ? &batch->nhours : &batch->nwindows;

    if (batch->calls == batch->max) {
        return 0;
    }
    for (e = all; e < all + *n; e++) {
        if (e->first->limit == call->limit && strcmp(e->first->key[0], call->key[0]) == 0) {
            break;
        }
    }
    if (e == all + *n) {
        memset(e, 0, sizeof(*e));
        e->first = call;
        ++*n;
    }
    else {
        e->last->next = call;
    }
    e->last = call;
    e->n++;
    batch->calls++;
    return 1;
}

/* --- commands --- */

static const char *number(apr_int64_t n, apr_pool_t *p)
{
    return apr_off_t_toa(p, (apr_off_t)n);
}

/** Adds a command of up to four words, whose reply is expected: a number of an entry, or that a window has an end. */
static void ask_window(kiss_ratelimit_batch *batch, entry *e, int what, kiss_redis_commands *commands,
                       const char *const word[4])
{
    kiss_redis_add(commands, word[2] ? word[3] ? 4 : 3 : 2, word);
    batch->expect[batch->nexpect].e = e;
    batch->expect[batch->nexpect++].number = what;
}

/**
 * Adds the commands for a caller's windows: two numbers and the ends of both or, where one has begun, its end. A host that
 * fails between these leaves a number without an end: the next one gives it one.
 */
static void ask_windows(kiss_ratelimit_batch *batch, entry *e, kiss_redis_commands *commands)
{
    int w;

    for (w = 0; w < KISS_WINDOWS; w++) {
        const char *key = e->first->key[w];

        if (!e->asked) {
            const char *const count[4] = { "INCRBY", key, number(e->n, commands->pool) }, *const left[4] = { "PTTL", key };

            ask_window(batch, e, 2 * w, commands, count);
            ask_window(batch, e, 2 * w + 1, commands, left);
        }
        else if (e->endless & 1u << w) {
            const char *const end[4] = { "PEXPIRE", key, number(kiss_fixed_window_length[w] / 1000, commands->pool), "NX" };

            ask_window(batch, e, ANSWERS + w, commands, end);
        }
    }
}

/** Adds the script for all sliding hours. */
static void ask_hours(kiss_ratelimit_batch *batch, kiss_redis_commands *commands)
{
    apr_pool_t *p = commands->pool;
    const char **word = apr_palloc(p, (apr_size_t)(4 + 3 * batch->nhours) * sizeof(*word));
    int n = 0, i;

    word[n++] = batch->hours_text ? "EVAL" : "EVALSHA";
    word[n++] = batch->hours_text ? hour_script : hour_sha;
    word[n++] = number(batch->nhours, p);
    for (i = 0; i < batch->nhours; i++) {
        word[n++] = batch->hours[i].first->key[0];
    }
    word[n++] = number(kiss_fixed_window_length[KISS_WINDOW_HOUR], p);
    for (i = 0; i < batch->nhours; i++) {
        word[n++] = number(batch->hours[i].first->limit, p);
        word[n++] = number(batch->hours[i].n, p);
    }
    kiss_redis_add(commands, n, word);
    batch->expect_hours = 1;
}

int kiss_ratelimit_batch_ask(kiss_ratelimit_batch *batch, kiss_redis_commands *commands)
{
    int i;

    batch->nexpect = batch->next = batch->expect_hours = 0;
    for (i = 0; i < batch->nwindows; i++) {
        ask_windows(batch, &batch->windows[i], commands);
    }
    if (batch->nhours && !batch->hours_asked) {
        ask_hours(batch, commands);
    }
    return kiss_ratelimit_batch_expects(batch);
}

int kiss_ratelimit_batch_expects(const kiss_ratelimit_batch *batch)
{
    return batch->next < batch->nexpect || batch->expect_hours;
}

/* --- replies --- */

/** 1 for an error that concerns a key, not the server: it holds something else than a counter. */
static int is_of_key(const char *error)
{
    return strstr(error, "WRONGTYPE") || strstr(error, "not an integer") || strstr(error, "overflow");
}

/** Reads a reply that a window has. @return NULL, or an error text in `p` */
static const char *read_window(const expected *x, const redisReply *reply, apr_pool_t *p)
{
    entry *e = x->e;
    int w = x->number / 2;

    if (reply->type == REDIS_REPLY_ERROR && is_of_key(reply->str)) {
        apr_cpystrn(e->error, reply->str, sizeof(e->error));
    }
    else if (reply->type != REDIS_REPLY_INTEGER) {
        return reply->type == REDIS_REPLY_ERROR ? apr_pstrdup(p, reply->str) : "an unexpected answer";
    }
    if (x->number >= ANSWERS) {
        e->endless &= ~(1u << (x->number - ANSWERS));
        return NULL;
    }
    e->of[x->number] = reply->integer;
    if (x->number % 2 && reply->integer == -1 && !*e->error) {
        e->endless |= 1u << w;
        e->of[x->number] = kiss_fixed_window_length[w] / 1000;
    }
    e->asked |= x->number == ANSWERS - 1;
    return NULL;
}

/** Reads the script's reply. @return NULL, or an error text in `p` */
static const char *read_hours(kiss_ratelimit_batch *batch, const redisReply *reply, apr_pool_t *p)
{
    int i, a;

    batch->expect_hours = 0;
    if (reply->type == REDIS_REPLY_ERROR && strncmp(reply->str, "NOSCRIPT", 8) == 0 && !batch->hours_text) {
        batch->hours_text = 1;          /* the server does not know it (any more): it is sent as text */
        return NULL;
    }
    if (reply->type == REDIS_REPLY_ERROR) {
        return apr_pstrdup(p, reply->str);
    }
    if (reply->type != REDIS_REPLY_ARRAY || reply->elements != (apr_size_t)(ANSWERS * batch->nhours)) {
        return "an unexpected answer";
    }
    for (i = 0; i < batch->nhours; i++) {
        for (a = 0; a < ANSWERS; a++) {
            const redisReply *element = reply->element[ANSWERS * i + a];

            if (element->type == REDIS_REPLY_STRING) {
                apr_cpystrn(batch->hours[i].error, element->str, sizeof(batch->hours[i].error));
            }
            else if (element->type != REDIS_REPLY_INTEGER) {
                return "an unexpected answer";
            }
            batch->hours[i].of[a] = element->integer;
        }
        batch->hours[i].asked = 1;
    }
    batch->hours_asked = 1;
    return NULL;
}

const char *kiss_ratelimit_batch_read(kiss_ratelimit_batch *batch, const redisReply *reply, apr_pool_t *p)
{
    return batch->next < batch->nexpect ? read_window(&batch->expect[batch->next++], reply, p) : read_hours(batch, reply, p);
}

/* --- results --- */

/** Gives a request, the i-th of its entry, its part of the numbers. */
static void share(kiss_ratelimit_call *call, const entry *e, int i)
{
    memcpy(call->answer, e->of, sizeof(call->answer));
    memcpy(call->error, e->error, sizeof(call->error));
    if (call->counting == KISS_COUNT_WINDOWS) {
        call->answer[0] = e->of[0] - e->n + 1 + i;
        call->answer[2] = e->of[2] - e->n + 1 + i;
    }
    else {
        call->answer[0] = i < e->of[0];
        call->answer[1] = i < e->of[0] ? e->of[1] - e->of[0] + 1 + i : e->of[1];
    }
}

static void end_entries(entry *entries, int n)
{
    kiss_ratelimit_call *call, *next;
    entry *e;
    int i;

    for (e = entries; e < entries + n; e++) {
        for (call = e->first, i = 0; call; call = next, i++) {
            next = call->next;
            share(call, e, i);
            /* After this the request's thread goes on without a lock, and its memory may be gone. */
            __atomic_store_n(&call->state, e->asked ? KISS_CALL_COUNTED : KISS_CALL_FAILED, __ATOMIC_RELEASE);
        }
    }
}

void kiss_ratelimit_batch_end(kiss_ratelimit_batch *batch)
{
    end_entries(batch->windows, batch->nwindows);
    end_entries(batch->hours, batch->nhours);
    batch->nwindows = batch->nhours = batch->calls = 0;
    batch->hours_asked = batch->hours_text = batch->nexpect = batch->next = batch->expect_hours = 0;
}
