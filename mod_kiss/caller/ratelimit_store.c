/* SPDX-License-Identifier: Apache-2.0 */
/**
 * ratelimit_store - connections to a Redis server, and what is counted there.
 */
#include "caller/ratelimit_store.h"

#include <apr_atomic.h>
#include <apr_sha1.h>
#include <apr_shm.h>
#include <apr_thread_mutex.h>

#include <errno.h>
#include <string.h>

#include <hiredis/hiredis.h>

#include "core/config_limit_store.h"
#include "lib/base/clock.h"

/* Idle connections of a child: more are closed. */
#define MAX_IDLE 64

/* Milliseconds from one attempt to the next while the server is away. */
#define BACKOFF 1000

/* The requests of the last hour, as microseconds of the server's clock, the oldest first. The time is read once: within a
   script
 * it may go on. It never goes back in a list. */
static const char hour_script[] =
    "local t = redis.call('TIME')\n"
    "local key, length, limit = KEYS[1], tonumber(ARGV[1]), tonumber(ARGV[2])\n"
    "local now = tonumber(t[1]) * 1000000 + tonumber(t[2])\n"
    "local last = tonumber(redis.call('LINDEX', key, -1) or 0)\n"
    "if last > now then now = last end\n"
    "local first = tonumber(redis.call('LINDEX', key, 0) or now)\n"
    "while first + length <= now do\n"
    "  redis.call('LPOP', key)\n"
    "  first = tonumber(redis.call('LINDEX', key, 0) or now)\n"
    "end\n"
    "local n, allowed = redis.call('LLEN', key), 0\n"
    "if n < limit then\n"
    "  redis.call('RPUSH', key, string.format('%.0f', now))\n"
    "  redis.call('PEXPIRE', key, math.ceil(length / 1000))\n"
    "  n, allowed = n + 1, 1\n"
    "end\n"
    "local leaves = tonumber(redis.call('LINDEX', key, n > limit and n - limit or 0))\n"
    "return { allowed, n, leaves + length - now }";

/** What the children share. */
typedef struct {
    volatile apr_uint32_t retry;        /* millisecond of kiss_clock at which to try again; 0: the server works */
} shared_state;

/** The connections of this child that are idle; NULL without KissLimitStore. */
typedef struct {
    const kiss_limit_store *conf;
    apr_thread_mutex_t *mutex;
    redisContext *idle[MAX_IDLE];
    int count;
} connections;

static shared_state *shared;
static connections *self;

/* The script's digest, which EVALSHA names. */
static char script_sha[2 * APR_SHA1_DIGESTSIZE + 1];

/* --- life cycle --- */

static void name_script(void)
{
    unsigned char digest[APR_SHA1_DIGESTSIZE];
    apr_sha1_ctx_t sha;
    int i;

    apr_sha1_init(&sha);
    apr_sha1_update_binary(&sha, (const unsigned char *)hour_script, sizeof(hour_script) - 1);
    apr_sha1_final(digest, &sha);
    for (i = 0; i < APR_SHA1_DIGESTSIZE; i++) {
        apr_snprintf(script_sha + 2 * i, 3, "%02x", digest[i]);
    }
}

void kiss_ratelimit_store_create(server_rec *s, apr_pool_t *pconf)
{
    apr_shm_t *shm;
    apr_status_t rv;

    shared = NULL;
    if (!kiss_config_server(s)->limit_store) {
        return;
    }
    rv = apr_shm_create(&shm, sizeof(*shared), NULL, pconf);
    if (rv != APR_SUCCESS) {
        ap_log_error(APLOG_MARK, APLOG_WARNING, rv, s, KISS_LOGNO(0762) "no shared memory for KissLimitStore: each host "
                     "counts by itself");
        return;
    }
    shared = apr_shm_baseaddr_get(shm);
    shared->retry = 0;
    name_script();
}

/** Closes the idle connections. Called with the mutex held, or without threads. */
static void close_idle(void)
{
    while (self->count > 0) {
        redisFree(self->idle[--self->count]);
    }
}

static apr_status_t detach(void *ignored)
{
    (void)ignored;
    close_idle();
    self = NULL;
    return APR_SUCCESS;
}

