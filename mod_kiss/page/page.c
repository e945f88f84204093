/* SPDX-License-Identifier: Apache-2.0 */
/**
 * page - parameters, ETag, query and envelope of pages and records.
 */
#include "page/page.h"

#include <string.h>

#include "caller/auth_apikey.h"
#include "core/config.h"
#include "core/error.h"
#include "core/log_seldom.h"
#include "db/db_revision.h"
#include "db/db_run.h"
#include "http/precondition.h"
#include "http/response.h"
#include "lib/api/page_sql.h"
#include "lib/api/row_json.h"
#include "lib/base/date.h"
#include "lib/base/json_text.h"
#include "lib/file/spool.h"
#include "page/page_cache.h"
#include "page/page_start.h"

/* A page is built in memory up to this size; a larger one continues in a file. */
#define PAGE_IN_MEMORY (512 * 1024)

/* How often rows are read where each time what they depend on has changed meanwhile; then they go without an ETag. */
#define MAX_READS 3

/** The answer that is being built. */
typedef struct {
    kiss_req *k;
    const kiss_caller *caller;      /* whose `params` and `tag` these are */
    kiss_params params;
    const char *tag;                /* ETag of the answer; NULL until it is known */
    const char *read_tag;           /* that of the rows that were read; NULL: none were */
    kiss_db_status read;            /* what came of reading them */
    kiss_page_sql_query query;
    kiss_page_sql_start first;      /* keys of the page's first row; none when it is not known */
    kiss_page_sql_start next;       /* keys of the row after it */
    kiss_row_json_terms terms;
    kiss_spool *out;
    int more;                       /* 1 when there is a row after the page */
    apr_size_t replaced;            /* invalid UTF-8 bytes that were replaced */
} page_build;

/* --- parameters --- */

/** 1, for a 403, where a parameter must name one of the caller's accounts and names none (customerPricing). */
static int names_no_account(const page_build *b)
{
    const kiss_key *key = b->k->caller->key;
    const char *name = b->k->endpoint->forbidden_unless;
    const kiss_param_values *v = name ? kiss_params_find(&b->params, name, strlen(name)) : NULL;
    int i, j;

    if (!v || key->role != KISS_ROLE_CUSTOMER) {
        return 0;
    }
    for (i = 0; i < v->count; i++) {
        for (j = 0; j < key->accounts->nelts; j++) {
            if (strcmp(v->value[i], APR_ARRAY_IDX(key->accounts, j, const char *)) == 0) {
                return 0;
            }
        }
    }
    return 1;
}

static const kiss_error *read_params(page_build *b)
{
    kiss_req *k = b->k;
    char *today = apr_palloc(k->pool, KISS_DATE_DAY);
    kiss_param_source source = { k->r->args, NULL, k->path_param, k->caller->key->role, today };

    b->terms.today = apr_time_sec(k->r->request_time) / 86400;
    kiss_date_of_day_number(today, b->terms.today);
    k->description = kiss_params_read(&b->params, k->endpoint, &source, k->pool);
    if (k->description) {
        return &kiss_error_param;
    }
    return names_no_account(b) ? &kiss_error_role : NULL;
}

/* --- the ETag --- */

static const char *make_tag(const page_build *b)
{
    kiss_req *k = b->k;
    const kiss_page_sql *sql = kiss_page_sql_of(k->conf->plan, k->endpoint, k->caller->key->role);
    const char *request = kiss_params_text(&b->params, k->pool);
    apr_uint64_t reads = sql->reads;
    int i;

    for (i = 0; i < b->params.count; i++) {
        reads |= b->params.values[i].count ? sql->param_reads[i] : 0;
    }
    if (sql->pages->daily) {
        request = apr_psprintf(k->pool, "%s\nday\n%" APR_INT64_T_FMT "\n", request, b->terms.today);
    }
    return kiss_auth_apikey_etag(k, request, reads);
}

/* --- rows --- */

static kiss_db_status spool_failed(page_build *b, apr_status_t rv)
{
    KISS_LOG_SELDOM(KISS_LOG_SELDOM_PAGE, b->k, APLOG_ERR, rv,
                    KISS_LOGNO(0604) "cannot build the page in %s (KissCacheDir): is it "
                    "full, or not writable for the server's user?", kiss_config_cache_dir(b->k->r->server));
    return KISS_DB_AWAY;                /* the client may retry: 503 */
}

