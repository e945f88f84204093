#include "kiss_db.h"

#include <mariadb/errmsg.h>

#include <string.h>

#include "kiss_db_pool.h"

/* A connection that fails sooner than this was dead already: worth another try. One that fails later has waited for a
 * server that hangs, and so would the next. */
#define DEAD_WITHIN apr_time_from_sec(1)

/* A cell may have 64 KiB (TEXT); longer ones do not exist in the schema and are an error, never cut. */
#define MAX_CELL 65535

struct kiss_db_cursor {
    kiss_db_conn *conn;
    MYSQL_STMT *stmt;
    int columns;
    MYSQL_BIND *bind;
    unsigned long *length;
    my_bool *is_null;
    my_bool *cut;
    kiss_value *row;
};

request_rec *kiss_db_request(const kiss_db_conn *conn)
{
    return conn->r;
}

/** 1 when the error means that the connection is gone, not that the statement is wrong. */
static int connection_lost(unsigned int code)
{
    return (code >= CR_MIN_ERROR && code <= CR_MAX_ERROR)       /* 2006, 2013, 2014, 2030 ...: the client's own */
           || code == 1053                                      /* the server is shutting down */
           || code == 1927 || code == 1317 || code == 4031;     /* the connection or statement was killed, was idle */
}

static kiss_db_status failed(kiss_db_conn *conn, unsigned int code, const char *text, const char *what)
{
    int lost = connection_lost(code);

    ap_log_rerror(APLOG_MARK, lost ? APLOG_INFO : APLOG_ERR, 0, conn->r, KISS_LOGNO(0210) "%s failed: %u %s", what, code,
                  *text ? text : "(no text)");
    return lost ? KISS_DB_AWAY : KISS_DB_FAILED;
}

static kiss_db_status stmt_failed(kiss_db_conn *conn, MYSQL_STMT *stmt, const kiss_statement *statement)
{
    return failed(conn, mysql_stmt_errno(stmt), mysql_stmt_error(stmt), statement->text);
}

kiss_db_status kiss_db_run(kiss_req *k, kiss_db_work work, void *baton)
{
    apr_time_t start = apr_time_now();
    kiss_db_status status;
    kiss_db_conn *conn;
    int tries;

    if (!k->db) {
        ap_log_rerror(APLOG_MARK, APLOG_ERR, 0, k->r, KISS_LOGNO(0211) "this child has no pool for the database");
        return KISS_DB_FAILED;
    }
    status = kiss_db_pool_take(&conn, k->db, k->r);
    for (tries = 0; status == KISS_DB_OK && tries < 2; tries++) {
        int fresh = !conn->handle;
        apr_time_t begun = apr_time_now();

        status = fresh ? kiss_db_pool_connect(conn, k->api->schema_version) : KISS_DB_OK;
        if (status == KISS_DB_OK) {
            status = work(conn, baton);
        }
        if (status != KISS_DB_OK) {
            kiss_db_pool_disconnect(conn);
        }
        if (status == KISS_DB_AWAY && !fresh && tries == 0 && apr_time_now() - begun < DEAD_WITHIN) {
            status = KISS_DB_OK;
            continue;
        }
        break;
    }
    if (status != KISS_DB_BUSY) {
        kiss_db_pool_give(conn);
    }
    k->db_time += apr_time_now() - start;
    return status;
}

static kiss_db_status run_text(kiss_db_conn *conn, const char *sql)
{
    if (mysql_real_query(conn->mysql, sql, strlen(sql)) != 0) {
        return failed(conn, mysql_errno(conn->mysql), mysql_error(conn->mysql), sql);
    }
    return KISS_DB_OK;
}

kiss_db_status kiss_db_begin(kiss_db_conn *conn)
{
    return run_text(conn, "START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY");
}

kiss_db_status kiss_db_end(kiss_db_conn *conn)
{
    return run_text(conn, "COMMIT");
}

/** The statement's handle on this connection, prepared at its first use. */
static kiss_db_status prepare(MYSQL_STMT **stmt, kiss_db_conn *conn, const kiss_statement *statement)
{
    kiss_db_status status;
    int i;

    for (i = 0; i < conn->count; i++) {
        if (conn->statement[i] == statement) {
            *stmt = conn->prepared[i];
            return KISS_DB_OK;
        }
    }
    if (conn->count == KISS_DB_STATEMENTS || !(*stmt = mysql_stmt_init(conn->mysql))) {
        return failed(conn, 0, "no room for another statement", statement->text);
    }
    if (mysql_stmt_prepare(*stmt, statement->text, strlen(statement->text)) != 0) {
        status = stmt_failed(conn, *stmt, statement);
        mysql_stmt_close(*stmt);
        return status;
    }
    conn->statement[conn->count] = statement;
    conn->prepared[conn->count++] = *stmt;
    return KISS_DB_OK;
}

