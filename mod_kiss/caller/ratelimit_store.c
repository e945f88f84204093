/* SPDX-License-Identifier: Apache-2.0 */
/**
 * ratelimit_store - batches of requests over the connection of a child to a Redis server, and what becomes of them.
 */
#include "caller/ratelimit_store.h"

#include <ap_mpm.h>
#include <apr_thread_cond.h>
#include <apr_thread_mutex.h>

#include <string.h>

#include "caller/redis.h"
#include "caller/store_state.h"
#include "core/config.h"
#include "core/config_limit_store.h"
#include "core/log_seldom.h"
#include "db/db_revision.h"
#include "lib/base/clock.h"

/**
 * The connection of this child, and who uses it. Two batches: one on its way, or none, and the one that follows it.
 *
 * The thread that has set `busy` uses connection and the batch on its way without the mutex; it ends with waking those who
 * wait.
 */
typedef struct {
    const kiss_limit_store *conf;
    apr_thread_mutex_t *mutex;
    apr_thread_cond_t *ended[2];            /* by the number of a batch: its threads, while another one is busy */
    int waiting[2];                         /* their number */
    kiss_ratelimit_batch *batch[2];         /* by their numbers */
    unsigned next;                          /* number of the batch that requests are added to; one more than on its way */
    int on_its_way;                         /* 1: that was begun to be sent */
    apr_int64_t sent;                       /* when */
    char unsent[KISS_STORE_REASON];         /* why that failed, for another thread; or "" */
    int busy;
    int missed;                             /* 1: a read of a revision began, and could not send the batch that is filled */
    kiss_redis connection;
    int open;                               /* 1: there is one */
} store_link;

static store_link *self;

static kiss_db_revision_also before_read, after_read;

/* --- life cycle --- */

void kiss_ratelimit_store_create(server_rec *s)
{
    kiss_store_state_create(s);
    kiss_ratelimit_batch_prepare();
}

static apr_status_t detach(void *ignored)
{
    (void)ignored;
    if (self->open) {
        kiss_redis_close(&self->connection);
    }
    self = NULL;
    return APR_SUCCESS;
}

void kiss_ratelimit_store_attach(server_rec *s, apr_pool_t *pchild)
{
    store_link *created = apr_pcalloc(pchild, sizeof(*created));
    int threads = 0, i;
    apr_status_t rv;

    self = NULL;
    kiss_db_revision_do_also(NULL, NULL);
    created->conf = kiss_config_server(s)->limit_store;
    if (!created->conf || !kiss_store) {
        return;
    }
    if (ap_mpm_query(AP_MPMQ_MAX_THREADS, &threads) != APR_SUCCESS || threads < 1) {
        threads = 1;
    }
    rv = apr_thread_mutex_create(&created->mutex, APR_THREAD_MUTEX_DEFAULT, pchild);
    for (i = 0; i < 2 && rv == APR_SUCCESS; i++) {
        rv = apr_thread_cond_create(&created->ended[i], pchild);
        created->batch[i] = kiss_ratelimit_batch_create(threads, pchild);
    }
    if (rv != APR_SUCCESS) {
        ap_log_error(APLOG_MARK, APLOG_WARNING, rv, s, KISS_LOGNO(0767) "no mutex for KissLimitStore: a child counts by "
                     "itself");
        return;
    }
    self = created;
    apr_pool_cleanup_register(pchild, NULL, detach, apr_pool_cleanup_null);
    kiss_db_revision_do_also(before_read, after_read);
}

/* --- the server --- */

/** Sends what the batch on its way has no result for. */
static const char *send_batch(store_link *l, apr_pool_t *p)
{
    kiss_redis_commands commands = { p };

    l->sent = kiss_clock_now();
    return kiss_ratelimit_batch_ask(l->batch[(l->next - 1) & 1], &commands)
           ? kiss_redis_send(&l->connection, &commands, l->sent + l->conf->timeout) : NULL;
}

/** Receives its replies, and asks for what follows from them. @return NULL, or an error text */
static const char *receive_batch(store_link *l, apr_pool_t *p)
{
    kiss_ratelimit_batch *batch = l->batch[(l->next - 1) & 1];
    const apr_int64_t deadline = kiss_clock_now() + l->conf->timeout;
    const char *why = NULL;

    while (!why && kiss_ratelimit_batch_expects(batch)) {
        redisReply *reply;

        why = kiss_redis_receive(&l->connection, &reply, deadline, p);
        if (!why) {
            why = kiss_ratelimit_batch_read(batch, reply, p);
            freeReplyObject(reply);
        }
        if (!why && !kiss_ratelimit_batch_expects(batch)) {
            why = send_batch(l, p);
        }
    }
    return why;
}