static kiss_db_status write_row(page_build *b, const kiss_value *row)
{
    const char *column = NULL;
    struct printbuf *pb = b->out->buffer;
    kiss_row_json_status written;
    apr_status_t rv;

    if (b->k->rows && kiss_json_text_raw(pb, ",", 1)) {
        return spool_failed(b, APR_ENOMEM);
    }
    written = kiss_row_json_write(pb, b->query.statement.writer, &b->terms, row, NULL, &b->replaced, &column);
    if (written != KISS_ROW_JSON_OK) {
        ap_log_rerror(APLOG_MARK, APLOG_ERR, 0, b->k->r, KISS_LOGNO(0605) "row %" APR_INT64_T_FMT " of the page cannot be "
                      "written: %s%s", b->k->rows + 1, written == KISS_ROW_JSON_MEMORY ? "out of memory"
                      : "the database holds no valid value for ", written == KISS_ROW_JSON_MEMORY ? "" : column);
        return KISS_DB_FAILED;
    }
    b->k->rows++;
    rv = pb->bpos < PAGE_IN_MEMORY ? APR_SUCCESS : kiss_spool_flush(b->out, 0);
    return rv != APR_SUCCESS ? spool_failed(b, rv) : KISS_DB_OK;
}

/** Keeps the keys of a row; none if one is NULL, from which no page can begin. */
static void keep_keys(kiss_page_sql_start *start, const page_build *b, const kiss_value *row)
{
    const int n = kiss_page_sql_of(b->k->conf->plan, b->k->endpoint, b->k->caller->key->role)->keys;
    int i;

    for (i = 0; i < n; i++) {
        const kiss_value *key = &row[b->query.keys + i];

        if (!key->data) {
            start->key[0] = NULL;
            return;
        }
        start->key[i] = apr_pstrmemdup(b->k->pool, key->data, key->len);
    }
}

/** Reads the page once. */
static kiss_db_status read_page(kiss_db_conn *conn, void *baton)
{
    page_build *b = baton;
    kiss_db_cursor *cursor;
    const kiss_value *row;
    kiss_db_status status;
    apr_status_t rv;

    b->k->rows = 0;
    b->k->postponed.text = NULL;
    b->more = 0;
    b->replaced = 0;
    memset(&b->first, 0, sizeof(b->first));
    memset(&b->next, 0, sizeof(b->next));
    rv = kiss_spool_create(&b->out, kiss_config_cache_dir(b->k->r->server), b->k->pool);
    if (rv != APR_SUCCESS || kiss_json_text_raw(b->out->buffer, "{\"Data\":[", 9)) {
        return spool_failed(b, rv != APR_SUCCESS ? rv : APR_ENOMEM);
    }
    status = kiss_db_select(&cursor, conn, &b->query.statement, b->query.args, b->k->pool);
    while (status == KISS_DB_OK && (status = kiss_db_next(cursor, &row)) == KISS_DB_OK && row) {
        if (b->query.revision >= 0 && !b->k->postponed.text) {
            const kiss_value *revision = &row[b->query.revision];

            b->k->postponed.text = apr_pstrmemdup(b->k->pool, revision->data, revision->len);
            if ((status = kiss_db_note_state(conn, b->k->postponed.text)) != KISS_DB_OK) {
                b->k->postponed.text = NULL;
                break;
            }
        }
        if (b->k->rows == b->params.page_size) {
            b->more = 1;
            keep_keys(&b->next, b, row);
            return kiss_db_close(cursor);
        }
        if (b->k->rows == 0) {
            keep_keys(&b->first, b, row);
        }
        status = write_row(b, row);
    }
    return status;
}

static int end_page(page_build *b)
{
    const char *end = apr_psprintf(b->k->pool, "],\"Page\":%" APR_INT64_T_FMT ",\"PageSize\":%d,\"HasNextPage\":%s}",
                                   b->params.page, b->params.page_size, b->more ? "true" : "false");

    return kiss_json_text_raw(b->out->buffer, end, strlen(end));
}

/**
 * Reads the rows, with the caller's record as it is known so far. `may_start`: from where the page begins, if that is
 * known for its ETag. They are the right ones if they turn out to be of the state that the ETag stands for; with
 * KissFreshness that is not found out.
 */
static void read_rows(page_build *b, int with_revision, int may_start)
{
    kiss_req *k = b->k;
    const kiss_key *key = k->caller->key;
    kiss_page_sql_values values = { key->accounts, key->states, &b->params, NULL };
    kiss_page_sql_start start;

    if (may_start && b->params.page > 1 && !kiss_config_freshness(k->conf)
        && kiss_page_start_find(&start, k->db, b->tag, k->pool)) {
        values.start = &start;
    }
    kiss_page_sql_bind(&b->query, k->conf->plan, k->endpoint, key->role, &values, with_revision, k->pool);
    b->read = kiss_db_run(k, read_page, b);
    b->read_tag = b->tag;
}

/** Parameters and ETag, unless they are known for this caller. */
static const kiss_error *prepare(page_build *b)
{
    const kiss_error *e;

    if (b->tag && b->caller == b->k->caller) {
        return NULL;
    }
    b->caller = b->k->caller;
    b->tag = NULL;
    if ((e = read_params(b))) {
        return e;
    }
    b->tag = make_tag(b);
    return b->tag ? NULL : &kiss_error_unavailable;
}

