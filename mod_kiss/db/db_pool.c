/* SPDX-License-Identifier: Apache-2.0 */
/**
 * db_pool - connections of a child: opened, checked, pooled, closed, and shut down when the child ends.
 */
#include "db/db_pool.h"

#include <apr_allocator.h>
#include <apr_atomic.h>
#include <apr_reslist.h>

#include <mysqld_error.h>

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "db/db_deadline.h"
#include "lib/base/clock.h"
#include "lib/base/crypto.h"
#include "lib/mariadb/server_error.h"
#include "lib/mariadb/session.h"

/* Least time between two messages about a database. */
#define QUIET apr_time_from_sec(10)

/* Seconds that a statement waits for a row that others have locked: a load of all data locks rows until it has ended. */
#define ROW_LOCK_WAIT 3

/* How long a server may take to catch up with what was served before, and how often it is asked. */
#define CATCH_UP      apr_time_from_sec(1)
#define CATCH_UP_STEP apr_time_from_msec(20)

#define SESSION_SQL KISS_SESSION_SQL ", innodb_lock_wait_timeout = %u, lock_wait_timeout = %u"
static const char isolation_sql[] = KISS_SESSION_TRANSACTION;

/* Unknown to older servers. */
static const char snapshot_sql[] = KISS_SESSION_ISOLATION;

/* Each read, and the start of a transaction, waits until the node has applied what the cluster had committed before. A node
 * that is cut off from the others may be set up to answer from what it has, without waiting: not here. */
#define CAUSAL_SQL(wait) "SET SESSION wsrep_dirty_reads = OFF, wsrep_sync_wait = " wait
static const char *const causal_sql[] = { CAUSAL_SQL("0"), CAUSAL_SQL("1") };
static const char causal_auto_sql[] = CAUSAL_SQL("IF(@@wsrep_on, 1, 0)");
static const char newest_sql[] = "SELECT MAX(n) FROM revision WHERE dataset <> 'epoch'";

static const char wsrep_sql[] = "SELECT @@wsrep_on, @@wsrep_provider";

static const char check_sql[] =
    "SELECT @@session.sql_mode LIKE '%STRICT_ALL_TABLES%', @@session.time_zone = '+00:00',"
    " @@character_set_client = 'utf8mb4' AND @@character_set_results = 'utf8mb4'"
    " AND @@character_set_connection = 'utf8mb4', (SELECT MAX(version) FROM schema_migration)";

struct kiss_db {
    const kiss_database_conf *conf;
    apr_reslist_t *slots;
    apr_pool_t *pool;               /* has its own allocator; after the child's start used only under the lock of `slots` */
    apr_uint32_t logged;            /* second of the last message, for QUIET */
    kiss_socket_shutdown *sockets;  /* sockets, one for each slot, and the extra one; they outlive the slots */
    char *used;                     /* which of them belong to a slot; under the lock of `slots` */
    kiss_db *next;                  /* the next one of this child */
    const char *origin;             /* kiss_db_origin() */
};

/* The databases of this child, and whether it is ending. The list is written only while there are no threads. */
static kiss_db *databases;
static volatile apr_uint32_t ending;

const char *kiss_db_pool_origin(const kiss_db *db)
{
    return db->origin;
}

/* --- one connection --- */

/** Adds one to a count, or takes one from it, where there is shared memory. */
static void count(volatile apr_uint32_t *n, int more)
{
    if (n && more) {
        apr_atomic_inc32(n);
    }
    else if (n) {
        apr_atomic_dec32(n);
    }
}

/** 1 when a message may be logged now. */
static int may_log(kiss_db *db)
{
    apr_uint32_t now = (apr_uint32_t)apr_time_sec(apr_time_now()), then = apr_atomic_read32(&db->logged);

    return now - then >= apr_time_sec(QUIET) && apr_atomic_cas32(&db->logged, now, then) == then;
}

int kiss_db_pool_may_log(kiss_db_conn *conn)
{
    return may_log(conn->db);
}

int kiss_db_pool_ends(const kiss_req *k)
{
    return apr_atomic_read32(&ending) || (k && k->stop && apr_atomic_read32(k->stop));
}

void kiss_db_pool_late(kiss_db *db, const kiss_req *k, const char *what)
{
    if (!kiss_db_pool_ends(k) && may_log(db)) {
        KISS_LOG(k, APLOG_ERR, 0, KISS_LOGNO(0810) "database %s: a request has waited for it for as long as it may, %d ms "
                 "(wait= and twice timeout= of KissDatabase). It ended at: %s", db->conf->name,
                 (int)apr_time_as_msec(db->conf->wait + 2 * db->conf->timeout), what);
    }
}

