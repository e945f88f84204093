#include "kiss_build.h"

#include <string.h>

#include "kiss_caller.h"
#include "kiss_config.h"
#include "kiss_error.h"
#include "kiss_snapshot.h"
#include "kiss_spool.h"

/** An answer in the making. */
typedef struct {
    kiss_req *k;
    apr_pool_t *pool;                   /* of this attempt; the spool lives longer */
    kiss_db_conn *conn;
    const kiss_caller *caller;          /* as of the moment that the read sees */
    const char *tag;                    /* ETag of that moment */
    kiss_json_terms terms;
    kiss_spool *out;                    /* the answer */
    kiss_spool_reader *nested[KISS_MAX_NESTED];
    int nested_count;
    struct printbuf *array;             /* the nested rows of one key */
    struct printbuf *key;               /* the key of the rows being read */
    apr_size_t replaced;                /* invalid UTF-8 bytes */
} building;

/* --- errors --- */

static kiss_db_status spool_failed(building *b, apr_status_t rv)
{
    KISS_LOG(b->k, APLOG_ERR, rv, KISS_LOGNO(0601) "cannot build the answer in %s (KissCacheDir): is it full, or not "
             "writable for the server's user?", kiss_config_cache_dir(b->k->server));
    return KISS_DB_AWAY;                /* the client may try again: 503 */
}

static kiss_db_status row_failed(building *b, kiss_json_status status, const char *column, const kiss_value *key)
{
    KISS_LOG(b->k, APLOG_ERR, 0, KISS_LOGNO(0602) "row %.*s cannot be written: %s%s", (int)key->len, key->data,
             status == KISS_JSON_MEMORY ? "out of memory" : "the database holds no valid value for ",
             status == KISS_JSON_MEMORY ? "" : column);
    return KISS_DB_FAILED;
}

/* --- scope --- */

/** The values that a statement is bound to. @return 0 when the caller lacks one: it may see no row */
static int bind_terms(const building *b, const kiss_statement *s, const char **args)
{
    int i;

    for (i = 0; i < s->bound; i++) {
        args[i] = b->caller->term[s->term[i]];
        if (!args[i] || !*args[i]) {
            return 0;
        }
    }
    return 1;
}

static void prepare_terms(building *b)
{
    int i;

    for (i = 1; i < KISS_TERMS; i++) {
        b->terms.fragment[i] = kiss_json_term(b->caller->term[i], b->pool);
    }
    b->terms.discount = b->caller->discount;
}

/* --- keys --- */

static int is_current(const building *b, const kiss_value *key)
{
    return key->len == (apr_size_t)b->key->bpos && memcmp(key->data, b->key->buf, key->len) == 0;
}

/** Remembers a row's key: the row's memory is the next row's. */
static int set_current(building *b, const kiss_value *key)
{
    printbuf_reset(b->key);
    return kiss_json_raw(b->key, key->data, key->len);
}

/* --- nested rows: each table is scanned once, its rows are written as arrays by key --- */

/** Ends the array of the current key, if there is one. */
static apr_status_t end_array(building *b, kiss_spool *spool)
{
    kiss_value key = { b->key->buf, (apr_size_t)b->key->bpos };
    apr_status_t rv = APR_SUCCESS;

    if (b->array->bpos > 0) {
        rv = kiss_json_raw(b->array, "]", 1) ? APR_ENOMEM : kiss_spool_add(spool, &key, b->array);
        printbuf_reset(b->array);
    }
    return rv;
}

