/* SPDX-License-Identifier: Apache-2.0 */
/**
 * db_run - connections of the pool for the work of requests, and what is done again.
 */
#include "db/db_run.h"

#include "db/db.h"
#include "db/db_deadline.h"
#include "db/db_pool.h"
#include "lib/base/clock.h"

/* A connection that fails sooner than this was already dead: a retry is worthwhile. One that fails later has waited for
 * a server that hangs, and so would the next. */
#define DEAD_WITHIN apr_time_from_sec(1)

/** Closes the connection when it is probably dead, or where another server is to be used. */
static void review(kiss_db_conn *conn)
{
    const kiss_database_conf *conf = kiss_db_pool_conf(conn);

    if (conn->mysql && conn->trust != kiss_db_servers_losses(conf, conn->server)) {
        kiss_db_pool_abandon(conn);
    }
    if (conn->mysql && kiss_db_servers_is_better(conf, conn->server)) {
        kiss_db_pool_disconnect(conn);
    }
}

/**
 * Does the work once; connects first where there is no connection.
 *
 * @param tried servers that are not asked
 * @return its status; conn->lost or conn->away is set when a retry on a new connection may succeed
 */
static kiss_db_status attempt(kiss_db_conn *conn, kiss_req *k, kiss_db_work work, void *baton, kiss_db_server_set tried)
{
    const kiss_database_conf *conf = kiss_db_pool_conf(conn);
    kiss_db_status status = kiss_db_pool_ends(k) ? KISS_DB_AWAY : KISS_DB_OK;
    apr_int64_t start = kiss_clock_now();

    conn->lost = conn->away = conn->gone = conn->writing = 0;
    conn->broken = NULL;
    if (status == KISS_DB_OK && !conn->mysql) {
        status = kiss_db_pool_connect(conn, k->api->schema_version, tried);
        conn->gone = status == KISS_DB_BUSY || status == KISS_DB_AWAY;
    }
    if (status == KISS_DB_OK) {
        apr_uint32_t losses = kiss_db_servers_losses(conf, conn->server);

        conn->newest = kiss_db_servers_newest(conf);
        status = work(conn, baton);
        conn->trust = losses;
    }
    if (status != KISS_DB_OK) {
        /* What the deadline ended says nothing of the server, which may have been asked a moment before. */
        if (conn->lost && kiss_clock_now() - start >= DEAD_WITHIN && kiss_db_deadline_left() > 0
            && !kiss_db_pool_ends(k)) {
            kiss_db_servers_note_loss(conf, conn->server);
            kiss_db_pool_failed(conn, "does not answer any more");
        }
        kiss_db_pool_abandon(conn);
    }
    return status;
}

/** What was tried for a request. */
typedef struct {
    apr_int64_t start;                      /* of the last attempt */
    int idle;                               /* 1: it was on a connection that had been opened before */
    int lost;                               /* 1: a connection that was opened for it was lost */
    kiss_db_server_set servers;             /* that are not asked again */
} attempts;

/**
 * 1 when work that failed may succeed on a new connection: an idle one was dead already, or another server is there. What
 * has cost two of them their connections is not done at a third one.
 */
static int may_retry(const kiss_db_conn *conn, attempts *a)
{
    if (kiss_db_deadline_left() == 0) {
        return 0;
    }
    if (conn->lost && a->idle && kiss_clock_now() - a->start < DEAD_WITHIN) {
        return 1;
    }
    if ((!conn->lost && !conn->away) || (conn->lost && a->lost)) {
        return 0;
    }
    a->lost |= conn->lost;
    a->servers |= KISS_DB_SERVER(conn->server);
    return kiss_db_pool_conf(conn)->nservers > 1;
}

/**
 * Lets the server of the last attempt open a table anew whose trigger it keeps for broken, once.
 *
 * @return 1 when the work may be done again there
 */
static int reopen(kiss_db_conn *conn, const kiss_req *k)
{
    const char *table = conn->broken;

    if (!table || conn->reopened || kiss_db_deadline_left() == 0) {
        return 0;
    }
    conn->reopened = 1;
    if (kiss_db_pool_connect_to(conn, conn->server, k->api->schema_version) != KISS_DB_OK) {
        return 0;
    }
    if (kiss_db_reopen(conn, table) != KISS_DB_OK) {
        kiss_db_pool_abandon(conn);
        conn->away = 1;
        return 0;
    }
    return 1;
}

/** Counts what a failure was; a transaction that met another one is tried again. */
static void tally(kiss_tally *t, kiss_db_status status)
{
    static const kiss_refusal refusal[] = {
        [KISS_DB_BUSY] = KISS_REFUSAL_BUSY,
        [KISS_DB_AWAY] = KISS_REFUSAL_AWAY,
        [KISS_DB_REFUSED] = KISS_REFUSAL_UNFIT,
        [KISS_DB_FAILED] = KISS_REFUSAL_FAILED
    };

    t->db_runs++;
    if (status == KISS_DB_AGAIN) {
        t->db_retries++;
    }
    else if (status != KISS_DB_OK) {
        t->db_refusals[refusal[status]]++;
    }
}

/** Does the work on a connection of the pool, again if that may help. */
static kiss_db_status run(kiss_req *k, kiss_db_work work, void *baton)
{
    apr_int64_t start = kiss_clock_now();
    attempts a = { 0 };
    kiss_db_conn *conn;
    kiss_db_status status = kiss_db_pool_acquire(&conn, k->db, k);

    a.start = kiss_clock_now();
    k->tally.db_wait += a.start - start;
    k->tally.db_away = status == KISS_DB_BUSY;
    if (status != KISS_DB_OK) {
        return status;
    }
    review(conn);
    conn->reopened = 0;
    a.idle = conn->mysql != NULL;
    status = attempt(conn, k, work, baton, a.servers);
    while (status == KISS_DB_AWAY && (reopen(conn, k) || may_retry(conn, &a))) {
        k->tally.db_retries++;
        a.idle = 0;
        a.start = kiss_clock_now();
        status = attempt(conn, k, work, baton, a.servers);
    }
    k->tally.db_away = status != KISS_DB_OK && conn->gone;
    kiss_db_pool_release(conn);
    return status;
}

kiss_db_status kiss_db_run(kiss_req *k, kiss_db_work work, void *baton)
{
    apr_int64_t start = kiss_clock_now();
    kiss_db_status status = KISS_DB_AWAY;
    kiss_db_deadline deadline;

    if (!k->db) {
        KISS_LOG(k, APLOG_ERR, 0, KISS_LOGNO(0211) "this child has no pool for the database");
        return KISS_DB_FAILED;
    }
    kiss_db_deadline_begin(&deadline, k, kiss_db_pool_database(k->db));
    if (kiss_db_deadline_left() > 0) {
        status = run(k, work, baton);
    }
    else {
        k->tally.db_away = 1;
        kiss_db_pool_late(k->db, k, "the wait for another request");
    }
    kiss_db_deadline_end(&deadline, k);
    k->db_time += kiss_clock_now() - start;
    tally(&k->tally, status);
    k->description = status == KISS_DB_OK ? k->description : NULL;      /* of work that was not done to its end */
    return status;
}
