#include "kiss_db_pool.h"

#include <apr_allocator.h>
#include <apr_atomic.h>
#include <apr_reslist.h>
#include <apr_thread_mutex.h>

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "kiss_secret.h"
#include "kiss_session.h"
#include "kiss_state.h"

#define DRIVER "mysql"

/* The same trouble is not logged more often than this. */
#define QUIET apr_time_from_sec(10)

static const char session_sql[] = KISS_SESSION_SQL;
static const char isolation_sql[] = KISS_SESSION_TRANSACTION;

static const char check_sql[] =
    "SELECT @@session.sql_mode LIKE '%STRICT_ALL_TABLES%', @@session.time_zone = '+00:00',"
    " @@character_set_client = 'utf8mb4' AND @@character_set_results = 'utf8mb4'"
    " AND @@character_set_connection = 'utf8mb4', (SELECT MAX(version) FROM schema_migration)";

struct kiss_db {
    const kiss_database_conf *conf;
    const apr_dbd_driver_t *driver;
    apr_reslist_t *places;
    apr_pool_t *pool;               /* used under the list's lock only, after the child's start */
    apr_uint32_t logged;            /* second of the last message, for QUIET */
    kiss_state *state;
    kiss_cut *cuts;                 /* sockets, one for each place, and the extra one: they stay when a place goes */
    char *used;                     /* which of them belong to a place; under the list's lock */
    kiss_db *next;                  /* the next one of this child */
    apr_thread_mutex_t *mutex;      /* for `place`; NULL in the parent process */
    char place[KISS_DB_PLACE + 1];  /* where the first connection went; "" before it, and the same ever after */
};

/* The databases of this child, and whether it is to end. Written before and after there are threads. */
static kiss_db *databases;
static volatile apr_uint32_t ending;

struct kiss_state *kiss_db_state(const kiss_db *db)
{
    return db->state;
}

const char *kiss_db_place(const kiss_db *db)
{
    return db->place;
}

/* --- one connection --- */

/** 1 when a message may be logged now. */
static int may_log(kiss_db *db)
{
    apr_uint32_t now = (apr_uint32_t)apr_time_sec(apr_time_now()), then = apr_atomic_read32(&db->logged);

    return now - then >= apr_time_sec(QUIET) && apr_atomic_cas32(&db->logged, now, then) == then;
}

static kiss_db_status refuse(kiss_db_conn *conn, kiss_db_status status, const char *what)
{
    if (may_log(conn->db)) {
        KISS_LOG(conn->k, APLOG_ERR, 0, KISS_LOGNO(0201) "database %s: %s", conn->db->conf->name, what);
    }
    return status;
}

int kiss_db_pool_ends(const kiss_req *k)
{
    return apr_atomic_read32(&ending) || (k && k->stop && apr_atomic_read32(k->stop));
}

void kiss_db_stop(int all)
{
    const kiss_db *db;
    int i;

    if (all) {
        apr_atomic_set32(&ending, 1);
    }
    for (db = databases; db; db = db->next) {
        for (i = 0; i <= db->conf->max; i++) {
            kiss_cut_now(&db->cuts[i], all);
        }
    }
}

void kiss_db_pool_abandon(kiss_db_conn *conn)
{
    my_socket fd = conn->handle ? mysql_get_socket(conn->mysql) : MARIADB_INVALID_SOCKET;

    if (fd != MARIADB_INVALID_SOCKET) {
        shutdown(fd, SHUT_RDWR);
    }
    kiss_db_pool_disconnect(conn);
}

void kiss_db_pool_disconnect(kiss_db_conn *conn)
{
    int i;

    if (!conn->handle) {
        return;
    }
    for (i = 0; i < KISS_DB_STATEMENTS; i++) {
        if (conn->prepared[i].pool) {
            mysql_stmt_close(conn->prepared[i].stmt);
        }
    }
    memset(conn->prepared, 0, sizeof(conn->prepared));      /* their pools go with the session's */
    kiss_cut_forbid(conn->cut);
    apr_dbd_close(conn->db->driver, conn->handle);
    conn->handle = NULL;
    conn->mysql = NULL;
    apr_pool_destroy(conn->session);
    conn->session = NULL;
}