/** Opens a connection. @return NULL, or an error text */
static const char *open_connection(kiss_redis *connection, const kiss_limit_store *conf, kiss_req *k)
{
    const char *why = kiss_redis_open(connection, conf, k->pool);

    if (why) {
        return why;
    }
    kiss_counter_add(&kiss_store->connections, 1);
    if (*connection->evicts) {
        KISS_LOG_SELDOM(KISS_LOG_SELDOM_EVICTS, k, APLOG_WARNING, 0, KISS_LOGNO(0766) "Redis at %s has maxmemory-policy %s: "
                        "when it is full it removes counters, and limits begin again before their time. Set noeviction",
                        conf->address, connection->evicts);
    }
    return NULL;
}

void kiss_ratelimit_store_check(kiss_req *k)
{
    kiss_redis connection;
    const char *why;

    if (!self) {
        return;
    }
    why = open_connection(&connection, self->conf, k);
    if (why) {
        kiss_store_state_away(k, self->conf->address, why);
    }
    kiss_redis_close(&connection);
}

static void close_connection(store_link *l)
{
    kiss_redis_close(&l->connection);
    l->open = 0;
}

/**
 * Sends the batch on its way, unless it was sent, and receives its replies. A connection that was idle may have been closed
 * by the server: then once more, on a new one, for what was not answered.
 *
 * @return NULL, or why the server does not count
 */
static const char *exchange(store_link *l, kiss_req *k)
{
    int was_open = l->open;
    const char *why = l->open && *l->unsent ? apr_pstrdup(k->pool, l->unsent) : NULL;

    if (l->open && !why) {
        why = l->sent ? NULL : send_batch(l, k->pool);
        why = why ? why : receive_batch(l, k->pool);
    }
    if (was_open && why && l->connection.closed) {
        close_connection(l);
    }
    if (!l->open) {
        why = open_connection(&l->connection, l->conf, k);
        l->open = !why;
        why = why ? why : send_batch(l, k->pool);
        why = why ? why : receive_batch(l, k->pool);
    }
    if (why && l->open) {
        close_connection(l);            /* an answer that comes too late must not be taken for that of another request */
    }
    if (!why) {
        kiss_counter_add(&kiss_store->trips, 1);
    }
    return why;
}

/* --- batches --- */

/** Wakes one of those who wait for a batch, or all. Called with the mutex held. */
static void wake(store_link *l, unsigned number, int all)
{
    if (l->waiting[number & 1]) {
        if (all) {
            apr_thread_cond_broadcast(l->ended[number & 1]);
        }
        else {
            apr_thread_cond_signal(l->ended[number & 1]);
        }
    }
}

/** Puts the batch that was filled on its way. Called with the mutex held. */
static void begin_batch(store_link *l)
{
    l->next++;
    l->on_its_way = 1;
    l->missed = 0;
    l->sent = 0;
    *l->unsent = '\0';
}

/** Begins the batch that was filled and sends it. Called with the mutex held, which is released meanwhile. */
static void send_ahead(store_link *l, kiss_req *k)
{
    const char *why;

    begin_batch(l);
    l->busy = 1;
    apr_thread_mutex_unlock(l->mutex);
    why = send_batch(l, k->pool);
    apr_thread_mutex_lock(l->mutex);
    apr_cpystrn(l->unsent, why ? why : "", sizeof(l->unsent));
    l->busy = 0;
    wake(l, l->next - 1, 0);
    wake(l, l->next, 0);
}

/**
 * Exchanges a batch for all its requests. Called with the mutex held, which is released meanwhile.
 *
 * @param ahead 1: the batch that was filled meanwhile is sent; 0: the next read of a revision sends it
 */
static void serve(store_link *l, kiss_req *k, int ahead)
{
    unsigned mine;
    const char *why;

    if (!l->on_its_way) {
        begin_batch(l);
    }
    mine = l->next - 1;
    l->busy = 1;
    apr_thread_mutex_unlock(l->mutex);
    why = exchange(l, k);
    if (why) {
        kiss_store_state_away(k, l->conf->address, why);
    }
    else {
        kiss_store_state_works(k, l->conf->address);
    }
    apr_thread_mutex_lock(l->mutex);
    l->busy = 0;
    l->on_its_way = 0;
    kiss_ratelimit_batch_end(l->batch[mine & 1]);
    wake(l, mine, 1);
    if (why) {
        /* Those who came meanwhile do not wait for the same in their turn. */
        kiss_ratelimit_batch_end(l->batch[l->next & 1]);
        wake(l, l->next, 1);
    }
    else if ((ahead || l->missed) && kiss_ratelimit_batch_length(l->batch[l->next & 1])) {
        send_ahead(l, k);
    }
}

/** Sends the requests of those who wait for a read of the database's revision, together with it. */
static void before_read(kiss_req *k)
{
    store_link *l = self;

    apr_thread_mutex_lock(l->mutex);
    if (kiss_ratelimit_batch_length(l->batch[l->next & 1])) {
        if (!l->busy && !l->on_its_way && l->open) {
            send_ahead(l, k);
        }
        else {
            l->missed = 1;
        }
    }
    apr_thread_mutex_unlock(l->mutex);
}

/** Receives what that gave, before they go on. */
static void after_read(kiss_req *k)
{
    store_link *l = self;

    apr_thread_mutex_lock(l->mutex);
    if (l->on_its_way && !l->busy) {
        serve(l, k, 0);
    }
    apr_thread_mutex_unlock(l->mutex);
}

