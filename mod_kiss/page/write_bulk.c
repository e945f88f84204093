/* SPDX-License-Identifier: Apache-2.0 */
/**
 * write_bulk - compares many rows with those that are there, and writes what differs, some hundreds a statement.
 */
#include "page/write_bulk.h"

#include <stdlib.h>
#include <string.h>

#include "core/error.h"
#include "http/request_body.h"
#include "http/response.h"
#include "lib/base/quote.h"
#include "page/write_change.h"
#include "page/write_request.h"
#include "page/write_store.h"

/* Rows of one statement. */
#define ROWS 500

/** A request. */
typedef struct {
    kiss_write_change c;            /* what it has in common with others */
    apr_array_header_t *rows;       /* of kiss_write_row, in the order of their keys */
    int changed;                    /* rows that differed, */
    int created;                    /* and those of them that were not there */
} bulk_request;

static int compare_keys(const kiss_write_row *a, const kiss_write_row *b, int keys)
{
    int i, order = 0;

    for (i = 0; i < keys && order == 0; i++) {
        order = strcmp(a->values[i], b->values[i]);
    }
    return order;
}

static int by_one_key(const void *a, const void *b) { return compare_keys(a, b, 1); }
static int by_two_keys(const void *a, const void *b) { return compare_keys(a, b, 2); }

/** "(?, ?), (?, ?)": `n` groups of marks, with `first` before the marks of each. */
static const char *groups(int n, int marks, const char *first, apr_pool_t *p)
{
    apr_size_t room = (apr_size_t)n * (strlen(first) + 3 * (apr_size_t)marks + 4) + 1;
    char *text = apr_palloc(p, room), *to = text;
    int i, j;

    for (i = 0; i < n; i++) {
        to = apr_cpystrn(to, i ? ", (" : "(", 4);
        to = apr_cpystrn(to, first, strlen(first) + 1);
        for (j = 0; j < marks; j++) {
            to = apr_cpystrn(to, j ? ", ?" : "?", 4);
        }
        to = apr_cpystrn(to, ")", 2);
    }
    return text;
}

/** The columns of a table; with `set` those that are no key, each with its new value, for ON DUPLICATE KEY UPDATE. */
static const char *columns_of(const kiss_write_table *t, int set, apr_pool_t *p)
{
    const char *list = "";
    int i;

    for (i = 0; i < t->n; i++) {
        const char *db = t->column[i]->db;

        if (!set || !kiss_write_plan_is_key(t->column[i])) {
            list = apr_pstrcat(p, list, *list ? ", " : "", db, set ? " = VALUES(" : "", set ? db : "", set ? ")" : "", NULL);
        }
    }
    return list;
}

/** Reads and locks the rows that have the keys of `n` rows, which agree but for the last value of their keys. */
static kiss_db_status read_old(apr_array_header_t **old, kiss_db_conn *conn, const kiss_write_table *t,
                               const kiss_write_row *rows, int n, apr_pool_t *p)
{
    const char *args[ROWS + KISS_MAX_WRITE_KEYS], *by = "", *in = "?", *key = t->column[t->keys - 1]->db;
    kiss_statement s;
    int i, last = t->keys - 1;

    for (i = 0; i < last; i++) {
        by = apr_pstrcat(p, by, t->column[i]->db, " = ? AND ", NULL);
        args[i] = rows[0].values[i];
    }
    for (i = 0; i < n; i++) {
        in = i ? apr_pstrcat(p, in, ", ?", NULL) : in;
        args[last + i] = rows[i].values[last];
    }
    s = kiss_write_plan_statement(apr_pstrcat(p, "SELECT ", columns_of(t, 0, p), " FROM ", t->file->table, " WHERE ", by,
                                              key, " IN (", in, ") ORDER BY ", key, " FOR UPDATE", NULL), t->n);
    return kiss_write_store_rows(old, conn, &s, args, p);
}

/** A row that is to be written. */
typedef struct {
    const char *const *values;
    const char *members;            /* what differs, joined by commas */
} changed_row;