/**
 * Reads the rows, unless they were read ahead. Revisions only grow: with the same ETag before and after the read, the rows
 * are what it stands for.
 *
 * @param current receives 0 where no read was so: others changed them each time
 */
static const kiss_error *read_current_rows(page_build *b, int *current)
{
    const kiss_error *e;
    int reads;

    *current = b->read_tag && strcmp(b->read_tag, b->tag) == 0;
    for (reads = 0; !*current && reads < MAX_READS; reads++) {
        read_rows(b, 1, reads < MAX_READS - 1);     /* the last ones are sent in any case */
        if (b->read != KISS_DB_OK) {
            return kiss_db_error(b->read);
        }
        if ((e = kiss_auth_apikey_renew(b->k)) || (e = prepare(b))) {
            return e;
        }
        *current = strcmp(b->read_tag, b->tag) == 0;
    }
    return b->read == KISS_DB_OK ? NULL : kiss_db_error(b->read);
}

/** Remembers where this page begins and where the next one does, after its rows turned out to be those of the ETag. */
static void keep_starts(page_build *b)
{
    if (b->params.page > 1 && b->first.key[0]) {
        kiss_page_start_keep(&b->first, b->k->db, b->tag);
    }
    if (b->next.key[0]) {
        const char *tag;

        b->params.page++;
        tag = make_tag(b);
        b->params.page--;
        if (tag) {
            kiss_page_start_keep(&b->next, b->k->db, tag);
        }
    }
}

/** Sends the ETag of the rows, or none; caches the page where that is possible: complete in memory, of a known state. */
static void label_page(page_build *b, int current)
{
    kiss_page_cache_body body = { b->out->buffer->buf, (apr_size_t)b->out->buffer->bpos, b->k->rows };

    if (!current) {
        apr_table_unset(b->k->r->headers_out, "ETag");
        return;
    }
    kiss_precondition_tag(b->k, &(kiss_validator){ b->tag, "", 1, 0 });
    /* Not one with a message that must be logged each time. */
    if (!b->replaced && b->out->size == 0) {
        kiss_page_cache_keep(&body, b->k->db, b->tag);
    }
}

static const kiss_error *build_page(page_build *b)
{
    kiss_req *k = b->k;
    int current;
    const kiss_error *e = read_current_rows(b, &current);

    if (!e && end_page(b)) {
        e = kiss_db_error(spool_failed(b, APR_ENOMEM));
    }
    if (e) {
        return e;
    }
    if (b->replaced) {
        ap_log_rerror(APLOG_MARK, APLOG_WARNING, 0, k->r, KISS_LOGNO(0606) "%" APR_SIZE_T_FMT " bytes in the database are "
                      "not UTF-8; they were sent as U+FFFD", b->replaced);
    }
    label_page(b, current);
    if (current && !kiss_config_freshness(k->conf)) {
        keep_starts(b);
    }
    return NULL;
}

/**
 * Reads the page with a record of the key that may be out of date, and then proves the key. The rows are used if the
 * current record gives them the same ETag.
 */
static const kiss_error *read_ahead(page_build *b)
{
    kiss_req *k = b->k;
    kiss_page_cache_body body;
    const kiss_error *e;

    if (!prepare(b) && !kiss_page_cache_find(&body, k->db, b->tag, k->pool)) {
        read_rows(b, k->postponed.with_rows, 1);
    }
    k->description = NULL;
    if (b->read != KISS_DB_OK && b->read != KISS_DB_FAILED) {
        kiss_db_revision_cancel(k);         /* it would only wait for the same database again */
        return kiss_db_error(b->read);
    }
    if ((e = kiss_auth_apikey_prove(k))) {
        k->rows = 0;
    }
    return e;
}

const kiss_error *kiss_page_run(kiss_req *k, int *status)
{
    kiss_validator v = { NULL, "", 1, 0 };
    kiss_page_cache_body body;
    const kiss_error *e;
    page_build b;

    memset(&b, 0, sizeof(b));
    b.k = k;
    if ((k->unproved && (e = read_ahead(&b))) || (e = prepare(&b))) {
        return e;
    }
    kiss_response_private(k);
    v.tag = b.tag;
    if ((e = kiss_precondition_check(k, &v, status)) || *status) {
        return e;
    }
    if (!b.read_tag && kiss_page_cache_find(&body, k->db, b.tag, k->pool)) {
        k->rows = body.rows;
        *status = kiss_response_bytes(k, body.data, body.len);
        return NULL;
    }
    if ((e = build_page(&b))) {
        apr_table_unset(k->r->headers_out, "ETag");
        return e;
    }
    *status = kiss_response_spool(k, HTTP_OK, b.out);
    return NULL;
}
