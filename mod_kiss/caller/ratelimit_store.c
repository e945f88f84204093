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

/** A script that Redis runs as one step. */
typedef struct {
    const char *text;
    char sha[2 * APR_SHA1_DIGESTSIZE + 1];      /* its digest, by which it is called; set in post_config */
} script;

/* Two numbers with an end, of which each request counts; the answer has number and milliseconds of each. A number without
   an end
 * is somebody else's. */
static script windows_script = {
    "local answer = {}\n"
    "for i = 1, 2 do\n"
    "  local n, ttl = redis.call('INCR', KEYS[i]), tonumber(ARGV[i])\n"
    "  if n == 1 then redis.call('PEXPIRE', KEYS[i], ttl) else ttl = redis.call('PTTL', KEYS[i]) end\n"
    "  if ttl == -1 then return redis.error_reply('a counter has no end') end\n"
    "  answer[2 * i - 1], answer[2 * i] = n, ttl\n"
    "end\n"
    "return answer", ""
};

/* The requests of the last hour, as microseconds of the server's clock, the oldest first. The time is read once: within a
 * script it may go on. It never goes back in a list. */
static script hour_script = {
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
    "return { allowed, n, leaves + length - now }", ""
};

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

/* --- life cycle --- */

static void name_script(script *s)
{
    unsigned char digest[APR_SHA1_DIGESTSIZE];
    apr_sha1_ctx_t sha;
    int i;

    apr_sha1_init(&sha);
    apr_sha1_update_binary(&sha, (const unsigned char *)s->text, (unsigned int)strlen(s->text));
    apr_sha1_final(digest, &sha);
    for (i = 0; i < APR_SHA1_DIGESTSIZE; i++) {
        apr_snprintf(s->sha + 2 * i, 3, "%02x", digest[i]);
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
    name_script(&windows_script);
    name_script(&hour_script);
}

static apr_status_t detach(void *ignored)
{
    (void)ignored;
    while (self->count > 0) {
        redisFree(self->idle[--self->count]);
    }
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

/** Closes the idle connections: what ended one has probably ended all. */
static void close_idle(void)
{
    redisContext *c;

    while ((c = take_idle()) != NULL) {
        redisFree(c);
    }
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

/* --- scripts --- */

/** A script, its digest, and what it is asked with. */
typedef struct {
    const script *what;
    int keys;                           /* how many of the words are names of counters: the first ones */
    int words;
    const char *word[4];
    apr_int64_t answer[4];              /* `answers` whole numbers */
    int answers;
} question;

/** Sends EVALSHA or EVAL. @return its reply, or NULL */
static redisReply *evaluate(redisContext *c, const question *q, const char *command, const char *text)
{
    const char *argv[3 + 4];
    char keys[2] = { (char)('0' + q->keys), '\0' };

    argv[0] = command;
    argv[1] = text;
    argv[2] = keys;
    memcpy(argv + 3, q->word, (apr_size_t)q->words * sizeof(*argv));
    return redisCommandArgv(c, 3 + q->words, argv, NULL);
}

/** Why a reply is not what was expected, in `p`; NULL when it is. */
static const char *read_reply(question *q, const redisContext *c, const redisReply *reply, apr_pool_t *p)
{
    int i;

    if (!reply || reply->type == REDIS_REPLY_ERROR) {
        return apr_pstrdup(p, reply ? reply->str : c->errstr);
    }
    if (reply->type != REDIS_REPLY_ARRAY || reply->elements != (apr_size_t)q->answers) {
        return "an unexpected answer";
    }
    for (i = 0; i < q->answers; i++) {
        if (reply->element[i]->type != REDIS_REPLY_INTEGER) {
            return "an unexpected answer";
        }
        q->answer[i] = reply->element[i]->integer;
    }
    return NULL;
}

/** Asks on this connection: by the script's digest, and by its text where the server does not know it (any more). */
static const char *ask_on(redisContext *c, question *q, apr_pool_t *p)
{
    redisReply *reply = evaluate(c, q, "EVALSHA", q->what->sha);
    const char *why;

    if (reply && reply->type == REDIS_REPLY_ERROR && strncmp(reply->str, "NOSCRIPT", 8) == 0) {
        freeReplyObject(reply);
        reply = evaluate(c, q, "EVAL", q->what->text);
    }
    why = read_reply(q, c, reply, p);
    if (reply) {
        freeReplyObject(reply);
    }
    return why;
}

/** Asks. An idle connection may have been closed by the server: then once more, on a new one. @return 1 when it answered
    */
static int ask(kiss_req *k, question *q)
{
    redisContext *c;
    int was_idle, was_closed;
    const char *why = NULL;

    if (!may_ask()) {
        return 0;
    }
    c = take_idle();
    was_idle = c != NULL;
    do {
        c = c ? c : open_connection(&why, k->pool);
        why = c ? ask_on(c, q, k->pool) : why;
        if (!why) {
            release(c);
            works(k);
            return 1;
        }
        was_closed = c && was_idle && (c->err == REDIS_ERR_EOF || (c->err == REDIS_ERR_IO && errno != EAGAIN));
        /* A connection whose answer came too late, or was an error, is not used again. */
        if (c) {
            redisFree(c);
        }
        c = NULL;
        was_idle = 0;
        if (was_closed) {
            close_idle();
        }
    } while (was_closed);
    went_away(k, why);
    return 0;
}

/** The name of a counter. Hosts may write their KissDatabase differently: only its database counts. */
static const char *counter(kiss_req *k, const char *kind, const char *name, const char *window)
{
    const kiss_database_conf *database = kiss_config_database(k->conf, k->r->server);

    return apr_pstrcat(k->pool, "kiss:{", k->api->name, ":", database->dbname, ":", kind, ":", name, "}:", window, NULL);
}

int kiss_ratelimit_store_windows(kiss_req *k, const char *kind, const char *name,
                                 kiss_fixed_window_state states[KISS_WINDOWS])
{
    question q = { &windows_script, KISS_WINDOWS, 2 * KISS_WINDOWS,
                   { counter(k, kind, name, "m"), counter(k, kind, name, "h") }, { 0 }, 2 * KISS_WINDOWS };
    int i;

    for (i = 0; i < KISS_WINDOWS; i++) {
        q.word[KISS_WINDOWS + i] = apr_off_t_toa(k->pool, kiss_fixed_window_length[i] / 1000);
    }
    if (!ask(k, &q)) {
        return 0;
    }
    for (i = 0; i < KISS_WINDOWS; i++) {
        kiss_fixed_window_state *s = &states[i];
        apr_int64_t count = q.answer[2 * i], milliseconds = q.answer[2 * i + 1];

        s->exceeded = count > s->limit;
        s->remaining = s->exceeded ? 0 : s->limit - (apr_uint32_t)count;
        /* 0: it is over in the next millisecond. */
        s->wait = (milliseconds > 0 ? milliseconds : 1) * 1000;
    }
    return 1;
}

int kiss_ratelimit_store_hour(kiss_req *k, const char *kind, const char *name, kiss_fixed_window_state *state)
{
    question q = { &hour_script, 1, 3, { counter(k, kind, name, "s") }, { 0 }, 3 };

    q.word[1] = apr_off_t_toa(k->pool, kiss_fixed_window_length[KISS_WINDOW_HOUR]);
    q.word[2] = apr_off_t_toa(k->pool, state->limit);
    if (!ask(k, &q)) {
        return 0;
    }
    state->exceeded = !q.answer[0];
    state->remaining = q.answer[1] < state->limit ? state->limit - (apr_uint32_t)q.answer[1] : 0;
    state->wait = q.answer[2] > 0 ? q.answer[2] : 1;
    return 1;
}