/** Sets the values of a row over those that are there. @return 0 when they are the same */
static int merge(changed_row *row, const kiss_write_table *t, const char *const *old, const char *const *values,
                 apr_pool_t *p)
{
    const char **merged;

    row->members = "";
    row->values = merged = kiss_write_store_merge(&row->members, t, old, values, p);
    if (!old) {
        kiss_write_body_fill(merged, t, p);
    }
    return *row->members != '\0';
}

/** Writes rows, and notes each of them in the audit. */
static kiss_db_status write_rows(bulk_request *w, kiss_db_conn *conn, const changed_row *rows, int n, apr_pool_t *p)
{
    static const char audit[] = "INSERT INTO admin_audit (written_at, admin_code, method, dataset, scope, sku, members,"
                                " request_id) VALUES ";
    const kiss_write_table *t = &w->c.plan->self;
    const kiss_req *k = w->c.k;
    const char **args = apr_palloc(p, (apr_size_t)n * (apr_size_t)(t->n > 7 ? t->n : 7) * sizeof(*args));
    const char *sql = apr_pstrcat(p, "INSERT INTO ", t->file->table, " (", columns_of(t, 0, p), ") VALUES ",
                                  groups(n, t->n, "", p), " ON DUPLICATE KEY UPDATE ", columns_of(t, 1, p), NULL);
    kiss_statement s = kiss_write_plan_statement(sql, 0);
    kiss_db_status status;
    int i, last = t->keys - 1;

    for (i = 0; i < n; i++) {
        memcpy(args + i * t->n, rows[i].values, (apr_size_t)t->n * sizeof(*args));
    }
    status = kiss_db_execute(conn, &s, args);
    for (i = 0; i < n; i++) {
        const char *const values[] = { k->principal, k->r->method, w->c.plan->set->item, last ? rows[i].values[0] : "",
                                       rows[i].values[last], rows[i].members, k->request_id };

        memcpy(args + i * 7, values, sizeof(values));
    }
    s = kiss_write_plan_statement(apr_pstrcat(p, audit, groups(n, 7, "UTC_TIMESTAMP(6), ", p), NULL), 0);
    return status == KISS_DB_OK ? kiss_db_execute(conn, &s, args) : status;
}

/** Compares rows that agree but for the last value of their keys, and writes those that differ. */
static kiss_db_status write_part(bulk_request *w, kiss_db_conn *conn, const kiss_write_row *rows, int n, apr_pool_t *p)
{
    const kiss_write_table *t = &w->c.plan->self;
    changed_row changed[ROWS];
    apr_array_header_t *old;
    kiss_db_status status = read_old(&old, conn, t, rows, n, p);
    int i, j = 0, many = 0;

    for (i = 0; status == KISS_DB_OK && i < n; i++) {
        const int known = j < old->nelts && strcmp(APR_ARRAY_IDX(old, j, const char **)[t->keys - 1],
                                                   rows[i].values[t->keys - 1]) == 0;

        many += merge(&changed[many], t, known ? APR_ARRAY_IDX(old, j, const char **) : NULL, rows[i].values, p);
        w->created += !known;
        j += known;
    }
    w->changed += many;
    return status == KISS_DB_OK && many ? write_rows(w, conn, changed, many, p) : status;
}

/** Looks up what the first row of a part refers to by the first values of its key. */
static kiss_db_status check_part(bulk_request *w, kiss_db_conn *conn, const kiss_write_row *row)
{
    const kiss_write_object object = { row->values, { NULL } };
    const char *fault;
    kiss_db_status status = kiss_write_store_references(&fault, conn, w->c.plan, &object, w->c.k->pool);

    if (status == KISS_DB_OK && fault) {
        w->c.error = kiss_write_request_refuse(w->c.k, apr_pstrcat(w->c.k->pool, row->place, ": ", fault, NULL));
    }
    return status;
}

/** 1 when two rows agree but for the last value of their keys. */
static int same_part(const kiss_write_table *t, const kiss_write_row *a, const kiss_write_row *b)
{
    return compare_keys(a, b, t->keys - 1) == 0;
}