static kiss_db_status refuse(kiss_db_conn *conn, kiss_db_status status, const char *what)
{
    const kiss_database_conf *conf = conn->db->conf;
    /* Of several servers each has a reason of its own, which KISS0760 does not tell. */
    const int is_news = status != KISS_DB_BUSY && conf->nservers > 1 && conf->servers[conn->server].health
                        && !kiss_db_servers_has_failed(conf, conn->server);

    /* A failure because this child shut the socket down is no fault of the database, nor is one at the deadline. */
    if (status == KISS_DB_AWAY && kiss_db_deadline_left() == 0) {
        kiss_db_pool_late(conn->db, conn->k, what);
    }
    else if (!kiss_db_pool_ends(conn->k) && (may_log(conn->db) || is_news)) {
        KISS_LOG(conn->k, APLOG_ERR, 0, KISS_LOGNO(0201) "database %s: %s", conn->db->conf->name, what);
    }
    return status;
}

/** Refuses the connection because of its last error. */
static kiss_db_status refuse_error(kiss_db_conn *conn, MYSQL *mysql, const char *what)
{
    unsigned int code = mysql_errno(mysql);
    const char *advice = kiss_server_error_advice(code, conn->k->api->name, conn->k->pool);
    const char *text = apr_psprintf(conn->k->pool, "%s: %s (error %u)%s%s", what, mysql_error(mysql), code,
                                    *advice ? ". " : "", advice);

    switch (kiss_db_deadline_left() == 0 ? KISS_SERVER_LOST : kiss_server_error_kind(code)) {
    case KISS_SERVER_BUSY:
        return refuse(conn, KISS_DB_BUSY, text);
    case KISS_SERVER_OURS:
        return refuse(conn, KISS_DB_REFUSED, text);
    default:
        return refuse(conn, KISS_DB_AWAY, text);
    }
}

void kiss_db_pool_stop(int all)
{
    const kiss_db *db;
    int i;

    if (all) {
        apr_atomic_set32(&ending, 1);
    }
    for (db = databases; db; db = db->next) {
        for (i = 0; i <= db->conf->max; i++) {
            kiss_socket_shutdown_now(&db->sockets[i], all);
        }
    }
}

void kiss_db_pool_abandon(kiss_db_conn *conn)
{
    my_socket fd = conn->mysql ? mysql_get_socket(conn->mysql) : MARIADB_INVALID_SOCKET;

    if (fd != MARIADB_INVALID_SOCKET) {
        shutdown(fd, SHUT_RDWR);
    }
    kiss_db_pool_disconnect(conn);
}

void kiss_db_pool_disconnect(kiss_db_conn *conn)
{
    int i;

    if (!conn->mysql) {
        return;
    }
    for (i = 0; i < KISS_DB_STATEMENTS; i++) {
        if (conn->prepared[i].pool) {
            mysql_stmt_close(conn->prepared[i].stmt);
        }
    }
    memset(conn->prepared, 0, sizeof(conn->prepared));      /* their pools were destroyed with that of the session */
    kiss_socket_shutdown_forbid(conn->socket);
    mysql_close(conn->mysql);
    count(conn->db->conf->connections, 0);
    kiss_db_servers_note_connection(conn->db->conf, conn->server, 0);
    conn->mysql = NULL;
    apr_pool_destroy(conn->session);
    conn->session = NULL;
}

int kiss_db_pool_has_time(kiss_db_conn *conn)
{
    if (conn->tls) {
        kiss_db_deadline_shorten(mysql_get_socket(conn->mysql), conn->db->conf->timeout, &conn->shortened);
    }
    return kiss_db_deadline_left() > 0;
}

/** Sends a statement while there is time. @return 0; else the error is set in the connection, if there is one */
static int ask(kiss_db_conn *conn, const char *sql)
{
    return !kiss_db_pool_has_time(conn) || mysql_real_query(conn->mysql, sql, strlen(sql));
}

/** Sends one that returns a row. @param result receives what is to be freed @return the first row, or NULL */
static MYSQL_ROW ask_row(MYSQL_RES **result, kiss_db_conn *conn, const char *sql)
{
    *result = ask(conn, sql) ? NULL : mysql_store_result(conn->mysql);
    return *result ? mysql_fetch_row(*result) : NULL;
}

