/* SPDX-License-Identifier: Apache-2.0 */
/**
 * db - transactions; prepares statements and fetches their rows.
 */
#include "db/db.h"

#include <apr_strings.h>
#include <errmsg.h>
#include <mysqld_error.h>

#include <string.h>

#include "core/database_counters.h"
#include "core/error.h"
#include "db/db_deadline.h"
#include "db/db_pool.h"
#include "lib/base/clock.h"
#include "lib/mariadb/server_error.h"

/* Buffer of a cell until a longer one is found: few are, in a column of text or an array that the database aggregates. */
#define CELL 4095

/* No valid cell is longer. */
#define MAX_CELL (64 * 1024 * 1024)

struct kiss_db_cursor {
    kiss_db_conn *conn;
    apr_pool_t *pool;
    MYSQL_STMT *stmt;
    int number;                     /* of the statement */
    apr_int64_t start;              /* when it was sent, by kiss_clock_now() */
    int columns;
    MYSQL_BIND *bind;
    unsigned long *length;
    my_bool *is_null;
    my_bool *truncated;
    kiss_value *row;
};

const kiss_req *kiss_db_request(const kiss_db_conn *conn)
{
    return conn->k;
}

const kiss_error *kiss_db_error(kiss_db_status status)
{
    return status == KISS_DB_BUSY ? &kiss_error_busy
         : status == KISS_DB_FAILED ? &kiss_error_internal : &kiss_error_unavailable;
}

const char *kiss_db_origin(const kiss_db *db)
{
    return kiss_db_pool_origin(db);
}

/** The table that a statement writes, in `p`; NULL for one that only reads. */
static const char *written_table(const char *sql, apr_pool_t *p)
{
    static const char *const begin[] = { "INSERT INTO ", "UPDATE ", "DELETE FROM " };
    apr_size_t i, len;

    for (i = 0; i < sizeof(begin) / sizeof(*begin); i++) {
        if (strncmp(sql, begin[i], strlen(begin[i])) == 0) {
            sql += strlen(begin[i]);
            len = strspn(sql, "abcdefghijklmnopqrstuvwxyz_0123456789");
            return len ? apr_pstrmemdup(p, sql, len) : NULL;
        }
    }
    return NULL;
}

/** What an error of a statement is, on a connection that was open. */
static kiss_server_kind kind_of(const kiss_db_conn *conn, unsigned int code, const char *text)
{
    /* TLS fails where the connection ends without a word: the server was stopped or killed. */
    if (code == CR_SSL_CONNECTION_ERROR) {
        return KISS_SERVER_LOST;
    }
    /* Another server may do what this one does not: a causal read at a node that is losing its cluster, which fails at once;
     * a right statement on a table whose trigger it keeps for broken. */
    if (kiss_db_pool_conf(conn)->nservers > 1
        && (code == ER_LOCK_WAIT_TIMEOUT || kiss_server_error_is_broken_trigger(code, text))) {
        return KISS_SERVER_AWAY;
    }
    return conn->broken ? KISS_SERVER_AWAY : kiss_server_error_kind(code);
}

static kiss_db_status failed(kiss_db_conn *conn, unsigned int code, const char *text, const char *what)
{
    const char *advice = kiss_server_error_advice(code, conn->k->api->name, conn->k->pool);
    kiss_server_kind kind;

    conn->broken = kiss_server_error_is_broken_trigger(code, text) ? written_table(what, conn->k->pool) : NULL;
    kind = kind_of(conn, code, text);
    text = *text ? text : "(no text)";
    conn->gone = kind == KISS_SERVER_LOST || kind == KISS_SERVER_AWAY || kind == KISS_SERVER_BUSY;
    switch (kind) {
    case KISS_SERVER_AGAIN:
        conn->duplicate = code == ER_DUP_ENTRY;
        KISS_LOG(conn->k, APLOG_DEBUG, 0, KISS_LOGNO(0212) "%s met another one: %u %s", what, code, text);
        return KISS_DB_AGAIN;
    case KISS_SERVER_LOST:
        conn->lost = 1;
        if (kiss_db_deadline_left() == 0) {
            kiss_db_pool_late(conn->db, conn->k, what);
        }
        KISS_LOG(conn->k, APLOG_INFO, 0, KISS_LOGNO(0213) "the connection was lost: %s: %u %s", what, code, text);
        return KISS_DB_AWAY;
    case KISS_SERVER_AWAY:
    case KISS_SERVER_BUSY:
        conn->away = kind == KISS_SERVER_AWAY;
        if ((!conn->broken || conn->reopened) && kiss_db_pool_may_log(conn)) {
            KISS_LOG(conn->k, APLOG_ERR, 0, KISS_LOGNO(0253) "database %s: %s (error %u). %s Statement: %s",
                     kiss_db_pool_conf(conn)->name, text, code, advice, what);
        }
        return kind == KISS_SERVER_BUSY ? KISS_DB_BUSY : KISS_DB_AWAY;
    case KISS_SERVER_OURS:
    default:
        KISS_LOG(conn->k, APLOG_ERR, 0, KISS_LOGNO(0210) "%s failed: %u %s%s%s", what, code, text, *advice ? ". " : "",
                 advice);
        return KISS_DB_FAILED;
    }
}