static kiss_db_status write_once(kiss_db_conn *conn, kiss_write_change *change)
{
    bulk_request *w = (bulk_request *)change;
    const kiss_write_row *rows = (const kiss_write_row *)w->rows->elts;
    int i, n;
    kiss_db_status status = kiss_write_change_find_repeated(change, conn);
    apr_pool_t *part;

    if (status != KISS_DB_OK || change->error || change->repeated) {
        return status;
    }
    apr_pool_create(&part, change->k->pool);
    w->changed = w->created = 0;
    change->status = HTTP_OK;
    for (i = 0; status == KISS_DB_OK && !change->error && i < w->rows->nelts; i += n) {
        for (n = 1; i + n < w->rows->nelts && n < ROWS && same_part(&change->plan->self, &rows[i], &rows[i + n]); n++) {
            continue;
        }
        status = check_part(w, conn, &rows[i]);
        if (status == KISS_DB_OK && !change->error) {
            status = write_part(w, conn, &rows[i], n, part);
        }
        kiss_db_goes_on();
        apr_pool_clear(part);
    }
    apr_pool_destroy(part);
    return status;
}

static const kiss_error *read_rows(kiss_write_change *change)
{
    bulk_request *w = (bulk_request *)change;
    const int lines = kiss_request_body_is(change->k->r, "application/x-ndjson");
    const char *faults;
    apr_size_t len;
    char *body;
    const kiss_error *e;
    apr_status_t rv;

    if (!lines && !kiss_request_body_is(change->k->r, "application/json")) {
        return kiss_write_request_refuse(change->k, "The request body must be application/json or application/x-ndjson.");
    }
    if ((e = kiss_write_change_body(change, &body, &len))) {
        return e;
    }
    rv = kiss_write_body_rows(&w->rows, &faults, change->plan, lines, body, len, change->k->pool);
    if (rv == APR_ENOMEM) {
        ap_log_rerror(APLOG_MARK, APLOG_ERR, rv, change->k->r, KISS_LOGNO(0801) "no memory for the rows of a request");
        return &kiss_error_internal;
    }
    if (rv == APR_ENOSPC) {
        return kiss_write_change_refuse(change, &kiss_error_body, faults);
    }
    if (rv != APR_SUCCESS) {
        return kiss_write_request_refuse(change->k, "The request body is not one JSON array of objects.");
    }
    qsort(w->rows->elts, (apr_size_t)w->rows->nelts, sizeof(kiss_write_row),
          change->plan->self.keys == 1 ? by_one_key : by_two_keys);
    return faults ? kiss_write_request_refuse(change->k, faults) : NULL;
}

/** Notes what a request that was done is counted as. */
static void count(kiss_tally *to, const bulk_request *w)
{
    to->written = w->c.repeated ? KISS_WRITTEN_REPEATED : w->changed ? KISS_WRITTEN_CHANGED : KISS_WRITTEN_UNCHANGED;
    if (!w->c.repeated) {
        to->written_rows[KISS_WRITTEN_CREATED] = (apr_uint32_t)w->created;
        to->written_rows[KISS_WRITTEN_CHANGED] = (apr_uint32_t)(w->changed - w->created);
        to->written_rows[KISS_WRITTEN_UNCHANGED] = (apr_uint32_t)(w->rows->nelts - w->changed);
        to->audit_rows = (apr_uint32_t)w->changed;
    }
}

const kiss_error *kiss_write_bulk_run(kiss_req *k, int *status)
{
    static const kiss_write_change_kind kind = { read_rows, write_once };
    bulk_request w;
    const kiss_error *e;

    memset(&w, 0, sizeof(w));
    kiss_write_change_start(&w.c, k);
    if ((e = kiss_write_change_run(&w.c, &kind))) {
        return e;
    }
    count(&k->tally, &w);
    k->rows = w.rows->nelts;
    kiss_write_change_headers(&w.c);
    *status = kiss_response_text(k, HTTP_OK, KISS_JSON_TYPE,
                                 w.c.repeated ? apr_psprintf(k->pool, "{\"rows\":%d}", w.rows->nelts)
                                 : apr_psprintf(k->pool, "{\"rows\":%d,\"changed\":%d}", w.rows->nelts, w.changed));
    return NULL;
}