/** Sets a variable that some servers do not know. @return as ask() */
static int set_if_known(kiss_db_conn *conn, const char *sql)
{
    return ask(conn, sql) && mysql_errno(conn->mysql) != ER_UNKNOWN_SYSTEM_VARIABLE;
}

/** Whole seconds, the unit of the client library; rounded up. */
static unsigned int seconds(apr_interval_time_t time)
{
    return (unsigned int)apr_time_sec(time + apr_time_from_sec(1) - 1);
}

/**
 * The statement that sets most of them. Waits for rows and tables that others have locked are shorter than `timeout=`, so
 * that the server says what it waits for, and is not taken for one that does not answer; no less than its unit, a second.
 */
static const char *session_sql(const kiss_db_conn *conn)
{
    const unsigned int timeout = seconds(conn->db->conf->timeout), most = timeout > 1 ? timeout - 1 : 1;

    return apr_psprintf(conn->session, SESSION_SQL, most < ROW_LOCK_WAIT ? most : ROW_LOCK_WAIT, most);
}

/** Sets the variables of the session. @return as ask() */
static int prepare_session(kiss_db_conn *conn)
{
    const int causal = conn->db->conf->causal;

    /* innodb_snapshot_isolation, ON in newer servers, fails a transaction whose rows changed since its first read. */
    return !kiss_db_pool_has_time(conn) || mysql_set_character_set(conn->mysql, "utf8mb4") || ask(conn, session_sql(conn))
        || ask(conn, isolation_sql) || set_if_known(conn, snapshot_sql)
        || set_if_known(conn, causal == KISS_CAUSAL_AUTO ? causal_auto_sql : causal_sql[causal]);
}

/** What a server is in a Galera cluster. */
typedef enum {
    NO_NODE,            /* it is made for none */
    NODE,               /* it replicates, which wsrep_sync_wait needs to have an effect */
    SWITCHED_OFF        /* wsrep_on is OFF: what is written there stays there, and what the others write may never come */
} node_state;

static node_state state_of_node(kiss_db_conn *conn)
{
    MYSQL_RES *result;
    MYSQL_ROW row = ask_row(&result, conn, wsrep_sql);
    node_state state = row && row[0] && *row[0] == '1' ? NODE
        : row && row[1] && *row[1] && strcmp(row[1], "none") != 0 ? SWITCHED_OFF : NO_NODE;

    mysql_free_result(result);
    return state;
}

/** Why a server is not to be used for what it is in a cluster, or NULL. */
static const char *unfit_for_cluster(kiss_db_conn *conn)
{
    const kiss_database_conf *conf = conn->db->conf;
    const int must_be_node = conf->causal == 1;
    node_state state = must_be_node || conf->nservers > 1 ? state_of_node(conn) : NODE;

    if (must_be_node && state != NODE) {
        return "causal=on, but the server is not a node of a Galera cluster, or its wsrep_on is OFF: its reads may be stale";
    }
    return state != SWITCHED_OFF ? NULL
        : apr_pstrcat(conn->session, "the server at ", conf->servers[conn->server].address, " is made for a Galera cluster "
                      "(wsrep_provider), but its wsrep_on is OFF: what is written there the other servers of host= do not "
                      "get", NULL);
}

/** The newest revision that the server has; 0: it cannot be read. */
static apr_uint64_t newest_revision(kiss_db_conn *conn)
{
    MYSQL_RES *result;
    MYSQL_ROW row = ask_row(&result, conn, newest_sql);
    apr_uint64_t revision = row && row[0] ? (apr_uint64_t)apr_strtoi64(row[0], NULL, 10) : 0;

    mysql_free_result(result);
    return revision;
}

/** Waits until a server of several has what was served before. @return 1 when it has */
static int catches_up(kiss_db_conn *conn)
{
    const apr_uint64_t newest = conn->db->conf->nservers > 1 ? kiss_db_servers_newest(conn->db->conf) : 0;
    const apr_int64_t start = kiss_clock_now();

    while (newest && newest_revision(conn) < newest) {
        if (kiss_clock_now() - start > CATCH_UP || kiss_db_pool_ends(conn->k) || kiss_db_deadline_left() == 0) {
            return 0;
        }
        apr_sleep(CATCH_UP_STEP);
    }
    return 1;
}