/** A statement is not sent, since the request has no time left for it. */
static kiss_db_status late(kiss_db_conn *conn, const char *sql)
{
    conn->gone = 1;
    kiss_db_pool_late(conn->db, conn->k, sql);
    return KISS_DB_AWAY;
}

/** Counts the time of a statement. */
static void count(const kiss_db_conn *conn, int number, apr_int64_t start)
{
    kiss_database_counters_statement(kiss_db_pool_conf(conn)->counters, number, start);
}

static kiss_db_status stmt_failed(kiss_db_conn *conn, MYSQL_STMT *stmt, const char *what)
{
    /* While rows are fetched unbuffered, the error is set on the connection and not on the statement. */
    return mysql_stmt_errno(stmt) ? failed(conn, mysql_stmt_errno(stmt), mysql_stmt_error(stmt), what)
           : failed(conn, mysql_errno(conn->mysql), mysql_error(conn->mysql), what);
}

int kiss_db_was_duplicate(const kiss_db_conn *conn)
{
    return conn->duplicate;
}

static kiss_db_status run_text(kiss_db_conn *conn, const char *sql)
{
    kiss_db_status status = kiss_db_pool_has_time(conn) ? KISS_DB_OK : late(conn, sql);

    if (status == KISS_DB_OK && mysql_real_query(conn->mysql, sql, strlen(sql)) != 0) {
        return failed(conn, mysql_errno(conn->mysql), mysql_error(conn->mysql), sql);
    }
    return status;
}

/**
 * A host that hangs in the middle of a write keeps its row locks, from its first locking read on: others would wait for them
 * for as long as the server takes the connection for alive. So the server ends a transaction whose client has been silent
 * for two seconds. One that only reads locks nothing, and may be silent. Sent where it changes only.
 */
static kiss_db_status end_silent(kiss_db_conn *conn, int on)
{
    const char *sql = on ? "SET SESSION idle_transaction_timeout = 2" : "SET SESSION idle_transaction_timeout = 0";
    kiss_db_status status = conn->impatient == on ? KISS_DB_OK : run_text(conn, sql);

    if (status == KISS_DB_OK) {
        conn->impatient = on;
    }
    return status;
}

kiss_db_status kiss_db_begin(kiss_db_conn *conn)
{
    kiss_db_status status = end_silent(conn, 0);

    return status != KISS_DB_OK ? status : run_text(conn, "START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY");
}

void kiss_db_goes_on(void)
{
    kiss_db_deadline_progress();
}

kiss_db_status kiss_db_begin_write(kiss_db_conn *conn)
{
    kiss_db_status status = end_silent(conn, 1);

    status = status != KISS_DB_OK ? status : run_text(conn, "START TRANSACTION");
    conn->writing = status == KISS_DB_OK;
    return status;
}

kiss_db_status kiss_db_end(kiss_db_conn *conn)
{
    const int writing = conn->writing;
    kiss_db_status status;

    conn->writing = 0;
    /* What is written now is either answered in time or not written: a COMMIT that is given up may have succeeded. */
    if (writing && kiss_db_deadline_left() < kiss_db_pool_conf(conn)->timeout / 2) {
        return late(conn, "COMMIT");
    }
    status = run_text(conn, "COMMIT");
    if (writing && status != KISS_DB_OK && status != KISS_DB_AGAIN && !conn->lost && kiss_db_deadline_left() > 0) {
        kiss_db_pool_does_not_commit(conn);
    }
    return status;
}

