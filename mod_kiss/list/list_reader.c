/* SPDX-License-Identifier: Apache-2.0 */
/**
 * list_reader - reads a list in one transaction: ordered scans that are merged by key.
 */
#include "list/list_reader.h"

#include <string.h>

#include <apr_strings.h>

#include "caller/caller.h"
#include "core/config.h"
#include "core/error.h"
#include "core/log_seldom.h"
#include "lib/api/list_plan.h"
#include "lib/api/row_json.h"
#include "lib/base/json_text.h"
#include "lib/file/chunk_writer.h"
#include "lib/file/merge_run.h"
#include "lib/file/spool.h"
#include "list/list_cache.h"

/* A divided list is read in ranges of keys. The first one is short, so that the first rows are ready soon. The others
 * are as long as fits into memory with what is merged: each range costs a round trip per scan. */
#define FIRST_RANGE 800
#define MAX_RANGE   16000
#define MAX_GROWTH  4
#define IN_MEMORY   (640 * 1024)

/* Number of keys that can be looked up one by one in the time of a scan of a catalogue of 10,000. */
#define SHORT_LIST 1000

/** The part of the list that is being read: all of it, if it is not divided. */
typedef struct {
    kiss_sql_part part;
    const char *from;                   /* its first key */
    const char *to;                     /* the key after its last one */
} range;

/** Scans of a range that the rows are merged with, read before the rows themselves. */
typedef struct {
    kiss_merge_run *run[KISS_MAX_NESTED];   /* created when they are first used */
    const kiss_statement *statement[KISS_MAX_NESTED];
    int count;
} merge_set;

/** A list that is being read. */
typedef struct {
    kiss_req *k;
    apr_pool_t *pool;                   /* of this attempt; the spool lives longer */
    kiss_db_conn *conn;
    const kiss_caller *caller;          /* of the transaction's snapshot */
    const char *tag;                    /* ETag of that snapshot */
    kiss_row_json_terms terms;
    kiss_progress *progress;            /* receives what is written */
    kiss_spool *out;                    /* the answer */
    kiss_chunks *chunks;                /* its chunks */
    range range;
    apr_pool_t *range_pool;             /* cleared before the next range */
    merge_set semi_join;                /* keys: a row must be in each of them */
    merge_set nested;                   /* rows of arrays by key */
    struct printbuf *arrays;            /* nested rows of one row, as JSON */
    struct printbuf *key;               /* the key of the rows being read */
    apr_size_t replaced;                /* invalid UTF-8 bytes that were replaced */
} reader;

/* --- errors --- */

static kiss_db_status spool_failed(reader *b, apr_status_t rv)
{
    KISS_LOG_SELDOM(KISS_LOG_SELDOM_SPOOL, b->k, APLOG_ERR, rv, KISS_LOGNO(0601) "cannot build the answer in %s (KissCacheDir)",
                    kiss_config_cache_dir(b->k->server));
    return KISS_DB_AWAY;                /* the client may retry: 503 */
}

static kiss_db_status row_failed(reader *b, kiss_row_json_status status, const char *column, const kiss_value *key)
{
    KISS_LOG(b->k, APLOG_ERR, 0, KISS_LOGNO(0602) "row %.*s cannot be written: %s%s", (int)key->len, key->data,
             status == KISS_ROW_JSON_MEMORY ? "out of memory" : "the database holds no valid value for ",
             status == KISS_ROW_JSON_MEMORY ? "" : column);
    return KISS_DB_FAILED;
}

/* --- bound values --- */

/**
 * The values of a statement: terms, then the keys of the range.
 *
 * @return 0 when the caller lacks a term: then it may see no row
 */
static int bind_values(const reader *b, const kiss_statement *s, const char **args)
{
    int i;

    for (i = 0; i < s->terms; i++) {
        args[i] = b->caller->term[s->term[i]];
        if (!args[i] || !*args[i]) {
            return 0;
        }
    }
    args[i++] = b->range.from;
    args[i] = b->range.to;
    return 1;
}

static void prepare_terms(reader *b)
{
    int i;

    for (i = 1; i < KISS_TERMS; i++) {
        b->terms.fragment[i] = kiss_row_json_term(b->caller->term[i], b->pool);
    }
    b->terms.discount = b->caller->discount;
}

/* --- keys --- */

static int is_current(const reader *b, const kiss_value *key)
{
    return key->len == (apr_size_t)b->key->bpos && memcmp(key->data, b->key->buf, key->len) == 0;
}