/** Prepares the session and reads the one row of check_sql. */
static kiss_db_status check_session(kiss_db_conn *conn, unsigned schema_version)
{
    const char *e = NULL;
    MYSQL_RES *result;
    MYSQL_ROW row;

    if (prepare_session(conn) || ask(conn, check_sql) || !(result = mysql_store_result(conn->mysql))) {
        return refuse_error(conn, conn->mysql, "cannot prepare the session");
    }
    row = mysql_fetch_row(result);
    if (!row || !row[0] || *row[0] != '1' || !row[1] || *row[1] != '1' || !row[2] || *row[2] != '1') {
        e = "the server does not keep the session's SQL mode, time zone or character set";
    }
    else if (!row[3] || strtoul(row[3], NULL, 10) != schema_version) {
        e = apr_psprintf(conn->session, "schema version is %s, this module needs %u: run 'kissctl schema upgrade', or "
                         "install the module that belongs to the schema", row[3] ? row[3] : "unknown", schema_version);
    }
    mysql_free_result(result);
    e = e ? e : unfit_for_cluster(conn);
    if (!e && !catches_up(conn)) {
        return refuse(conn, KISS_DB_AWAY, apr_psprintf(conn->session, "the server at %s is behind what was served before: it is not "
                                                       "used. If all were restored from a backup: kissctl touch all (or kss touch all)",
                                                       conn->db->conf->servers[conn->server].address));
    }
    return e ? refuse(conn, KISS_DB_REFUSED, e) : KISS_DB_OK;
}

/** Sets the options of the connection. Option files are not read: only the configuration counts. */
static void set_options(MYSQL *mysql, const kiss_database_conf *conf)
{
    const apr_interval_time_t left = kiss_db_deadline_left();
    unsigned int connect = seconds(left < conf->connect ? left : conf->connect), silence = seconds(conf->timeout);
    unsigned int no_files = 0;
    my_bool off = 0, encrypt = conf->tls != KISS_TLS_OFF, verify = conf->tls == KISS_TLS_VERIFY;

    mysql_options(mysql, MYSQL_OPT_CONNECT_TIMEOUT, &connect);
    mysql_options(mysql, MYSQL_OPT_READ_TIMEOUT, &silence);
    mysql_options(mysql, MYSQL_OPT_WRITE_TIMEOUT, &silence);
    mysql_options(mysql, MARIADB_OPT_IO_WAIT, (void *)kiss_db_deadline_wait);
    mysql_options(mysql, MYSQL_SET_CHARSET_NAME, "utf8mb4");
    /* A server must not be able to request files of this machine. NULL would not disable it. */
    mysql_options(mysql, MYSQL_OPT_LOCAL_INFILE, &no_files);
    /* No automatic reconnect: the statements and the transaction are lost with the connection. */
    mysql_options(mysql, MYSQL_OPT_RECONNECT, &off);
    /* All of them are set, since the library's defaults differ between versions. */
    mysql_options(mysql, MYSQL_OPT_SSL_ENFORCE, &encrypt);
    mysql_options(mysql, MYSQL_OPT_SSL_VERIFY_SERVER_CERT, &verify);
    if (encrypt) {
        mysql_ssl_set(mysql, conf->tls_key, conf->tls_cert, conf->ca, NULL, NULL);
    }
}

/** Opens the connection. */
static kiss_db_status open_connection(kiss_db_conn *conn)
{
    const kiss_database_conf *conf = conn->db->conf;
    const kiss_database_server *server = &conf->servers[conn->server];
    MYSQL *mysql = mysql_init(NULL);
    kiss_db_status status = KISS_DB_OK;

    if (!mysql) {
        return refuse(conn, KISS_DB_BUSY, "out of memory");
    }
    set_options(mysql, conf);
    if (!mysql_real_connect(mysql, server->host, conf->user, conf->password, conf->dbname, (unsigned int)server->port,
                            conf->socket, 0)) {
        status = refuse_error(conn, mysql,
                              apr_pstrcat(conn->session, "cannot connect to ", conf->dbname, " at ", server->address,
                                                       NULL));
    }
    else if (conf->tls != KISS_TLS_OFF && !mysql_get_ssl_cipher(mysql)) {
        status = refuse(conn, KISS_DB_REFUSED, "the server has no TLS (ssl_cert, ssl_key), and the connection is not to be "
                        "in the clear (tls= of KissDatabase)");
    }
    if (status != KISS_DB_OK) {
        mysql_close(mysql);
        return status;
    }
    conn->mysql = mysql;
    conn->tls = conf->tls != KISS_TLS_OFF;
    conn->shortened = 0;
    conn->impatient = 0;
    count(conf->connections, 1);
    kiss_db_servers_note_connection(conf, conn->server, 1);
    return KISS_DB_OK;
}

