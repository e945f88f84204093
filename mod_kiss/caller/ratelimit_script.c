/* SPDX-License-Identifier: Apache-2.0 */
/**
 * ratelimit_script - scripts in Lua, batches of requests, replies.
 */
#include "caller/ratelimit_script.h"

#include <apr_sha1.h>
#include <apr_strings.h>

#include <string.h>

#include "lib/ratelimit/fixed_window.h"

/* Numbers of each caller in a reply. */
#define ANSWERS 4

/* Words of a command that are neither keys nor of one caller: command, script, number of keys, two arguments. */
#define WORDS 5

/** A script that Redis runs as one step. */
typedef struct {
    const char *text;
    int keys;                                   /* of each caller */
    char sha[2 * APR_SHA1_DIGESTSIZE + 1];      /* its digest, by which it is called; set in post_config */
} script;

/* Each caller's errors are its own: a key that is somebody else's must not end the counting of all. What is wrong with the
 * server ends it. */
#define UNLESS_OWN(e) \
    "    if not (" e ":find('WRONGTYPE', 1, true) or " e ":find('not an integer', 1, true)\n" \
    "            or " e ":find('overflow', 1, true)) then\n" \
    "      return redis.error_reply(" e ")\n" \
    "    end\n"

/*
 * Windows: KEYS, two for each caller; ARGV, the lengths of the windows in milliseconds, and the number of requests of each
 * caller. Two numbers with an end: a number without one is somebody else's. The reply has number and milliseconds of each.
 *
 * Hour: KEYS, one for each caller; ARGV, the length in microseconds, a word that is not used, limit and number of requests
 * of each caller. A list of times, as microseconds of the server's clock, the oldest first. The time is read once: within a
 * script it may go on. It never goes back in a list. The reply has how many are allowed, how many are counted then, and
 * in what time the oldest leaves.
 */
static script scripts[KISS_SCRIPTS] = {
    [KISS_SCRIPT_WINDOWS] = {
        "local answer, call, pcall = {}, redis.call, redis.pcall\n"
        "for i = 1, #KEYS do\n"
        "  local key, w, n = KEYS[i], 2 - i % 2, ARGV[2 + (i + i % 2) / 2]\n"
        "  local count, ttl = pcall('INCRBY', key, n), ARGV[w]\n"
        "  if type(count) == 'table' then\n"
        "    count = count.err\n"
        UNLESS_OWN("count")
        "  elseif count == tonumber(n) then\n"
        "    call('PEXPIRE', key, ttl)\n"
        "  else\n"
        "    ttl = call('PTTL', key)\n"
        "    if ttl == -1 then count = 'a counter has no end' end\n"
        "  end\n"
        "  answer[2 * i - 1], answer[2 * i] = count, tonumber(ttl)\n"
        "end\n"
        "return answer", 2, ""
    },
    [KISS_SCRIPT_HOUR] = {
        "local t, length, answer = redis.call('TIME'), tonumber(ARGV[1]), {}\n"
        "local clock = tonumber(t[1]) * 1000000 + tonumber(t[2])\n"
        "for i = 1, #KEYS do\n"
        "  local key, limit, n, now = KEYS[i], tonumber(ARGV[1 + 2 * i]), tonumber(ARGV[2 + 2 * i]), clock\n"
        "  local last, all, allowed, leaves = redis.pcall('LINDEX', key, -1), 0, 0, 0\n"
        "  if type(last) == 'table' then\n"
        "    allowed = last.err\n"
        UNLESS_OWN("allowed")
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
        "return answer", 1, ""
    }
};

/** Requests with the same counters. */
typedef struct {
    kiss_ratelimit_call *first, *last;
    int n;
} entry;

/** Those of a script. */
typedef struct {
    entry *entries;
    int n;
    int pending;                                /* its reply is still to be received */
} group;

struct kiss_ratelimit_batch {
    int max;
    int n;
    group groups[KISS_SCRIPTS];
};

void kiss_ratelimit_script_prepare(void)
{
    unsigned char digest[APR_SHA1_DIGESTSIZE];
    apr_sha1_ctx_t sha;
    int i, s;

    for (s = 0; s < KISS_SCRIPTS; s++) {
        apr_sha1_init(&sha);
        apr_sha1_update_binary(&sha, (const unsigned char *)scripts[s].text, (unsigned int)strlen(scripts[s].text));
        apr_sha1_final(digest, &sha);
        for (i = 0; i < APR_SHA1_DIGESTSIZE; i++) {
            apr_snprintf(scripts[s].sha + 2 * i, 3, "%02x", digest[i]);
        }
    }
}

/* --- a batch --- */

kiss_ratelimit_batch *kiss_ratelimit_batch_create(int max, apr_pool_t *p)
{
    kiss_ratelimit_batch *batch = apr_pcalloc(p, sizeof(*batch));
    int s;

    batch->max = max;
    for (s = 0; s < KISS_SCRIPTS; s++) {
        batch->groups[s].entries = apr_pcalloc(p, (apr_size_t)max * sizeof(entry));
    }
    return batch;
}

int kiss_ratelimit_batch_length(const kiss_ratelimit_batch *batch)
{
    return batch->n;
}

int kiss_ratelimit_batch_add(kiss_ratelimit_batch *batch, kiss_ratelimit_call *call)
{
    group *g = &batch->groups[call->script];
    int i;

    if (batch->n == batch->max) {
        return 0;
    }
    for (i = 0; i < g->n; i++) {
        const kiss_ratelimit_call *other = g->entries[i].first;

        if (other->limit == call->limit && strcmp(other->key[0], call->key[0]) == 0) {
            break;
        }
    }
    if (i == g->n) {
        memset(&g->entries[g->n++], 0, sizeof(entry));
        g->entries[i].first = call;
    }
    else {
        g->entries[i].last->next = call;
    }
    g->entries[i].last = call;
    g->entries[i].n++;
    g->pending = 1;
    batch->n++;
    return 1;
}

