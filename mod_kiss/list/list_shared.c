/* SPDX-License-Identifier: Apache-2.0 */
/**
 * list_shared - remembers the results of statements while lists are built one after the other.
 */
#include "list/list_shared.h"

#include <stdlib.h>
#include <string.h>

#include <apr_hash.h>
#include <apr_strings.h>

#include "caller/caller.h"
#include "core/config.h"

struct kiss_list_shared {
    apr_pool_t *owner;
    apr_pool_t *pool;           /* owns it; has its own allocator, because threads of jobs use it */
    apr_hash_t *results;        /* of result, by key */
    apr_size_t used;            /* bytes of values, including those of results that were not read completely */
};

/** A result that was read completely. */
typedef struct {
    const apr_array_header_t *cells;    /* of kiss_value */
    apr_uint64_t from;                  /* of the log: the revision after which it was read; else 0 */
} result;

static apr_status_t destroy(void *shared)
{
    apr_pool_destroy(((kiss_list_shared *)shared)->pool);
    return APR_SUCCESS;
}

apr_status_t kiss_list_shared_create(kiss_list_shared **shared, apr_pool_t *p)
{
    kiss_list_shared *made;
    apr_pool_t *pool;

    if (apr_pool_create_unmanaged_ex(&pool, NULL, NULL) != APR_SUCCESS) {
        return APR_ENOMEM;
    }
    *shared = made = apr_pcalloc(pool, sizeof(*made));
    made->owner = p;
    made->pool = pool;
    made->results = apr_hash_make(pool);
    apr_pool_cleanup_register(p, made, destroy, apr_pool_cleanup_null);
    return APR_SUCCESS;
}

void kiss_list_shared_destroy(kiss_list_shared *shared)
{
    apr_pool_cleanup_run(shared->owner, shared, destroy);
}

static int is_log(const kiss_req *k, const kiss_statement *s)
{
    return s == k->conf->plan->fixed[KISS_SQL_CHANGES];
}

/** 1 when a statement reads little: other lists of the pass may read the same. */
static int is_shared(const kiss_req *k, const kiss_statement *s)
{
    const int by_key = s->rows && s->data && (s->part == KISS_SQL_FEW || s->part == KISS_SQL_MANY);

    return k->shared && (by_key || is_log(k, s));
}

/** All that a result depends on but `from`, as text: each part ends with a byte that no value contains. */
static const char *key_of(const kiss_req *k, const kiss_caller *caller, const kiss_statement *s, const char *const *args,
                          apr_pool_t *p)
{
    const kiss_endpoint reads = { .data = s->data };
    kiss_dependency on[KISS_DEPENDENCIES];
    int n = kiss_caller_depends(on, caller, &reads), i;
    apr_array_header_t *parts = apr_array_make(p, s->bound + 2 * n + 2, sizeof(const char *));

    APR_ARRAY_PUSH(parts, const char *) = apr_psprintf(p, "%d", (int)(s - k->conf->plan->statements));
    APR_ARRAY_PUSH(parts, const char *) = caller->revision.epoch;
    for (i = 0; i < n; i++) {
        APR_ARRAY_PUSH(parts, const char *) = on[i].dataset;
        APR_ARRAY_PUSH(parts, const char *) = on[i].revision;
    }
    for (i = 0; i < s->bound; i++) {
        APR_ARRAY_PUSH(parts, const char *) = is_log(k, s) && i == KISS_CHANGES_FROM ? "" : args[i];
    }
    return apr_array_pstrcat(p, parts, '\n');
}

kiss_db_status kiss_list_shared_select(kiss_list_rows *rows, kiss_db_conn *conn, const kiss_req *k,
                                       const kiss_caller *caller, const kiss_statement *s, const char *const *args,
                                       apr_pool_t *p)
{
    const result *known;

    memset(rows, 0, sizeof(*rows));
    rows->columns = s->columns;
    if (is_shared(k, s)) {
        rows->key = key_of(k, caller, s, args, p);
        rows->from = is_log(k, s) ? strtoull(args[KISS_CHANGES_FROM], NULL, 10) : 0;
        known = apr_hash_get(k->shared->results, rows->key, APR_HASH_KEY_STRING);
        if (known && known->from <= rows->from) {
            rows->cells = known->cells;
            return KISS_DB_OK;
        }
        rows->shared = k->shared;
        rows->read = apr_array_make(k->shared->pool, s->columns * 16, sizeof(kiss_value));
    }
    return kiss_db_select(&rows->cursor, conn, s, args, p);
}

/** Remembers a row, or stops to. */
static void remember(kiss_list_rows *rows, const kiss_value *row)
{
    kiss_list_shared *shared = rows->shared;
    int i;

    for (i = 0; i < rows->columns; i++) {
        kiss_value *cell = apr_array_push(rows->read);

        cell->len = row[i].len;
        cell->data = row[i].data ? apr_pstrmemdup(shared->pool, row[i].data, row[i].len) : NULL;
        shared->used += sizeof(*cell) + row[i].len + 1;
    }
    if (shared->used > KISS_LIST_SHARED_MAX) {
        rows->shared = NULL;
    }
}

/** Remembers a result that is complete. */
static void keep(const kiss_list_rows *rows)
{
    apr_pool_t *pool = rows->shared->pool;
    result *known = apr_palloc(pool, sizeof(*known));

    known->cells = rows->read;
    known->from = rows->from;
    apr_hash_set(rows->shared->results, apr_pstrdup(pool, rows->key), APR_HASH_KEY_STRING, known);
}

kiss_db_status kiss_list_shared_next(kiss_list_rows *rows, const kiss_value **row)
{
    kiss_db_status status;

    if (!rows->cursor) {
        *row = rows->at < rows->cells->nelts ? &APR_ARRAY_IDX(rows->cells, rows->at, kiss_value) : NULL;
        rows->at += rows->columns;
        return KISS_DB_OK;
    }
    status = kiss_db_next(rows->cursor, row);
    if (status == KISS_DB_OK && *row) {
        kiss_db_goes_on();
    }
    if (status == KISS_DB_OK && rows->shared) {
        if (*row) {
            remember(rows, *row);
        }
        else {
            keep(rows);
        }
    }
    return status;
}

kiss_db_status kiss_list_shared_close(kiss_list_rows *rows)
{
    return rows->cursor ? kiss_db_close(rows->cursor) : KISS_DB_OK;
}