kiss_db_status kiss_db_reopen(kiss_db_conn *conn, const char *table)
{
    const char *sql = kiss_server_error_open_anew(table, conn->k->pool);
    const char *name = kiss_db_pool_conf(conn)->name, *error = NULL;
    kiss_db_status status = run_text(conn, sql);
    MYSQL_RES *res = status == KISS_DB_OK ? mysql_store_result(conn->mysql) : NULL;
    MYSQL_ROW row;

    if (status == KISS_DB_OK && !res) {
        status = failed(conn, mysql_errno(conn->mysql), mysql_error(conn->mysql), sql);
    }
    while (res && (row = mysql_fetch_row(res))) {
        error = row[2] && strcmp(row[2], "Error") == 0 ? apr_pstrdup(conn->k->pool, row[3] ? row[3] : "") : error;
    }
    mysql_free_result(res);
    if (error) {
        KISS_LOG(conn->k, APLOG_ERR, 0, KISS_LOGNO(0215) "database %s: the server keeps a trigger of table %s for broken "
                 "(error 1064), and the table cannot be opened anew now: %s. The next request that writes it tries again; "
                 "or FLUSH TABLES there", name, table, error);
        return KISS_DB_AWAY;
    }
    if (status == KISS_DB_OK) {
        KISS_LOG(conn->k, APLOG_WARNING, 0, KISS_LOGNO(0214) "database %s: the server kept a trigger of table %s for broken "
                 "(error 1064), since a connection had been killed while it opened it: the table was opened anew",
                 name, table);
    }
    return status;
}

kiss_db_status kiss_db_rollback(kiss_db_conn *conn)
{
    conn->writing = 0;
    return run_text(conn, "ROLLBACK");
}

const char *kiss_db_insert_id(kiss_db_conn *conn, apr_pool_t *p)
{
    return apr_psprintf(p, "%" APR_UINT64_T_FMT, (apr_uint64_t)mysql_insert_id(conn->mysql));
}

/** The statement with this text on this connection; else the slot for it: a free one, or the least recently used. */
static kiss_db_prepared *find_prepared(kiss_db_conn *conn, const char *text, apr_size_t len)
{
    kiss_db_prepared *slot = &conn->prepared[0];
    int i;

    for (i = 0; i < KISS_DB_STATEMENTS && conn->prepared[i].pool; i++) {
        kiss_db_prepared *s = &conn->prepared[i];

        if (s->len == len && memcmp(s->text, text, len) == 0) {
            return s;
        }
        slot = s->used < slot->used ? s : slot;
    }
    return i < KISS_DB_STATEMENTS ? &conn->prepared[i] : slot;
}

/** Frees a slot. It is filled again at once: all slots after the first free one must be free. */
static void free_slot(kiss_db_prepared *s)
{
    if (s->pool) {
        mysql_stmt_close(s->stmt);
        apr_pool_destroy(s->pool);
        memset(s, 0, sizeof(*s));
    }
}

/**
 * Asks for the transaction that writes, after a statement was prepared in it: a Galera node that has rolled it back says
 * so in the answer to the next command, but not to one that prepares or closes a statement. What follows would be executed
 * by itself, and a COMMIT would succeed and commit nothing.
 *
 * @return KISS_DB_AGAIN when it is not open any more
 */
static kiss_db_status check_open(kiss_db_conn *conn)
{
    kiss_db_status status = conn->writing ? run_text(conn, "DO 0") : KISS_DB_OK;

    return status != KISS_DB_OK || !conn->writing || (conn->mysql->server_status & SERVER_STATUS_IN_TRANS) ? status
           : failed(conn, ER_LOCK_DEADLOCK, "the transaction was rolled back", "DO 0");
}

/** The statement's handle on this connection, prepared at its first use. */
static kiss_db_status prepare(MYSQL_STMT **stmt, kiss_db_conn *conn, const kiss_statement *statement)
{
    apr_size_t len = strlen(statement->text);
    kiss_db_prepared *s = find_prepared(conn, statement->text, len);
    kiss_db_status status = KISS_DB_OK;
    MYSQL_STMT *created;

    s->used = ++conn->uses;
    if (s->pool && s->len == len && memcmp(s->text, statement->text, len) == 0) {
        *stmt = s->stmt;
        return KISS_DB_OK;
    }
    if (!(created = mysql_stmt_init(conn->mysql))) {
        return failed(conn, 0, "out of memory", statement->text);
    }
    if (mysql_stmt_prepare(created, statement->text, len) != 0) {
        status = stmt_failed(conn, created, statement->text);
        mysql_stmt_close(created);
        return status;
    }
    free_slot(s);
    if (apr_pool_create(&s->pool, conn->session) != APR_SUCCESS) {
        mysql_stmt_close(created);
        s->pool = NULL;
        return failed(conn, 0, "out of memory", statement->text);
    }
    s->text = apr_pstrmemdup(s->pool, statement->text, len);
    s->len = len;
    s->used = conn->uses;
    *stmt = s->stmt = created;
    return check_open(conn);
}