void kiss_ratelimit_store_attach(server_rec *s, apr_pool_t *pchild)
{
    connections *created = apr_pcalloc(pchild, sizeof(*created));

    self = NULL;
    created->conf = kiss_config_server(s)->limit_store;
    if (!created->conf || !shared) {
        return;
    }
    if (apr_thread_mutex_create(&created->mutex, APR_THREAD_MUTEX_DEFAULT, pchild) != APR_SUCCESS) {
        return;
    }
    self = created;
    apr_pool_cleanup_register(pchild, NULL, detach, apr_pool_cleanup_null);
}

int kiss_ratelimit_store_is_used(void)
{
    return !shared ? -1 : apr_atomic_read32(&shared->retry) == 0;
}

/* --- away, and back --- */

static apr_uint32_t now_ms(void)
{
    return (apr_uint32_t)(kiss_clock_now() / 1000);
}

/** 1 when the server is to be asked: it works, or this request is the one that tries again. */
static int may_ask(void)
{
    apr_uint32_t retry = self ? apr_atomic_read32(&shared->retry) : 0, now = now_ms();

    if (!self) {
        return 0;
    }
    return retry == 0 || ((apr_int32_t)(now - retry) >= 0
                          && apr_atomic_cas32(&shared->retry, (now + BACKOFF) | 1, retry) == retry);
}

static void went_away(kiss_req *k, const char *why)
{
    if (apr_atomic_xchg32(&shared->retry, (now_ms() + BACKOFF) | 1) == 0) {
        KISS_LOG(k, APLOG_WARNING, 0, KISS_LOGNO(0763) "Redis at %s does not count (%s): this host counts requests by "
                 "itself until it does", self->conf->address, why);
    }
}

static void works(kiss_req *k)
{
    if (apr_atomic_read32(&shared->retry) != 0 && apr_atomic_xchg32(&shared->retry, 0) != 0) {
        KISS_LOG(k, APLOG_NOTICE, 0, KISS_LOGNO(0764) "Redis at %s counts again", self->conf->address);
    }
}

/* --- connections --- */

static struct timeval timeout_of(const kiss_limit_store *conf)
{
    struct timeval tv = { (time_t)apr_time_sec(conf->timeout), (suseconds_t)apr_time_usec(conf->timeout) };

    return tv;
}

/** Logs in and selects the database. @return NULL, or why that failed, in `p` */
static const char *log_in(redisContext *c, const kiss_limit_store *conf, apr_pool_t *p)
{
    int commands = 0, i;
    const char *why = NULL;
    redisReply *reply;

    if (conf->password) {
        commands += (conf->user ? redisAppendCommand(c, "AUTH %s %s", conf->user, conf->password)
                     : redisAppendCommand(c, "AUTH %s", conf->password)) == REDIS_OK;
    }
    if (conf->database) {
        commands += redisAppendCommand(c, "SELECT %d", conf->database) == REDIS_OK;
    }
    for (i = 0; i < commands && !why; i++) {
        if (redisGetReply(c, (void **)&reply) != REDIS_OK) {
            why = apr_pstrdup(p, c->errstr);
        }
        else {
            why = reply->type == REDIS_REPLY_ERROR ? apr_pstrdup(p, reply->str) : NULL;
            freeReplyObject(reply);
        }
    }
    return why;
}

/** A new connection. @param why receives why there is none */
static redisContext *open_connection(const char **why, apr_pool_t *p)
{
    const kiss_limit_store *conf = self->conf;
    struct timeval tv = timeout_of(conf);
    redisContext *c = conf->socket ? redisConnectUnixWithTimeout(conf->socket, tv)
                      : redisConnectWithTimeout(conf->host, conf->port, tv);

    if (!c) {
        *why = "out of memory";
        return NULL;
    }
    *why = c->err ? apr_pstrdup(p, c->errstr)
           : redisSetTimeout(c, tv) != REDIS_OK ? "no timeout can be set" : log_in(c, conf, p);
    if (*why) {
        redisFree(c);
        return NULL;
    }
    return c;
}