/** Prepares if need be, binds, executes. */
static kiss_db_status start(MYSQL_STMT **stmt, kiss_db_conn *conn, const kiss_statement *statement,
                            const char *const *args)
{
    MYSQL_BIND bind[KISS_MAX_SCOPES];
    kiss_db_status status = prepare(stmt, conn, statement);
    int i;

    if (status != KISS_DB_OK) {
        return status;
    }
    memset(bind, 0, sizeof(bind));
    for (i = 0; i < statement->bound; i++) {
        bind[i].buffer_type = MYSQL_TYPE_STRING;
        bind[i].buffer = (void *)args[i];
        bind[i].buffer_length = strlen(args[i]);
    }
    if ((statement->bound && mysql_stmt_bind_param(*stmt, bind) != 0) || mysql_stmt_execute(*stmt) != 0) {
        return stmt_failed(conn, *stmt, statement);
    }
    return KISS_DB_OK;
}

kiss_db_status kiss_db_execute(kiss_db_conn *conn, const kiss_statement *statement, const char *const *args)
{
    MYSQL_STMT *stmt;

    return start(&stmt, conn, statement, args);
}

/** Binds every column to a text buffer of its own size; pages of long ones that no cell fills are never touched. */
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
        room = room < 64 ? 64 : room > MAX_CELL ? MAX_CELL : room;
        b->buffer_type = MYSQL_TYPE_STRING;
        b->buffer = apr_palloc(p, room + 1);
        b->buffer_length = room + 1;
        b->length = &c->length[i];
        b->is_null = &c->is_null[i];
        b->error = &c->cut[i];
    }
    mysql_free_result(meta);
    return mysql_stmt_bind_result(c->stmt, c->bind) ? stmt_failed(c->conn, c->stmt, statement) : KISS_DB_OK;
}

kiss_db_status kiss_db_select(kiss_db_cursor **cursor, kiss_db_conn *conn, const kiss_statement *statement,
                              const char *const *args, apr_pool_t *p)
{
    kiss_db_cursor *c = apr_pcalloc(p, sizeof(*c));
    apr_size_t n = (apr_size_t)statement->columns;
    kiss_db_status status = start(&c->stmt, conn, statement, args);

    if (status != KISS_DB_OK) {
        return status;
    }
    c->conn = conn;
    c->columns = statement->columns;
    c->bind = apr_pcalloc(p, n * sizeof(*c->bind));
    c->length = apr_pcalloc(p, n * sizeof(*c->length));
    c->is_null = apr_pcalloc(p, n * sizeof(*c->is_null));
    c->cut = apr_pcalloc(p, n * sizeof(*c->cut));
    c->row = apr_pcalloc(p, n * sizeof(*c->row));
    *cursor = c;
    return bind_columns(c, statement, p);
}

kiss_db_status kiss_db_next(kiss_db_cursor *c, const kiss_value **row)
{
    int rv = mysql_stmt_fetch(c->stmt), i;

    *row = NULL;
    if (rv == MYSQL_NO_DATA) {
        return kiss_db_close(c);
    }
    if (rv == MYSQL_DATA_TRUNCATED) {
        return failed(c->conn, 0, "a cell is longer than 65535 bytes, which the schema does not allow", "reading a row");
    }
    if (rv != 0) {
        unsigned int code = mysql_stmt_errno(c->stmt);

        /* A connection that breaks in the middle of the rows fails here without number or text. */
        return failed(c->conn, code ? code : CR_SERVER_LOST, mysql_stmt_error(c->stmt), "reading a row");
    }
    for (i = 0; i < c->columns; i++) {
        c->row[i].data = c->is_null[i] ? NULL : c->bind[i].buffer;
        c->row[i].len = c->is_null[i] ? 0 : c->length[i];
    }
    *row = c->row;
    return KISS_DB_OK;
}

kiss_db_status kiss_db_close(kiss_db_cursor *c)
{
    if (mysql_stmt_free_result(c->stmt) != 0) {
        return failed(c->conn, mysql_stmt_errno(c->stmt), mysql_stmt_error(c->stmt), "ending a result");
    }
    return KISS_DB_OK;
}