/** Prepares the statement at its first use, binds, executes. */
static kiss_db_status start(MYSQL_STMT **stmt, kiss_db_conn *conn, const kiss_statement *statement,
                            const char *const *args, apr_pool_t *p)
{
    MYSQL_BIND *bind = apr_pcalloc(p, (apr_size_t)statement->bound * sizeof(*bind) + 1);
    kiss_db_status status = kiss_db_pool_has_time(conn) ? KISS_DB_OK : late(conn, statement->text);
    int i;

    if (status == KISS_DB_OK) {
        status = prepare(stmt, conn, statement);
    }
    if (status != KISS_DB_OK) {
        return status;
    }
    for (i = 0; i < statement->bound; i++) {
        bind[i].buffer_type = args[i] ? MYSQL_TYPE_STRING : MYSQL_TYPE_NULL;
        bind[i].buffer = (void *)args[i];
        bind[i].buffer_length = args[i] ? strlen(args[i]) : 0;
    }
    if ((statement->bound && mysql_stmt_bind_param(*stmt, bind) != 0) || mysql_stmt_execute(*stmt) != 0) {
        return stmt_failed(conn, *stmt, statement->text);
    }
    return KISS_DB_OK;
}

kiss_db_status kiss_db_execute(kiss_db_conn *conn, const kiss_statement *statement, const char *const *args)
{
    apr_int64_t now = kiss_clock_now();
    MYSQL_STMT *stmt;
    apr_pool_t *bound;              /* the values, thousands for many rows, which a request may write many times */
    kiss_db_status status;

    apr_pool_create(&bound, conn->k->pool);
    status = start(&stmt, conn, statement, args, bound);
    apr_pool_destroy(bound);
    count(conn, statement->number, now);
    return status;
}

/**
 * Binds every column to a text buffer of its own size; memory pages of a large buffer that no cell fills are never
 * touched.
 */
static kiss_db_status bind_columns(kiss_db_cursor *c, const kiss_statement *statement, apr_pool_t *p)
{
    MYSQL_RES *meta = mysql_stmt_result_metadata(c->stmt);
    int i;

    if (!meta || mysql_num_fields(meta) != (unsigned int)c->columns) {
        mysql_free_result(meta);
        return failed(c->conn, 0, "the result has other columns than the table says", statement->text);
    }
    for (i = 0; i < c->columns; i++) {
        unsigned long room = mysql_fetch_field_direct(meta, (unsigned int)i)->length;
        MYSQL_BIND *b = &c->bind[i];

        /* Numbers and dates become text here: 64 bytes hold any of them. */
        room = room < 64 ? 64 : room > CELL ? CELL : room;
        b->buffer_type = MYSQL_TYPE_STRING;
        b->buffer = apr_palloc(p, room + 1);
        b->buffer_length = room + 1;
        b->length = &c->length[i];
        b->is_null = &c->is_null[i];
        b->error = &c->truncated[i];
    }
    mysql_free_result(meta);
    return mysql_stmt_bind_result(c->stmt, c->bind) ? stmt_failed(c->conn, c->stmt, statement->text) : KISS_DB_OK;
}

kiss_db_status kiss_db_select(kiss_db_cursor **cursor, kiss_db_conn *conn, const kiss_statement *statement,
                              const char *const *args, apr_pool_t *p)
{
    kiss_db_cursor *c = apr_pcalloc(p, sizeof(*c));
    apr_size_t n = (apr_size_t)statement->columns;
    apr_int64_t now = kiss_clock_now();
    kiss_db_status status = start(&c->stmt, conn, statement, args, p);

    if (status != KISS_DB_OK) {
        count(conn, statement->number, now);
        return status;
    }
    c->conn = conn;
    c->pool = p;
    c->number = statement->number;
    c->start = now;
    c->columns = statement->columns;
    c->bind = apr_pcalloc(p, n * sizeof(*c->bind));
    c->length = apr_pcalloc(p, n * sizeof(*c->length));
    c->is_null = apr_pcalloc(p, n * sizeof(*c->is_null));
    c->truncated = apr_pcalloc(p, n * sizeof(*c->truncated));
    c->row = apr_pcalloc(p, n * sizeof(*c->row));
    *cursor = c;
    return bind_columns(c, statement, p);
}