int kiss_ratelimit_batch_pending(const kiss_ratelimit_batch *batch, kiss_ratelimit_script s)
{
    return batch->groups[s].pending;
}

/* --- commands --- */

static const char *number(apr_int64_t n, apr_pool_t *p)
{
    return apr_off_t_toa(p, (apr_off_t)n);
}

/** Words of the command of a group. @return their number */
static int words(const char **word, const group *g, int s, int text, apr_pool_t *p)
{
    int n = 0, i, k;

    word[n++] = text ? "EVAL" : "EVALSHA";
    word[n++] = text ? scripts[s].text : scripts[s].sha;
    word[n++] = number(g->n * scripts[s].keys, p);
    for (i = 0; i < g->n; i++) {
        for (k = 0; k < scripts[s].keys; k++) {
            word[n++] = g->entries[i].first->key[k];
        }
    }
    if (s == KISS_SCRIPT_WINDOWS) {
        word[n++] = number(kiss_fixed_window_length[KISS_WINDOW_MINUTE] / 1000, p);
        word[n++] = number(kiss_fixed_window_length[KISS_WINDOW_HOUR] / 1000, p);
    }
    else {
        word[n++] = number(kiss_fixed_window_length[KISS_WINDOW_HOUR], p);
        word[n++] = "";
    }
    for (i = 0; i < g->n; i++) {
        if (s == KISS_SCRIPT_HOUR) {
            word[n++] = number(g->entries[i].first->limit, p);
        }
        word[n++] = number(g->entries[i].n, p);
    }
    return n;
}

apr_size_t kiss_ratelimit_batch_format(const kiss_ratelimit_batch *batch, int text, const char **commands, apr_pool_t *p)
{
    apr_size_t length = 0;
    char *all = NULL;
    int s;

    for (s = 0; s < KISS_SCRIPTS; s++) {
        const group *g = &batch->groups[s];
        const char **word;
        char *command, *both;
        int n;

        if (!g->pending) {
            continue;
        }
        word = apr_palloc(p, (apr_size_t)(WORDS + 4 * g->n) * sizeof(*word));
        n = (int)redisFormatCommandArgv(&command, words(word, g, s, text, p), word, NULL);
        if (n > 0) {
            both = apr_palloc(p, length + (apr_size_t)n);
            if (length) {
                memcpy(both, all, length);
            }
            memcpy(both + length, command, (apr_size_t)n);
            redisFreeCommand(command);
            all = both;
            length += (apr_size_t)n;
        }
    }
    *commands = all;
    return length;
}

/* --- replies --- */

/** Gives a request, the i-th of `n`, its part of the numbers of all of them. */
static void share(kiss_ratelimit_call *call, const apr_int64_t *of, int i, int n)
{
    memcpy(call->answer, of, sizeof(call->answer));
    if (call->script == KISS_SCRIPT_WINDOWS) {
        call->answer[0] = of[0] - n + 1 + i;
        call->answer[2] = of[2] - n + 1 + i;
    }
    else {
        call->answer[0] = i < of[0];
        call->answer[1] = i < of[0] ? of[1] - of[0] + 1 + i : of[1];
    }
}

/** Reads what the reply has of the requests of an entry. @return NULL, or an error text */
static const char *read_entry(const entry *e, redisReply *const *element)
{
    kiss_ratelimit_call *call;
    const char *error = NULL;
    apr_int64_t of[ANSWERS];
    int i;

    for (i = 0; i < ANSWERS; i++) {
        if (element[i]->type == REDIS_REPLY_STRING) {
            error = element[i]->str;
        }
        else if (element[i]->type != REDIS_REPLY_INTEGER) {
            return "an unexpected answer";
        }
        of[i] = element[i]->integer;
    }
    for (call = e->first, i = 0; call; call = call->next, i++) {
        share(call, of, i, e->n);
        apr_cpystrn(call->error, error ? error : "", sizeof(call->error));
    }
    return NULL;
}

const char *kiss_ratelimit_batch_read(kiss_ratelimit_batch *batch, kiss_ratelimit_script s, const redisReply *reply,
                                      int *unknown, apr_pool_t *p)
{
    group *g = &batch->groups[s];
    const char *why = NULL;
    int i;

    if (reply->type == REDIS_REPLY_ERROR) {
        int noscript = strncmp(reply->str, "NOSCRIPT", 8) == 0;

        *unknown |= noscript;
        return noscript ? NULL : apr_pstrdup(p, reply->str);
    }
    if (reply->type != REDIS_REPLY_ARRAY || reply->elements != (apr_size_t)(ANSWERS * g->n)) {
        return "an unexpected answer";
    }
    for (i = 0; i < g->n && !why; i++) {
        why = read_entry(&g->entries[i], reply->element + ANSWERS * i);
    }
    g->pending = why != NULL;
    return why;
}

void kiss_ratelimit_batch_end(kiss_ratelimit_batch *batch)
{
    kiss_ratelimit_call *call, *next;
    int s, i;

    for (s = 0; s < KISS_SCRIPTS; s++) {
        group *g = &batch->groups[s];

        for (i = 0; i < g->n; i++) {
            for (call = g->entries[i].first; call; call = next) {
                next = call->next;
                /* After this the request's thread goes on without a lock, and its memory may be gone. */
                __atomic_store_n(&call->state, g->pending ? KISS_CALL_FAILED : KISS_CALL_COUNTED, __ATOMIC_RELEASE);
            }
        }
        g->n = 0;
        g->pending = 0;
    }
    batch->n = 0;
}
