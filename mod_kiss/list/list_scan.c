/* SPDX-License-Identifier: Apache-2.0 */
/**
 * list_scan - reads rows of a list: ordered scans that are merged by key, each row written as JSON.
 */
#include "list/list_scan.h"

#include <string.h>

#include <apr_strings.h>

#include "caller/caller.h"
#include "core/config.h"
#include "core/log_seldom.h"
#include "lib/api/list_plan.h"
#include "lib/base/json_text.h"
#include "lib/file/list_rows.h"
#include "list/list_shared.h"

/* --- errors --- */

kiss_db_status kiss_list_scan_failed(const kiss_req *k, apr_status_t rv)
{
    KISS_LOG_SELDOM(KISS_LOG_SELDOM_SPOOL, k, APLOG_ERR, rv, KISS_LOGNO(0601) "cannot build the answer in %s (KissCacheDir)",
                    kiss_config_cache_dir(k->server));
    return KISS_DB_AWAY;                /* the client may retry: 503 */
}

static kiss_db_status row_failed(const kiss_list_scan *b, kiss_row_json_status status, const char *column,
                                 const kiss_value *key)
{
    KISS_LOG(b->k, APLOG_ERR, 0, KISS_LOGNO(0602) "row %.*s cannot be written: %s%s", (int)key->len, key->data,
             status == KISS_ROW_JSON_MEMORY ? "out of memory" : "the database holds no valid value for ",
             status == KISS_ROW_JSON_MEMORY ? "" : column);
    return KISS_DB_FAILED;
}

/* --- bound values --- */

int kiss_list_scan_bind(const kiss_list_scan *b, const kiss_statement *s, const char **args)
{
    int i, j;

    for (i = 0; i < s->terms; i++) {
        args[i] = b->caller->term[s->term[i]];
        if (!args[i] || !*args[i]) {
            return 0;
        }
    }
    /* The last key fills all remaining places. */
    if (s->part == KISS_SQL_FEW || s->part == KISS_SQL_MANY) {
        for (j = 0; i < s->bound; j++) {
            /* A part by keys has at least one. NOLINTNEXTLINE(clang-analyzer-core.NullDereference) */
            args[i++] = b->range.keys[j < b->range.count ? j : b->range.count - 1].data;
        }
        return 1;
    }
    args[i++] = b->range.from;
    args[i] = b->range.to;
    return 1;
}

apr_status_t kiss_list_scan_begin(kiss_list_scan *b, kiss_req *k, kiss_db_conn *conn, const kiss_caller *caller,
                                  apr_pool_t *p)
{
    apr_status_t rv;
    int i;

    memset(b, 0, sizeof(*b));
    b->k = k;
    b->conn = conn;
    b->caller = caller;
    b->pool = p;
    b->arrays = kiss_json_text_buffer(p);
    b->key = kiss_json_text_buffer(p);
    for (i = 1; i < KISS_TERMS; i++) {
        b->terms.fragment[i] = kiss_row_json_term(caller->term[i], p);
    }
    b->terms.discount = caller->discount;
    rv = apr_pool_create(&b->range_pool, p);
    return rv == APR_SUCCESS && (!b->arrays || !b->key) ? APR_ENOMEM : rv;
}

/* --- keys --- */

static int is_current(const kiss_list_scan *b, const kiss_value *key)
{
    return key->len == (apr_size_t)b->key->bpos && memcmp(key->data, b->key->buf, key->len) == 0;
}

/** Copies the key of a row, whose memory is reused for the next row. */
static int set_current(kiss_list_scan *b, const kiss_value *key)
{
    printbuf_reset(b->key);
    return kiss_json_text_raw(b->key, key->data, key->len);
}

/* --- scans that the rows are merged with, each in the order of its keys --- */

static kiss_db_status scan_merged(kiss_list_scan *b, const kiss_statement *s, const char *const *args, kiss_merge_run *run)
{
    kiss_list_rows rows;
    const kiss_value *row;
    kiss_db_status status = kiss_list_shared_select(&rows, b->conn, b->k, b->caller, s, args, b->range_pool);
    apr_status_t rv;

    while (status == KISS_DB_OK && (status = kiss_list_shared_next(&rows, &row)) == KISS_DB_OK && row) {
        if ((rv = kiss_merge_run_add(run, row, s->columns)) != APR_SUCCESS) {
            return kiss_list_scan_failed(b->k, rv);
        }
    }
    return status;
}

/** Reads a scan that the rows are merged with, before them: in the same transaction. */
static kiss_db_status read_merged(kiss_list_scan *b, kiss_list_merge_set *with, const kiss_rowset *rows)
{
    const kiss_statement *s = kiss_list_plan_find(b->k->conf->plan, rows, b->range.part);
    kiss_merge_run **run = &with->run[with->count];
    const char *args[KISS_MAX_BOUND_KEYS];
    kiss_db_status status = KISS_DB_OK;
    apr_status_t rv = *run ? kiss_merge_run_clear(*run)
                               : kiss_merge_run_create(run, kiss_config_cache_dir(b->k->server), b->pool);

    with->writer[with->count] = s->writer ? kiss_row_json_writer_bind(s->writer, &b->terms, b->range_pool) : NULL;
    with->statement[with->count++] = s;
    if (rv == APR_SUCCESS && kiss_list_scan_bind(b, s, args)) {
        status = scan_merged(b, s, args, *run);
    }
    if (rv == APR_SUCCESS && status == KISS_DB_OK) {
        rv = kiss_merge_run_done(*run);
    }
    return rv != APR_SUCCESS ? kiss_list_scan_failed(b->k, rv) : status;
}