static const kiss_value *deliver(kiss_db_cursor *c)
{
    int i;

    for (i = 0; i < c->columns; i++) {
        c->row[i].data = c->is_null[i] ? NULL : c->bind[i].buffer;
        c->row[i].len = c->is_null[i] ? 0 : c->length[i];
    }
    return c->row;
}

/** Fetches the cells that were longer than their buffers again, into larger buffers, which are kept for the next rows. */
static kiss_db_status fetch_long_cells(kiss_db_cursor *c, const kiss_value **row)
{
    int i;

    for (i = 0; i < c->columns; i++) {
        MYSQL_BIND *b = &c->bind[i];

        if (!c->truncated[i]) {
            continue;
        }
        if (c->length[i] > MAX_CELL) {
            return failed(c->conn, 0, "a cell is longer than 64 MB", "reading a row");
        }
        b->buffer_length = c->length[i] + c->length[i] / 2;
        b->buffer = apr_palloc(c->pool, b->buffer_length);
        if (mysql_stmt_fetch_column(c->stmt, b, (unsigned int)i, 0) != 0) {
            return stmt_failed(c->conn, c->stmt, "reading a long cell");
        }
    }
    if (mysql_stmt_bind_result(c->stmt, c->bind) != 0) {
        return stmt_failed(c->conn, c->stmt, "reading a long cell");
    }
    *row = deliver(c);
    return KISS_DB_OK;
}

kiss_db_status kiss_db_next(kiss_db_cursor *c, const kiss_value **row)
{
    const kiss_req *k = c->conn->k;
    int rv;

    *row = NULL;
    if (kiss_db_pool_ends(k)) {
        return KISS_DB_AWAY;            /* no retry: the connection is closed with its unread rows */
    }
    rv = mysql_stmt_fetch(c->stmt);
    if (rv == MYSQL_NO_DATA) {
        return kiss_db_close(c);
    }
    if (rv == MYSQL_DATA_TRUNCATED) {
        return fetch_long_cells(c, row);
    }
    if (rv != 0) {
        count(c->conn, c->number, c->start);
        return stmt_failed(c->conn, c->stmt, "reading a row");
    }
    *row = deliver(c);
    return KISS_DB_OK;
}

kiss_db_status kiss_db_close(kiss_db_cursor *c)
{
    count(c->conn, c->number, c->start);
    /* The library reads what was not fetched, and passes over an error that comes instead of the end: a transaction that the
     * server has rolled back after the row was sent. A COMMIT would then succeed, and commit nothing. */
    if (mysql_stmt_free_result(c->stmt) != 0 || mysql_errno(c->conn->mysql) != 0) {
        return stmt_failed(c->conn, c->stmt, "ending a result");
    }
    return KISS_DB_OK;
}

kiss_db_status kiss_db_row(const kiss_value **row, kiss_db_conn *conn, const kiss_statement *statement,
                           const char *const *args, apr_pool_t *p)
{
    kiss_db_cursor *cursor;
    kiss_db_status status = kiss_db_select(&cursor, conn, statement, args, p);

    *row = NULL;
    if (status == KISS_DB_OK) {
        status = kiss_db_next(cursor, row);
    }
    return status == KISS_DB_OK && *row ? kiss_db_close(cursor) : status;
}

kiss_db_status kiss_db_note_state(kiss_db_conn *conn, const char *state)
{
    const kiss_database_conf *conf = kiss_db_pool_conf(conn);
    const char *newest = strchr(state, ':');
    apr_uint64_t revision = newest ? (apr_uint64_t)apr_strtoi64(newest + 1, NULL, 10) : 0;

    if (!newest || revision >= conn->newest) {
        kiss_db_servers_note_newest(conf, revision, conn->newest);
        return KISS_DB_OK;
    }
    if (conf->nservers > 1) {
        conn->away = 1;
        kiss_db_pool_failed(conn, "is behind what was served before");
        return KISS_DB_AWAY;
    }
    if (kiss_db_servers_note_newest(conf, revision, conn->newest)) {
        KISS_LOG(conn->k, APLOG_NOTICE, 0, KISS_LOGNO(0776) "database %s: its revisions are older than those that were read "
                 "before: it was restored from a backup, or is another one", conf->name);
    }
    return KISS_DB_OK;
}