/** Copies the key of a row, whose memory is reused for the next row. */
static int set_current(reader *b, const kiss_value *key)
{
    printbuf_reset(b->key);
    return kiss_json_text_raw(b->key, key->data, key->len);
}

/* --- scans that the rows are merged with, each in the order of its keys --- */

static kiss_db_status scan_merged(reader *b, const kiss_statement *s, const char *const *args, kiss_merge_run *run)
{
    kiss_db_cursor *cursor;
    const kiss_value *row;
    kiss_db_status status = kiss_db_select(&cursor, b->conn, s, args, b->range_pool);
    apr_status_t rv;

    while (status == KISS_DB_OK && (status = kiss_db_next(cursor, &row)) == KISS_DB_OK && row) {
        if ((rv = kiss_merge_run_add(run, row, s->columns)) != APR_SUCCESS) {
            return spool_failed(b, rv);
        }
    }
    return status;
}

/** Reads a scan that the rows are merged with, before them: in the same transaction. */
static kiss_db_status read_merged(reader *b, merge_set *with, const kiss_rowset *rows)
{
    const kiss_statement *s = kiss_list_plan_find(b->k->conf->plan, rows, b->range.part);
    kiss_merge_run **run = &with->run[with->count];
    const char *args[KISS_MAX_BOUND];
    kiss_db_status status = KISS_DB_OK;
    apr_status_t rv = *run ? kiss_merge_run_clear(*run)
                               : kiss_merge_run_create(run, kiss_config_cache_dir(b->k->server), b->pool);

    with->statement[with->count++] = s;
    if (rv == APR_SUCCESS && bind_values(b, s, args)) {
        status = scan_merged(b, s, args, *run);
    }
    if (rv == APR_SUCCESS && status == KISS_DB_OK) {
        rv = kiss_merge_run_done(*run);
    }
    return rv != APR_SUCCESS ? spool_failed(b, rv) : status;
}

static kiss_db_status read_all_merged(reader *b, const kiss_rowset *rows)
{
    const kiss_rowset *const *w;
    const kiss_column *c;
    kiss_db_status status = KISS_DB_OK;

    b->semi_join.count = b->nested.count = 0;
    for (w = rows->semi_join; w && *w && status == KISS_DB_OK; w++) {
        status = read_merged(b, &b->semi_join, *w);
    }
    for (c = rows->columns; c->name && status == KISS_DB_OK; c++) {
        if (c->type == KISS_ROWS) {
            status = read_merged(b, &b->nested, c->rows);
        }
    }
    return status;
}

/** Finds the rows of a key in each scan. @return APR_SUCCESS; `missing` is set when one has none */
static apr_status_t seek(const merge_set *with, const kiss_value *key, kiss_value *found, int *missing)
{
    apr_status_t rv = APR_SUCCESS;
    int i;

    for (i = 0, *missing = 0; i < with->count && rv == APR_SUCCESS; i++) {
        rv = kiss_merge_run_find(with->run[i], key, &found[i]);
        *missing |= found[i].data == NULL;
    }
    return rv;
}

/* --- rows --- */

/** Writes the objects of each array that is nested in the row with this key. */
static kiss_db_status write_nested(reader *b, const kiss_value *key, kiss_value *nested)
{
    kiss_value row[KISS_MAX_COLUMNS];
    const char *column = NULL;
    int begin[KISS_MAX_NESTED + 1], i;

    row[0] = *key;
    printbuf_reset(b->arrays);
    for (i = 0; i < b->nested.count; i++) {
        const kiss_statement *s = b->nested.statement[i];

        begin[i] = b->arrays->bpos;
        while (kiss_merge_run_row(&nested[i], row, s->columns)) {
            kiss_row_json_status written = b->arrays->bpos > begin[i] && kiss_json_text_raw(b->arrays, ",", 1) ? KISS_ROW_JSON_MEMORY
                                       : kiss_row_json_write(b->arrays, s->writer, &b->terms, row, NULL, &b->replaced, &column);

            if (written != KISS_ROW_JSON_OK) {
                return row_failed(b, written, column, key);
            }
        }
    }
    begin[i] = b->arrays->bpos;
    while (i-- > 0) {
        nested[i].data = b->arrays->buf + begin[i];
        nested[i].len = (apr_size_t)(begin[i + 1] - begin[i]);
    }
    return KISS_DB_OK;
}