kiss_db_status kiss_db_pool_connect_to(kiss_db_conn *conn, int server, unsigned schema_version)
{
    const kiss_database_conf *conf = conn->db->conf;
    kiss_db_status status;

    if (kiss_db_pool_ends(conn->k)) {
        return KISS_DB_AWAY;
    }
    if (apr_pool_create(&conn->session, conn->pool) != APR_SUCCESS) {
        return KISS_DB_FAILED;
    }
    conn->server = server;
    conn->trust = kiss_db_servers_losses(conf, server);
    status = open_connection(conn);
    if (status != KISS_DB_OK) {
        apr_pool_destroy(conn->session);
        conn->session = NULL;
        return status;
    }
    kiss_socket_shutdown_allow(conn->socket, (int)mysql_get_socket(conn->mysql), conn->k->stop != NULL);
    /* Checked again: kiss_db_pool_stop(), called in the meantime, has not seen this socket. */
    status = kiss_db_pool_ends(conn->k) ? KISS_DB_AWAY : check_session(conn, schema_version);
    if (status != KISS_DB_OK) {
        kiss_db_pool_abandon(conn);
    }
    else if (kiss_db_servers_works(conf, server)) {
        KISS_LOG(conn->k, APLOG_NOTICE, 0, KISS_LOGNO(0761) "database %s: the server at %s works again", conf->name,
                 conf->servers[server].address);
    }
    return status;
}

void kiss_db_pool_failed(kiss_db_conn *conn, const char *what)
{
    const kiss_database_conf *conf = conn->db->conf;

    if (!kiss_db_pool_ends(conn->k) && kiss_db_servers_failed(conf, conn->server)) {
        KISS_LOG(conn->k, APLOG_WARNING, 0, KISS_LOGNO(0760) "database %s: the server at %s %s: the other servers of "
                 "host= are used until it works again", conf->name, conf->servers[conn->server].address, what);
    }
}

void kiss_db_pool_does_not_commit(kiss_db_conn *conn)
{
    const kiss_database_conf *conf = conn->db->conf;

    if (conf->nservers > 1 && !kiss_db_pool_ends(conn->k)) {
        kiss_db_servers_hold(conf, conn->server);
        kiss_db_pool_failed(conn, "does not commit");
        conn->away = 1;
    }
}

kiss_db_status kiss_db_pool_connect(kiss_db_conn *conn, unsigned schema_version, kiss_db_server_set tried)
{
    kiss_db_status status = KISS_DB_AWAY;
    int i;

    while (status != KISS_DB_OK && !kiss_db_pool_ends(conn->k) && kiss_db_deadline_left() > 0
           && (i = kiss_db_servers_choose(conn->db->conf, tried)) >= 0) {
        tried |= KISS_DB_SERVER(i);
        status = kiss_db_pool_connect_to(conn, i, schema_version);
        /* A server at its limit works, and so may one that had no time left to answer. */
        if ((status == KISS_DB_AWAY && kiss_db_deadline_left() > 0) || status == KISS_DB_REFUSED) {
            kiss_db_pool_failed(conn, status == KISS_DB_AWAY ? "cannot be reached" : "cannot be used");
        }
    }
    return status;
}

/* --- the pool --- */

/** Creates a pool with an allocator of its own, since that of the parent is not thread-safe. */
static apr_status_t create_pool(apr_pool_t **pool, apr_pool_t *parent)
{
    apr_allocator_t *allocator;
    apr_status_t rv = apr_allocator_create(&allocator);

    if (rv != APR_SUCCESS) {
        return rv;
    }
    rv = apr_pool_create_ex(pool, parent, NULL, allocator);
    if (rv != APR_SUCCESS) {
        apr_allocator_destroy(allocator);
        return rv;
    }
    apr_allocator_owner_set(allocator, *pool);
    return APR_SUCCESS;
}

/* Runs under the lock of the list, so it must not connect: a server that does not answer would block every request of
 * the child, also those that only release a connection. */