/** An idle connection, or NULL. */
static redisContext *take_idle(void)
{
    redisContext *c = NULL;

    if (apr_thread_mutex_lock(self->mutex) == APR_SUCCESS) {
        c = self->count > 0 ? self->idle[--self->count] : NULL;
        apr_thread_mutex_unlock(self->mutex);
    }
    return c;
}

static void release(redisContext *c)
{
    if (apr_thread_mutex_lock(self->mutex) == APR_SUCCESS) {
        if (self->count < MAX_IDLE) {
            self->idle[self->count++] = c;
            c = NULL;
        }
        apr_thread_mutex_unlock(self->mutex);
    }
    if (c) {
        redisFree(c);
    }
}

/**
 * What is asked on a connection.
 *
 * @return NULL; else why it failed: c->err is set when the connection did, and not the server by an answer
 */
typedef const char *(*question)(redisContext *c, void *baton, apr_pool_t *p);

/** Asks. An idle connection may have been closed by the server: then once more, on a new one. @return 1 when it answered
    */
static int ask(kiss_req *k, question q, void *baton)
{
    redisContext *c;
    const char *why = NULL;
    int was_idle;

    if (!may_ask()) {
        return 0;
    }
    c = take_idle();
    was_idle = c != NULL;
    for (;;) {
        c = c ? c : open_connection(&why, k->pool);
        why = c ? q(c, baton, k->pool) : why;
        if (!why) {
            release(c);
            works(k);
            return 1;
        }
        /* A connection whose answer came too late, or was an error, is not used again. */
        if (c && was_idle && (c->err == REDIS_ERR_EOF || (c->err == REDIS_ERR_IO && errno != EAGAIN))) {
            redisFree(c);
            c = NULL;
            was_idle = 0;
            apr_thread_mutex_lock(self->mutex);
            close_idle();
            apr_thread_mutex_unlock(self->mutex);
            continue;
        }
        if (c) {
            redisFree(c);
        }
        went_away(k, why);
        return 0;
    }
}

/** Why a reply is not what was expected, in `p`; NULL when it is. Frees it then only. */
static const char *unexpected(redisContext *c, redisReply *reply, int type, apr_pool_t *p)
{
    const char *why = !reply ? apr_pstrdup(p, c->errstr)
                      : reply->type == REDIS_REPLY_ERROR ? apr_pstrdup(p, reply->str)
                      : reply->type != type ? "an unexpected answer" : NULL;

    if (why && reply) {
        freeReplyObject(reply);
    }
    return why;
}

/** The name of a counter, without its window. Hosts may write their KissDatabase differently: only its database counts.
    */
static const char *counter(kiss_req *k, const char *kind, const char *name)
{
    const kiss_database_conf *database = kiss_config_database(k->conf, k->r->server);

    return apr_pstrcat(k->pool, "kiss:{", k->api->name, ":", database->dbname, ":", kind, ":", name, "}", NULL);
}

/* --- fixed windows --- */

/** Replies to the commands of one window. */
enum { INCR, EXPIRE, TTL, COMMANDS };

/** A request in the fixed windows. */
typedef struct {
    const char *counter;
    apr_int64_t count[KISS_WINDOWS];
    apr_int64_t ttl[KISS_WINDOWS];      /* milliseconds */
} windows;

/** Reads the reply to EXEC. */
static const char *read_windows(windows *w, const redisReply *reply)
{
    int i;

    if (reply->elements != KISS_WINDOWS * COMMANDS) {
        return "an unexpected answer";
    }
    for (i = 0; i < KISS_WINDOWS * COMMANDS; i++) {
        /* Servers before 7.0 do not know PEXPIRE ... NX. */
        if (reply->element[i]->type != REDIS_REPLY_INTEGER) {
            return reply->element[i]->type == REDIS_REPLY_ERROR ? "it is older than 7.0, or the counter is something else"
                   : "an unexpected answer";
        }
    }
    for (i = 0; i < KISS_WINDOWS; i++) {
        w->count[i] = reply->element[i * COMMANDS + INCR]->integer;
        w->ttl[i] = reply->element[i * COMMANDS + TTL]->integer;
        if (w->ttl[i] == -1) {
            return "a counter has no end";
        }
    }
    return NULL;
}