/** Writes one row with its nested rows, if its key is in all semi-joins. */
static kiss_db_status write_row(reader *b, const kiss_statement *s, const kiss_value *row)
{
    kiss_value found[KISS_MAX_NESTED];
    const char *column = NULL;
    kiss_row_json_status written;
    kiss_db_status status;
    apr_status_t rv;
    int missing, at = b->out->buffer->bpos;

    if ((rv = seek(&b->semi_join, &row[0], found, &missing)) != APR_SUCCESS) {
        return spool_failed(b, rv);
    }
    if (missing) {
        return KISS_DB_OK;
    }
    if ((rv = seek(&b->nested, &row[0], found, &missing)) != APR_SUCCESS) {
        return spool_failed(b, rv);
    }
    if ((status = write_nested(b, &row[0], found)) != KISS_DB_OK) {
        return status;
    }
    if (kiss_json_text_raw(b->out->buffer, b->k->rows ? ",\n" : "[", b->k->rows ? 2 : 1)) {
        return spool_failed(b, APR_ENOMEM);
    }
    written = kiss_row_json_write(b->out->buffer, s->writer, &b->terms, row, found, &b->replaced, &column);
    if (written != KISS_ROW_JSON_OK) {
        return row_failed(b, written, column, &row[0]);
    }
    b->k->rows++;
    rv = kiss_chunks_row(b->chunks, at);
    return rv != APR_SUCCESS || (rv = kiss_spool_flush(b->out, 0)) != APR_SUCCESS ? spool_failed(b, rv) : KISS_DB_OK;
}