/** Writes the rows of one nested table into a spool of arrays. */
static kiss_db_status scan_nested(building *b, const kiss_statement *s, const char *const *args, kiss_spool *spool)
{
    kiss_db_cursor *cursor;
    const kiss_value *row;
    kiss_db_status status;
    apr_status_t rv;

    printbuf_reset(b->array);
    status = kiss_db_select(&cursor, b->conn, s, args, b->pool);
    while (status == KISS_DB_OK && (status = kiss_db_next(cursor, &row)) == KISS_DB_OK && row) {
        const char *column = NULL;
        kiss_json_status written;

        if (b->array->bpos > 0 && !is_current(b, &row[0]) && (rv = end_array(b, spool)) != APR_SUCCESS) {
            return spool_failed(b, rv);
        }
        if ((b->array->bpos == 0 && set_current(b, &row[0])) || kiss_json_raw(b->array, b->array->bpos ? "," : "[", 1)) {
            return spool_failed(b, APR_ENOMEM);
        }
        written = kiss_json_row(b->array, s->writer, &b->terms, row + 1, NULL, &b->replaced, &column);
        if (written != KISS_JSON_OK) {
            return row_failed(b, written, column, &row[0]);
        }
    }
    if (status == KISS_DB_OK && ((rv = end_array(b, spool)) != APR_SUCCESS
                                 || (rv = kiss_spool_flush(spool, 1)) != APR_SUCCESS)) {
        status = spool_failed(b, rv);
    }
    return status;
}

/** Reads all nested tables of a row set, before the rows that they belong to: one connection, one moment. */
static kiss_db_status read_nested(building *b, const kiss_rowset *rows)
{
    kiss_db_status status = KISS_DB_OK;
    const kiss_column *c;

    for (c = rows->columns; c->name && status == KISS_DB_OK; c++) {
        const char *args[KISS_MAX_SCOPES];
        const kiss_statement *s;
        kiss_spool *spool;
        apr_status_t rv;

        if (c->type != KISS_ROWS) {
            continue;
        }
        s = kiss_sql_find(b->k->conf->plan, c->rows);
        rv = kiss_spool_create(&spool, kiss_config_cache_dir(b->k->server), b->pool);
        if (rv != APR_SUCCESS) {
            return spool_failed(b, rv);
        }
        if (bind_terms(b, s, args)) {
            status = scan_nested(b, s, args, spool);
        }
        if (status == KISS_DB_OK
            && (rv = kiss_spool_open(&b->nested[b->nested_count++], spool, b->pool)) != APR_SUCCESS) {
            return spool_failed(b, rv);
        }
    }
    return status;
}

/* --- the rows themselves --- */

/** Writes one row with what is nested in it. */
static kiss_db_status write_row(building *b, const kiss_statement *s, const kiss_value *row)
{
    kiss_value nested[KISS_MAX_NESTED];
    const char *column = NULL;
    kiss_json_status written;
    apr_status_t rv;
    int i;

    for (i = 0; i < b->nested_count; i++) {
        if ((rv = kiss_spool_seek(b->nested[i], &row[0], &nested[i])) != APR_SUCCESS) {
            return spool_failed(b, rv);
        }
    }
    if (kiss_json_raw(b->out->buffer, b->k->rows ? ",\n" : "[", b->k->rows ? 2 : 1)) {
        return spool_failed(b, APR_ENOMEM);
    }
    written = kiss_json_row(b->out->buffer, s->writer, &b->terms, row + 1, nested, &b->replaced, &column);
    if (written != KISS_JSON_OK) {
        return row_failed(b, written, column, &row[0]);
    }
    b->k->rows++;
    return (rv = kiss_spool_flush(b->out, 0)) != APR_SUCCESS ? spool_failed(b, rv) : KISS_DB_OK;
}

static kiss_db_status scan_rows(building *b, const kiss_statement *s, const char *const *args)
{
    kiss_db_cursor *cursor;
    const kiss_value *row;
    kiss_db_status status = kiss_db_select(&cursor, b->conn, s, args, b->pool);

    while (status == KISS_DB_OK && (status = kiss_db_next(cursor, &row)) == KISS_DB_OK && row) {
        if (b->nested_count) {
            /* Rows with nested ones are records: the same key again is the same record, reached through a second price. */
            if (b->k->rows && is_current(b, &row[0])) {
                continue;
            }
            if (set_current(b, &row[0])) {
                return spool_failed(b, APR_ENOMEM);
            }
        }
        status = write_row(b, s, row);
    }
    return status;
}