static apr_status_t open_slot(void **resource, void *params, apr_pool_t *ignored)
{
    kiss_db *db = params;
    kiss_db_conn *conn;
    apr_pool_t *pool;
    apr_status_t rv = create_pool(&pool, db->pool);
    int i;

    (void)ignored;
    if (rv != APR_SUCCESS) {
        return rv;
    }
    apr_pool_tag(pool, "kiss_db_conn");
    conn = apr_pcalloc(pool, sizeof(*conn));
    conn->db = db;
    conn->pool = pool;
    for (i = 0; i < db->conf->max - 1 && db->used[i]; i++) {
        continue;
    }
    db->used[i] = 1;
    conn->socket = &db->sockets[i];
    *resource = conn;
    return APR_SUCCESS;
}

static apr_status_t close_slot(void *resource, void *params, apr_pool_t *ignored)
{
    kiss_db_conn *conn = resource;

    (void)params;
    (void)ignored;
    kiss_db_pool_disconnect(conn);
    conn->db->used[conn->socket - conn->db->sockets] = 0;
    apr_pool_destroy(conn->pool);
    return APR_SUCCESS;
}

/** Closes every connection, before the pools of the connections are destroyed with their parent. */
static apr_status_t close_slots(void *db)
{
    databases = NULL;
    return apr_reslist_destroy(((kiss_db *)db)->slots);
}

/** Digest of the origin of a database. */
static const char *origin_of(const kiss_database_conf *conf, apr_pool_t *p)
{
    unsigned char digest[KISS_SHA256_LEN];

    kiss_crypto_sha256(digest, conf->origin, strlen(conf->origin));
    return kiss_crypto_base64url(p, digest, KISS_DB_ORIGIN_BYTES);
}

apr_status_t kiss_db_pool_create(kiss_db **db, const kiss_database_conf *conf, apr_pool_t *p)
{
    kiss_db *created = apr_pcalloc(p, sizeof(*created));
    apr_status_t rv;

    created->conf = conf;
    /* Not the child's pool, which other lists and modules use at the same time: this one is used only under the lock of
     * this list. */
    if ((rv = create_pool(&created->pool, p)) != APR_SUCCESS) {
        return rv;
    }
    apr_pool_tag(created->pool, "kiss_db");
    created->sockets = apr_pcalloc(p, (apr_size_t)(conf->max + 1) * sizeof(*created->sockets));
    created->used = apr_pcalloc(p, (apr_size_t)conf->max);
    /* The first call initialises what the threads share in the library: two threads must not do that at the same time. */
    if (mysql_library_init(0, NULL, NULL) != 0) {
        return APR_ENOMEM;
    }
    created->origin = origin_of(conf, p);
    rv = apr_reslist_create(&created->slots, 0, conf->keep, conf->max, conf->idle, open_slot, close_slot, created,
                            created->pool);
    if (rv == APR_SUCCESS) {
        apr_pool_pre_cleanup_register(p, created, close_slots);
        apr_reslist_timeout_set(created->slots, conf->wait);
        created->next = databases;
        databases = *db = created;
    }
    return rv;
}

kiss_db_status kiss_db_pool_acquire(kiss_db_conn **conn, kiss_db *db, const kiss_req *k)
{
    void *slot;
    apr_status_t rv = apr_reslist_acquire(db->slots, &slot);

    if (rv != APR_SUCCESS) {
        if (may_log(db)) {
            KISS_LOG(k, APLOG_WARNING, rv, KISS_LOGNO(0202) "database %s: no connection became free: all %d of this child "
                     "are in use (max= of KissDatabase)", db->conf->name, db->conf->max);
        }
        return KISS_DB_BUSY;
    }
    *conn = slot;
    count(db->conf->in_use, 1);
    (*conn)->k = k;
    kiss_socket_shutdown_early((*conn)->socket, k->stop != NULL);
    return KISS_DB_OK;
}

void kiss_db_pool_release(kiss_db_conn *conn)
{
    kiss_socket_shutdown_early(conn->socket, 0);
    conn->k = NULL;
    count(conn->db->conf->in_use, 0);
    apr_reslist_release(conn->db->slots, conn);
}

kiss_db_conn *kiss_db_pool_extra(kiss_db *db, const kiss_req *k)
{
    kiss_db_conn *conn = apr_pcalloc(k->pool, sizeof(*conn));

    conn->db = db;
    conn->pool = k->pool;
    conn->socket = &db->sockets[db->conf->max];
    conn->k = k;
    return conn;
}

const kiss_database_conf *kiss_db_pool_conf(const kiss_db_conn *conn)
{
    return conn->db->conf;
}

const kiss_database_conf *kiss_db_pool_database(const kiss_db *db)
{
    return db->conf;
}