static kiss_db_status scan_rows(reader *b, const kiss_statement *s, const char *const *args)
{
    kiss_db_cursor *cursor;
    const kiss_value *row;
    kiss_db_status status = kiss_db_select(&cursor, b->conn, s, args, b->range_pool);
    int first = 1;

    for (; status == KISS_DB_OK && (status = kiss_db_next(cursor, &row)) == KISS_DB_OK && row; first = 0) {
        if (s->rows->dedup) {
            if (!first && is_current(b, &row[0])) {
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

/** Writes the rows of the range. */
static kiss_db_status write_range(reader *b, const kiss_rowset *rows)
{
    const kiss_statement *s = kiss_list_plan_find(b->k->conf->plan, rows, b->range.part);
    const char *args[KISS_MAX_BOUND];
    kiss_db_status status = KISS_DB_OK;

    if (bind_values(b, s, args)) {
        status = read_all_merged(b, rows);
        if (status == KISS_DB_OK) {
            status = scan_rows(b, s, args);
        }
    }
    return status;
}

/** Finds the end of the range that starts at b->range.from and has n keys: the rest when there are no more. */
static kiss_db_status end_range(reader *b, const kiss_rowset *driving_keys, int n)
{
    const kiss_statement *s = kiss_list_plan_find(b->k->conf->plan, driving_keys, KISS_SQL_NEXT);
    const char *args[KISS_MAX_BOUND];
    const kiss_value *row = NULL;
    kiss_db_status status = KISS_DB_OK;

    b->range.part = KISS_SQL_REST;
    b->range.to = apr_itoa(b->range_pool, n);
    if (bind_values(b, s, args)) {
        status = kiss_db_row(&row, b->conn, s, args, b->range_pool);
    }
    if (row) {
        b->range.part = KISS_SQL_RANGE;
        b->range.to = apr_pstrmemdup(b->pool, row[0].data, row[0].len);
    }
    return status;
}

/** Number of keys of the next range, after one of n. */
static int next_range(const reader *b, int n)
{
    apr_off_t used = 1, max = n * MAX_GROWTH < MAX_RANGE ? n * MAX_GROWTH : MAX_RANGE, fit;
    int i;

    for (i = 0; i < KISS_MAX_NESTED; i++) {
        used += i < b->semi_join.count ? kiss_merge_run_size(b->semi_join.run[i]) : 0;
        used += i < b->nested.count ? kiss_merge_run_size(b->nested.run[i]) : 0;
    }
    fit = (apr_off_t)n * IN_MEMORY / used;
    return (int)(fit > max ? max : fit > 0 ? fit : 1);
}

/** Writes rows that are divided, range by range. */
static kiss_db_status write_ranges(reader *b, const kiss_rowset *rows)
{
    kiss_db_status status;
    int n = FIRST_RANGE;
    apr_status_t rv;

    do {
        apr_pool_clear(b->range_pool);
        status = end_range(b, rows->driving_keys, n);
        if (status == KISS_DB_OK) {
            status = write_range(b, rows);
        }
        /* Makes the range available to a request that sends the list while it is written. */
        if (status == KISS_DB_OK && (rv = kiss_spool_flush(b->out, 1)) != APR_SUCCESS) {
            status = spool_failed(b, rv);
        }
        n = next_range(b, n);
        b->range.from = b->range.to;
    } while (status == KISS_DB_OK && b->range.part == KISS_SQL_RANGE);
    return status;
}

/** Writes all rows. */
static kiss_db_status write_rows(reader *b, const kiss_rowset *rows)
{
    kiss_db_status status = KISS_DB_OK;

    b->range.from = "";
    if (rows->driving_keys && !rows->if_short) {
        return write_ranges(b, rows);
    }
    if (rows->if_short) {
        status = end_range(b, rows->driving_keys, SHORT_LIST);
        rows = b->range.part == KISS_SQL_REST ? rows->if_short : rows;
    }
    b->range.part = KISS_SQL_WHOLE;
    return status == KISS_DB_OK ? write_range(b, rows) : status;
}

/** Writes the whole array. */
static kiss_db_status write_list(reader *b)
{
    kiss_db_status status = write_rows(b, b->k->endpoint->rows);
    const char *end = b->k->rows ? "]" : "[]";

    if (status == KISS_DB_OK) {
        kiss_chunks_end(b->chunks);
    }
    if (status == KISS_DB_OK && kiss_json_text_raw(b->out->buffer, end, strlen(end))) {
        status = spool_failed(b, APR_ENOMEM);
    }
    return status;
}

/** Reads the list once: on one connection, in one transaction with a consistent snapshot. */
static kiss_db_status build(kiss_db_conn *conn, void *baton)
{
    reader *b = baton;
    kiss_req *k = b->k;
    kiss_db_status status;
    apr_status_t rv;

    if (b->out && b->out->size) {
        return KISS_DB_AWAY;            /* already started on a connection that was lost: a part may have been sent */
    }
    apr_pool_clear(b->pool);
    b->conn = conn;
    memset(&b->semi_join, 0, sizeof(b->semi_join));
    memset(&b->nested, 0, sizeof(b->nested));
    b->replaced = 0;
    b->out = NULL;
    k->rows = 0;
    status = kiss_db_begin(conn);
    if (status == KISS_DB_OK) {
        status = kiss_caller_fetch(&b->caller, conn, k->conf->plan, k->principal, k->pool);
    }
    if (status != KISS_DB_OK || !b->caller->code || !b->caller->enabled) {
        return status == KISS_DB_OK ? kiss_db_end(conn) : status;
    }
    rv = kiss_list_cache_begin(&b->out, kiss_config_cache_dir(k->server), k->pool);
    if (rv == APR_SUCCESS) {
        rv = kiss_chunks_begin(&b->chunks, b->out, k->pool);
    }
    if (rv == APR_SUCCESS) {
        rv = apr_pool_create(&b->range_pool, b->pool);
    }
    b->arrays = kiss_json_text_buffer(b->pool);
    b->key = kiss_json_text_buffer(b->pool);
    if (rv != APR_SUCCESS || !b->arrays || !b->key) {
        return spool_failed(b, rv != APR_SUCCESS ? rv : APR_ENOMEM);
    }
    prepare_terms(b);
    b->tag = kiss_caller_etag(b->caller, k->api, k->endpoint, k->pool);
    kiss_progress_name(b->progress, b->tag);
    b->out->progress = b->progress;
    status = write_list(b);
    return status == KISS_DB_OK ? kiss_db_end(conn) : status;
}

const kiss_error *kiss_list_reader_run(kiss_list_reader_result *built, kiss_req *k, kiss_progress *progress)
{
    reader b = { .k = k, .progress = progress };
    kiss_db_status status;

    if (apr_pool_create(&b.pool, k->pool) != APR_SUCCESS) {
        return &kiss_error_internal;
    }
    status = kiss_db_run(k, build, &b);
    apr_pool_destroy(b.pool);
    if (status != KISS_DB_OK) {
        return kiss_db_error(status);
    }
    if (!b.caller->code) {
        return &kiss_error_no_customer;         /* deleted or disabled between the two reads */
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
    built->caller = b.caller;
    return NULL;
}