/** The name of a counter. Hosts may write their KissDatabase differently: only its database counts. */
static const char *counter(kiss_req *k, const char *kind, const char *name, const char *window)
{
    const kiss_database_conf *database = kiss_config_database(k->conf, k->r->server);

    return apr_pstrcat(k->pool, "kiss:{", k->api->name, ":", database->dbname, ":", kind, ":", name, "}:", window, NULL);
}

kiss_ratelimit_call *kiss_ratelimit_store_begin(kiss_req *k, kiss_ratelimit_counting counting, const char *kind,
                                                const char *name, apr_uint32_t limit, int will_read)
{
    store_link *l = self;
    kiss_ratelimit_call *call;

    if (!l) {
        return NULL;
    }
    if (!kiss_store_state_may_ask()) {
        kiss_counter_add(&kiss_store->lost[KISS_STORE_LOST_AWAY], 1);
        return NULL;
    }
    call = apr_pcalloc(k->pool, sizeof(*call));
    call->counting = counting;
    call->key[0] = counter(k, kind, name, counting == KISS_COUNT_WINDOWS ? "m" : "s");
    call->key[1] = counting == KISS_COUNT_WINDOWS ? counter(k, kind, name, "h") : NULL;
    call->limit = limit;
    if (apr_thread_mutex_lock(l->mutex) != APR_SUCCESS) {
        return NULL;
    }
    call->batch = l->next;
    if (!kiss_ratelimit_batch_add(l->batch[l->next & 1], call)) {
        call = NULL;                    /* there are as many places as threads */
    }
    else if (!will_read && !l->busy && !l->on_its_way && l->open) {
        send_ahead(l, k);               /* a connection is opened by a thread that has nothing to do but to wait */
    }
    apr_thread_mutex_unlock(l->mutex);
    return call;
}

/** Waits for the end of a request's batch. */
static void wait_for(store_link *l, kiss_req *k, kiss_ratelimit_call *call)
{
    const apr_int64_t start = kiss_clock_now();

    apr_thread_mutex_lock(l->mutex);
    while (call->state == KISS_CALL_WAITS) {
        if (!l->busy) {
            serve(l, k, 1);
        }
        else {
            l->waiting[call->batch & 1]++;
            apr_thread_cond_wait(l->ended[call->batch & 1], l->mutex);  /* bounded by the time of the thread that is busy */
            l->waiting[call->batch & 1]--;
        }
    }
    apr_thread_mutex_unlock(l->mutex);
    kiss_counter_add(&kiss_store->wait_time, (apr_uint64_t)(kiss_clock_now() - start));
}

/** 1 when the request was counted. */
static int was_counted(kiss_req *k, kiss_ratelimit_call *call)
{
    store_link *l = self;

    if (!call) {
        return 0;
    }
    if (__atomic_load_n(&call->state, __ATOMIC_ACQUIRE) == KISS_CALL_WAITS) {
        wait_for(l, k, call);
    }
    if (call->state == KISS_CALL_FAILED) {
        kiss_counter_add(&kiss_store->lost[KISS_STORE_LOST_FAILED], 1);
        return 0;
    }
    if (*call->error) {
        kiss_counter_add(&kiss_store->lost[KISS_STORE_LOST_KEY], 1);
        KISS_LOG_SELDOM(KISS_LOG_SELDOM_STORE_KEY, k, APLOG_WARNING, 0, KISS_LOGNO(0765) "Redis at %s has something else "
                        "than a counter of mod_kiss under %s (%s): this host counts the requests of this caller by itself",
                        l->conf->address, call->key[0], call->error);
        return 0;
    }
    kiss_counter_add(&kiss_store->counted, 1);
    return 1;
}

int kiss_ratelimit_store_windows(kiss_req *k, kiss_ratelimit_call *call, kiss_fixed_window_state states[KISS_WINDOWS])
{
    int i;

    if (!was_counted(k, call)) {
        return 0;
    }
    for (i = 0; i < KISS_WINDOWS; i++) {
        apr_int64_t count = call->answer[2 * i], milliseconds = call->answer[2 * i + 1];
        kiss_fixed_window_state *s = &states[i];

        s->exceeded = count > s->limit;
        s->remaining = s->exceeded ? 0 : s->limit - (apr_uint32_t)count;
        /* 0: it is over in the next millisecond. */
        s->wait = (milliseconds > 0 ? milliseconds : 1) * 1000;
    }
    return 1;
}

int kiss_ratelimit_store_hour(kiss_req *k, kiss_ratelimit_call *call, kiss_fixed_window_state *state)
{
    if (!was_counted(k, call)) {
        return 0;
    }
    state->exceeded = !call->answer[0];
    state->remaining = call->answer[1] < state->limit ? state->limit - (apr_uint32_t)call->answer[1] : 0;
    state->wait = call->answer[2] > 0 ? call->answer[2] : 1;
    return 1;
}