kiss_sql_part kiss_list_scan_part(int keys)
{
    return keys > KISS_FEW_KEYS ? KISS_SQL_MANY : KISS_SQL_FEW;
}

/** Reads the keys that a row must be among. */
static kiss_db_status read_semi_joins(kiss_list_scan *b, const kiss_rowset *rows)
{
    const kiss_rowset *const *w = rows->semi_join;
    const kiss_list_range all = b->range;
    kiss_db_status status = KISS_DB_OK;

    if (all.keys) {
        b->range.keys = all.unsure;
        b->range.count = all.unsure_count;
        b->range.part = kiss_list_scan_part(all.unsure_count);
        w = all.unsure_count ? w : NULL;
    }
    for (; w && *w && status == KISS_DB_OK; w++) {
        status = read_merged(b, &b->semi_join, *w);
    }
    b->range = all;
    return status;
}

static kiss_db_status read_all_merged(kiss_list_scan *b, const kiss_rowset *rows)
{
    const kiss_column *c;
    kiss_db_status status;

    b->semi_join.count = b->nested.count = 0;
    status = read_semi_joins(b, rows);
    for (c = rows->columns; c->name && status == KISS_DB_OK; c++) {
        if (c->type == KISS_ROWS) {
            status = read_merged(b, &b->nested, c->rows);
        }
    }
    return status;
}

/** Finds the rows of a key in each scan. @return APR_SUCCESS; `missing` is set when one has none */
static apr_status_t seek(const kiss_list_merge_set *with, const kiss_value *key, kiss_value *found, int *missing)
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
static kiss_db_status write_nested(kiss_list_scan *b, const kiss_value *key, kiss_value *nested)
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
            kiss_row_json_status written = b->arrays->bpos > begin[i] && kiss_json_text_raw(b->arrays, ",", 1)
                ? KISS_ROW_JSON_MEMORY
                : kiss_row_json_write(b->arrays, b->nested.writer[i], &b->terms, row, NULL, &b->replaced, &column);

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

/** Whether the key of a row must be looked up in the semi-joins. */
static int is_unsure(kiss_list_scan *b, const kiss_value *key)
{
    kiss_list_range *r = &b->range;

    while (r->unsure_count && kiss_rows_order(r->unsure, key) < 0) {
        r->unsure++;
        r->unsure_count--;
    }
    return !r->keys || (r->unsure_count && kiss_rows_order(r->unsure, key) == 0);
}

/** Writes one row with its nested rows, if its key is in all semi-joins. */
static kiss_db_status write_row(kiss_list_scan *b, const kiss_row_json_writer *writer, const kiss_value *row)
{
    kiss_value found[KISS_MAX_NESTED];
    const char *column = NULL;
    struct printbuf *to;
    kiss_row_json_status written;
    kiss_db_status status;
    apr_status_t rv;
    int missing = 0;

    if (is_unsure(b, &row[0]) && (rv = seek(&b->semi_join, &row[0], found, &missing)) != APR_SUCCESS) {
        return kiss_list_scan_failed(b->k, rv);
    }
    if (missing) {
        return KISS_DB_OK;
    }
    if ((rv = seek(&b->nested, &row[0], found, &missing)) != APR_SUCCESS) {
        return kiss_list_scan_failed(b->k, rv);
    }
    if ((status = write_nested(b, &row[0], found)) != KISS_DB_OK
        || (status = b->sink->begin(b->baton, &row[0], &to)) != KISS_DB_OK) {
        return status;
    }
    written = kiss_row_json_write(to, writer, &b->terms, row, found, &b->replaced, &column);
    if (written != KISS_ROW_JSON_OK) {
        return row_failed(b, written, column, &row[0]);
    }
    b->k->rows++;
    return b->sink->end(b->baton);
}

static kiss_db_status scan_rows(kiss_list_scan *b, const kiss_statement *s, const char *const *args)
{
    const kiss_row_json_writer *writer = kiss_row_json_writer_bind(s->writer, &b->terms, b->range_pool);
    kiss_list_rows rows;
    const kiss_value *row;
    kiss_db_status status = kiss_list_shared_select(&rows, b->conn, b->k, b->caller, s, args, b->range_pool);
    int first = 1;

    for (; status == KISS_DB_OK && (status = kiss_list_shared_next(&rows, &row)) == KISS_DB_OK && row; first = 0) {
        if (s->rows->dedup) {
            if (!first && is_current(b, &row[0])) {
                continue;
            }
            if (set_current(b, &row[0])) {
                return kiss_list_scan_failed(b->k, APR_ENOMEM);
            }
        }
        status = write_row(b, writer, row);
    }
    return status;
}

kiss_db_status kiss_list_scan_run(kiss_list_scan *b, const kiss_rowset *rows)
{
    const kiss_statement *s = kiss_list_plan_find(b->k->conf->plan, rows, b->range.part);
    const char *args[KISS_MAX_BOUND_KEYS];
    kiss_db_status status = KISS_DB_OK;

    if (kiss_list_scan_bind(b, s, args)) {
        status = read_all_merged(b, rows);
        if (status == KISS_DB_OK) {
            status = scan_rows(b, s, args);
        }
    }
    return status;
}

apr_off_t kiss_list_scan_memory(const kiss_list_scan *b)
{
    apr_off_t used = 0;
    int i;

    for (i = 0; i < KISS_MAX_NESTED; i++) {
        used += i < b->semi_join.count ? kiss_merge_run_size(b->semi_join.run[i]) : 0;
        used += i < b->nested.count ? kiss_merge_run_size(b->nested.run[i]) : 0;
    }
    return used;
}