/** Reads the one row of check_sql. */
static const char *check_session(kiss_db_conn *conn, unsigned schema_version)
{
    const char *e = NULL;
    MYSQL_RES *result;
    MYSQL_ROW row;

    if (mysql_set_character_set(conn->mysql, "utf8mb4") != 0
        || mysql_real_query(conn->mysql, session_sql, sizeof(session_sql) - 1) != 0
        || mysql_real_query(conn->mysql, isolation_sql, sizeof(isolation_sql) - 1) != 0
        || mysql_real_query(conn->mysql, check_sql, sizeof(check_sql) - 1) != 0
        || !(result = mysql_store_result(conn->mysql))) {
        return apr_psprintf(conn->session, "cannot prepare the session: %s (if a table is missing or denied, run "
                            "'kissctl schema install', or 'kissctl kss schema install', and apply the grants.sql beside it)",
                            mysql_error(conn->mysql));
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
    return e;
}

/**
 * Gives the connection its read and write timeouts. Option files know only the one for connecting, APR's driver has no
 * parameter for them, and the library looks at them only while it connects: so they are set and it connects once more.
 *
 * @return NULL, or a sentence
 */
static const char *bound(kiss_db_conn *conn)
{
    unsigned int seconds = (unsigned int)apr_time_sec(conn->db->conf->timeout + apr_time_from_sec(1) - 1), connect = 0;
    my_bool on = 1, off = 0, failed;

    if (mysql_get_optionv(conn->mysql, MYSQL_OPT_CONNECT_TIMEOUT, &connect) != 0 || connect == 0) {
        return "the connection has no connect timeout, so a hanging server would hang this one: put connect-timeout into "
               "the group [mod_kiss] of my.cnf (see conf/my.cnf.sample; MARIADB_HOME names the directory of another "
               "my.cnf)";
    }
    mysql_options(conn->mysql, MYSQL_OPT_READ_TIMEOUT, &seconds);
    mysql_options(conn->mysql, MYSQL_OPT_WRITE_TIMEOUT, &seconds);
    mysql_options(conn->mysql, MYSQL_OPT_RECONNECT, &on);
    failed = mariadb_reconnect(conn->mysql);
    /* From here on a dead connection is ours to notice: its statements and its transaction died with it. */
    mysql_options(conn->mysql, MYSQL_OPT_RECONNECT, &off);
    return failed ? apr_psprintf(conn->session, "cannot connect again: %s", mysql_error(conn->mysql)) : NULL;
}

/**
 * Notes which server and database this is: what is kept of one must not be sent as another's, though it may be a copy with
 * the same revisions. Where KissDatabase names no server, the option files do, and they are read for each connection.
 *
 * @return NULL, or a sentence
 */
static const char *settle_place(kiss_db_conn *conn)
{
    const MYSQL *m = conn->mysql;
    /* Of a list of hosts any may have answered: it is the list that stays the same. */
    const char *hosts = m->options.host && strchr(m->options.host, ',') ? m->options.host : m->host;
    const char *text = apr_psprintf(conn->session, "%s\n%s\n%u\n%s", hosts ? hosts : "", m->unix_socket ? m->unix_socket : "",
                                    m->unix_socket ? 0 : m->port, m->db ? m->db : "");
    unsigned char digest[KISS_SHA256_LEN];
    kiss_db *db = conn->db;
    int same = 1;

    kiss_secret_sha256(digest, text, strlen(text));
    text = kiss_secret_base64url(conn->session, digest, KISS_DB_PLACE_BYTES);
    if (db->mutex && apr_thread_mutex_lock(db->mutex) == APR_SUCCESS) {
        if (*db->place) {
            same = strcmp(db->place, text) == 0;
        }
        else {
            apr_cpystrn(db->place, text, sizeof(db->place));
        }
        apr_thread_mutex_unlock(db->mutex);
    }
    return same ? NULL : "the group [mod_kiss] of my.cnf names another server than when httpd started: reload httpd";
}

kiss_db_status kiss_db_pool_connect(kiss_db_conn *conn, unsigned schema_version)
{
    const kiss_database_conf *conf = conn->db->conf;
    const char *error = NULL, *e;
    kiss_db_status status;
    apr_status_t rv;

    if (kiss_db_pool_ends(conn->k)) {
        return KISS_DB_AWAY;
    }
    rv = apr_pool_create(&conn->session, conn->pool);
    if (rv != APR_SUCCESS) {
        return KISS_DB_FAILED;
    }
    conn->handle = NULL;
    rv = apr_dbd_open_ex(conn->db->driver, conn->session, conf->params, &conn->handle, &error);
    if (rv != APR_SUCCESS) {
        /* When the first check fails, APR has closed the handle already and its text with it. */
        e = apr_psprintf(conn->session, "cannot connect to %s: %s", conf->dbname,
                         !conn->handle && error ? error : "the server closed the connection");
        conn->handle = NULL;
        status = refuse(conn, KISS_DB_AWAY, e);
        apr_pool_destroy(conn->session);
        conn->session = NULL;
        return status;
    }
    conn->mysql = apr_dbd_native_handle(conn->db->driver, conn->handle);
    e = bound(conn);
    kiss_cut_allow(conn->cut, (int)mysql_get_socket(conn->mysql), conn->k && conn->k->stop);
    /* Asked once more: who set it since then has not seen this socket. */
    if (kiss_db_pool_ends(conn->k)) {
        kiss_db_pool_abandon(conn);
        return KISS_DB_AWAY;
    }
    e = e ? e : settle_place(conn);
    e = e ? e : check_session(conn, schema_version);
    if (e) {
        status = refuse(conn, KISS_DB_REFUSED, e);
        kiss_db_pool_abandon(conn);
        return status;
    }
    return KISS_DB_OK;
}

/* --- the pool --- */

/* Runs under the list's lock, so it must not connect: a server that does not answer would stop every request of the
 * child, those too that only want to give a connection back. */
static apr_status_t make_place(void **resource, void *params, apr_pool_t *ignored)
{
    kiss_db *db = params;
    apr_allocator_t *allocator;
    apr_status_t rv = apr_allocator_create(&allocator);
    kiss_db_conn *conn;
    apr_pool_t *pool;
    int i;

    (void)ignored;
    if (rv != APR_SUCCESS) {
        return rv;
    }
    rv = apr_pool_create_ex(&pool, db->pool, NULL, allocator);
    if (rv != APR_SUCCESS) {
        apr_allocator_destroy(allocator);
        return rv;
    }
    apr_allocator_owner_set(allocator, pool);
    apr_pool_tag(pool, "kiss_db_conn");
    conn = apr_pcalloc(pool, sizeof(*conn));
    conn->db = db;
    conn->pool = pool;
    for (i = 0; i < db->conf->max - 1 && db->used[i]; i++) {
        continue;
    }
    db->used[i] = 1;
    conn->cut = &db->cuts[i];
    *resource = conn;
    return APR_SUCCESS;
}

static apr_status_t destroy_place(void *resource, void *params, apr_pool_t *ignored)
{
    kiss_db_conn *conn = resource;

    (void)params;
    (void)ignored;
    kiss_db_pool_disconnect(conn);
    conn->db->used[conn->cut - conn->db->cuts] = 0;
    apr_pool_destroy(conn->pool);
    return APR_SUCCESS;
}

/** Closes every connection, before the pools that they live in are destroyed as children of the child's. */
static apr_status_t destroy_places(void *db)
{
    databases = NULL;
    return apr_reslist_destroy(((kiss_db *)db)->places);
}

apr_status_t kiss_db_pool_create(kiss_db **db, const kiss_database_conf *conf, apr_pool_t *p)
{
    kiss_db *made = apr_pcalloc(p, sizeof(*made));
    apr_status_t rv;

    made->conf = conf;
    made->pool = p;
    made->cuts = apr_pcalloc(p, (apr_size_t)(conf->max + 1) * sizeof(*made->cuts));
    made->used = apr_pcalloc(p, (apr_size_t)conf->max);
    /* The library's first call prepares what its threads share: it must not be made by two of them. */
    if (mysql_library_init(0, NULL, NULL) != 0) {
        return APR_ENOMEM;
    }
    if ((rv = apr_dbd_init(p)) != APR_SUCCESS || (rv = apr_dbd_get_driver(p, DRIVER, &made->driver)) != APR_SUCCESS
        || (rv = apr_thread_mutex_create(&made->mutex, APR_THREAD_MUTEX_DEFAULT, p)) != APR_SUCCESS
        || (rv = kiss_state_create(&made->state, p)) != APR_SUCCESS) {
        return rv;
    }
    rv = apr_reslist_create(&made->places, 0, conf->keep, conf->max, conf->idle, make_place, destroy_place, made, p);
    if (rv == APR_SUCCESS) {
        apr_pool_pre_cleanup_register(p, made, destroy_places);
        apr_reslist_timeout_set(made->places, conf->wait);
        made->next = databases;
        databases = *db = made;
    }
    return rv;
}

kiss_db_status kiss_db_pool_take(kiss_db_conn **conn, kiss_db *db, const kiss_req *k)
{
    void *place;
    apr_status_t rv = apr_reslist_acquire(db->places, &place);

    if (rv != APR_SUCCESS) {
        if (may_log(db)) {
            KISS_LOG(k, APLOG_WARNING, rv, KISS_LOGNO(0202) "database %s: no connection became free: all %d of this child "
                     "are in use (max= of KissDatabase)", db->conf->name, db->conf->max);
        }
        return KISS_DB_BUSY;
    }
    *conn = place;
    (*conn)->k = k;
    kiss_cut_early((*conn)->cut, k->stop != NULL);
    return KISS_DB_OK;
}

void kiss_db_pool_give(kiss_db_conn *conn)
{
    kiss_cut_early(conn->cut, 0);
    conn->k = NULL;
    apr_reslist_release(conn->db->places, conn);
}

kiss_db_conn *kiss_db_pool_extra(kiss_db *db, const kiss_req *k)
{
    kiss_db_conn *conn = apr_pcalloc(k->pool, sizeof(*conn));

    conn->db = db;
    conn->pool = k->pool;
    conn->cut = &db->cuts[db->conf->max];
    conn->k = k;
    return conn;
}

const kiss_database_conf *kiss_db_pool_conf(const kiss_db_conn *conn)
{
    return conn->db->conf;
}