static apr_status_t free_buffer(void *buffer)
{
    printbuf_free(buffer);
    return APR_SUCCESS;
}

static int make_buffer(struct printbuf **buffer, apr_pool_t *p)
{
    *buffer = printbuf_new();
    if (*buffer) {
        apr_pool_cleanup_register(p, *buffer, free_buffer, apr_pool_cleanup_null);
    }
    return *buffer ? 0 : -1;
}

/** Writes the whole array. */
static kiss_db_status write_list(building *b)
{
    const kiss_rowset *rows = b->k->endpoint->rows;
    const kiss_statement *s = kiss_sql_find(b->k->conf->plan, rows);
    const char *args[KISS_MAX_SCOPES];
    kiss_db_status status = KISS_DB_OK;

    if (bind_terms(b, s, args)) {
        status = read_nested(b, rows);
        if (status == KISS_DB_OK) {
            status = scan_rows(b, s, args);
        }
    }
    if (status == KISS_DB_OK) {
        const char *end = b->k->rows ? "]" : "[]";

        if (kiss_json_raw(b->out->buffer, end, strlen(end))) {
            status = spool_failed(b, APR_ENOMEM);
        }
    }
    return status;
}

/** One attempt, on one connection, in one transaction that sees one moment of the database. */
static kiss_db_status build(kiss_db_conn *conn, void *baton)
{
    building *b = baton;
    kiss_req *k = b->k;
    kiss_db_status status;
    apr_status_t rv;

    apr_pool_clear(b->pool);
    b->conn = conn;
    b->nested_count = 0;
    b->replaced = 0;
    b->out = NULL;
    k->rows = 0;
    status = kiss_db_begin(conn);
    if (status == KISS_DB_OK) {
        status = kiss_caller_fetch(&b->caller, conn, k->conf->plan, k->customer, k->pool);
    }
    if (status != KISS_DB_OK || !b->caller->code || !b->caller->enabled) {
        return status == KISS_DB_OK ? kiss_db_end(conn) : status;
    }
    rv = kiss_snapshot_begin(&b->out, kiss_config_cache_dir(k->server), k->pool);
    if (rv != APR_SUCCESS || make_buffer(&b->array, b->pool) || make_buffer(&b->key, b->pool)) {
        return spool_failed(b, rv != APR_SUCCESS ? rv : APR_ENOMEM);
    }
    prepare_terms(b);
    b->tag = kiss_caller_etag(b->caller, k->api, k->endpoint, k->pool);
    status = write_list(b);
    return status == KISS_DB_OK ? kiss_db_end(conn) : status;
}

const kiss_error *kiss_build_list(kiss_built *built, kiss_req *k)
{
    building b = { .k = k };
    kiss_db_status status;

    if (apr_pool_create(&b.pool, k->pool) != APR_SUCCESS) {
        return &kiss_error_internal;
    }
    status = kiss_db_run(k, build, &b);
    apr_pool_destroy(b.pool);
    if (status != KISS_DB_OK) {
        return kiss_caller_db_error(status);
    }
    if (!b.caller->code) {
        return &kiss_error_no_customer;         /* deleted or disabled between the two looks */
    }
    if (!b.caller->enabled) {
        return &kiss_error_bearer;
    }
    if (b.replaced) {
        KISS_LOG(k, APLOG_WARNING, 0, KISS_LOGNO(0603) "%" APR_SIZE_T_FMT " bytes in the database are not UTF-8; they were "
                 "sent as U+FFFD", b.replaced);
    }
    k->caller = b.caller;
    built->spool = b.out;
    built->tag = b.tag;
    return NULL;
}