static const char *ask_windows(redisContext *c, void *baton, apr_pool_t *p)
{
    static const char *const suffix[KISS_WINDOWS] = { ":m", ":h" };
    windows *w = baton;
    redisReply *reply = NULL;
    const char *why = NULL;
    int i, replies = KISS_WINDOWS * COMMANDS + 2;

    redisAppendCommand(c, "MULTI");
    for (i = 0; i < KISS_WINDOWS; i++) {
        redisAppendCommand(c, "INCR %s%s", w->counter, suffix[i]);
        redisAppendCommand(c, "PEXPIRE %s%s %lld NX", w->counter, suffix[i],
                           (long long)(kiss_fixed_window_length[i] / 1000));
        redisAppendCommand(c, "PTTL %s%s", w->counter, suffix[i]);
    }
    redisAppendCommand(c, "EXEC");
    for (i = 0; i < replies && !why; i++) {
        reply = NULL;
        redisGetReply(c, (void **)&reply);
        why = unexpected(c, reply, i == replies - 1 ? REDIS_REPLY_ARRAY : REDIS_REPLY_STATUS, p);
        if (!why && i < replies - 1) {
            freeReplyObject(reply);
        }
    }
    if (!why) {
        why = read_windows(w, reply);
        freeReplyObject(reply);
    }
    return why;
}

int kiss_ratelimit_store_windows(kiss_req *k, const char *kind, const char *name,
                                 kiss_fixed_window_state states[KISS_WINDOWS])
{
    windows w = { counter(k, kind, name), { 0 }, { 0 } };
    int i;

    if (!ask(k, ask_windows, &w)) {
        return 0;
    }
    for (i = 0; i < KISS_WINDOWS; i++) {
        kiss_fixed_window_state *s = &states[i];

        s->exceeded = w.count[i] > s->limit;
        s->remaining = s->exceeded ? 0 : s->limit - (apr_uint32_t)w.count[i];
        /* 0, and -2 for a window that has just ended: it is over in the next millisecond. */
        s->wait = (w.ttl[i] > 0 ? w.ttl[i] : 1) * 1000;
    }
    return 1;
}

/* --- the sliding hour --- */

/** A request in the sliding hour. */
typedef struct {
    const char *counter;
    apr_uint32_t limit;
    apr_int64_t answer[3];              /* allowed, requests in the window, microseconds until one leaves */
} hour;

static const char *ask_hour(redisContext *c, void *baton, apr_pool_t *p)
{
    hour *h = baton;
    long long length = (long long)kiss_fixed_window_length[KISS_WINDOW_HOUR];
    redisReply *reply = redisCommand(c, "EVALSHA %s 1 %s %lld %u", script_sha, h->counter, length, (unsigned)h->limit);
    const char *why;
    apr_size_t i;

    if (reply && reply->type == REDIS_REPLY_ERROR && strncmp(reply->str, "NOSCRIPT", 8) == 0) {
        freeReplyObject(reply);
        reply = redisCommand(c, "EVAL %s 1 %s %lld %u", hour_script, h->counter, length, (unsigned)h->limit);
    }
    why = unexpected(c, reply, REDIS_REPLY_ARRAY, p);
    if (why) {
        return why;
    }
    for (i = 0; i < reply->elements && i < 3; i++) {
        h->answer[i] = reply->element[i]->type == REDIS_REPLY_INTEGER ? reply->element[i]->integer : -1;
    }
    why = reply->elements != 3 || h->answer[0] < 0 || h->answer[1] < 0 ? "an unexpected answer" : NULL;
    freeReplyObject(reply);
    return why;
}

int kiss_ratelimit_store_hour(kiss_req *k, const char *kind, const char *name, kiss_fixed_window_state *state)
{
    hour h = { apr_pstrcat(k->pool, counter(k, kind, name), ":s", NULL), state->limit, { 0 } };

    if (!ask(k, ask_hour, &h)) {
        return 0;
    }
    state->exceeded = !h.answer[0];
    state->remaining = h.answer[1] < state->limit ? state->limit - (apr_uint32_t)h.answer[1] : 0;
    state->wait = h.answer[2] > 0 ? h.answer[2] : 1;
    return 1;
}
