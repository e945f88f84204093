/* SPDX-License-Identifier: Apache-2.0 */
/**
 * write_list - reads a page of objects and writes it as JSON.
 *
 * A page begins after a key and not at a number: it costs the same wherever it is, and what is written meanwhile neither
 * repeats nor skips an object.
 */
#include "page/write_list.h"

#include <apr_escape.h>

#include <stdlib.h>
#include <string.h>

#include "core/config.h"
#include "core/error.h"
#include "db/db_run.h"
#include "http/precondition.h"
#include "http/response.h"
#include "lib/api/params.h"
#include "lib/base/etag.h"
#include "lib/base/json_text.h"
#include "page/write_change.h"
#include "page/write_request.h"
#include "page/write_store.h"

/* A larger number is lowered to this. */
#define MOST 500

/** A page. */
typedef struct {
    kiss_write_change c;            /* what it has in common with others */
    const char *after;
    int limit;
    struct printbuf *text;
} page_request;

static int put(page_request *w, const char *text)
{
    return kiss_json_text_raw(w->text, text, strlen(text));
}

/** Writes where the next page begins. */
static int put_next(page_request *w, const char *last)
{
    apr_size_t ignored = 0;
    const char *path;

    if (!last) {
        return put(w, "],\"next\":null}");
    }
    path = apr_psprintf(w->c.k->pool, "%s%s?after=%s&limit=%d", w->c.k->conf->base, w->c.k->endpoint->path,
                        apr_pescape_urlencoded(w->c.k->pool, last), w->limit);
    return put(w, "],\"next\":") || kiss_json_text_string(w->text, path, strlen(path), &ignored) || put(w, "}");
}

/** Writes the page. @return 0, or -1 without memory */
static int write_page(page_request *w, const apr_array_header_t *page, int more)
{
    const int n = page->nelts;
    int i, e;

    printbuf_reset(w->text);
    e = put(w, "{\"") || put(w, w->c.plan->set->items) || put(w, "\":[");
    for (i = 0; i < n && !e; i++) {
        const kiss_write_stored *stored = &APR_ARRAY_IDX(page, i, const kiss_write_stored);
        const char *owner = !w->c.plan->set->owner ? NULL : stored->owned ? "pim" : "import";
        const char *text = kiss_write_body_text(w->c.plan, &stored->object, owner, w->c.k->pool);

        e = !text || put(w, i ? ",\n" : "\n") || put(w, text);
    }
    e = e || put_next(w, more ? APR_ARRAY_IDX(page, n - 1, const kiss_write_stored).object.self[0] : NULL)
        || kiss_json_text_raw(w->text, "", 1);
    w->c.k->rows = n;
    return e;
}

static kiss_db_status read_page(kiss_db_conn *conn, void *baton)
{
    page_request *w = baton;
    apr_array_header_t *page = NULL;
    int more = 0;
    kiss_db_status status = kiss_db_begin(conn);

    if (status == KISS_DB_OK) {
        status = kiss_write_store_page(&page, &more, conn, w->c.plan, w->after, w->limit, w->c.k->pool);
    }
    if (status == KISS_DB_OK) {
        status = kiss_db_end(conn);
    }
    return status == KISS_DB_OK && write_page(w, page, more) ? KISS_DB_FAILED : status;
}

/** The value of a parameter, or NULL. */
static const char *value_of(const kiss_params *params, const char *name)
{
    const kiss_param_values *v = kiss_params_find(params, name, strlen(name));

    return v ? v->value[0] : NULL;
}

const kiss_error *kiss_write_list_run(kiss_req *k, int *status)
{
    kiss_param_source source = { .query = k->r->args, .role = KISS_ROLE_EMPLOYEE, .today = "" };
    page_request w;
    kiss_validator v = { NULL, "", 0, 0 };
    const char *problem, *after, *limit;
    const kiss_error *e;
    kiss_params params;
    kiss_db_status db;

    memset(&w, 0, sizeof(w));
    kiss_write_change_start(&w.c, k);
    if ((problem = kiss_params_read(&params, k->endpoint, &source, k->pool))) {
        return kiss_write_request_refuse(k, problem);
    }
    after = value_of(&params, "after");
    limit = value_of(&params, "limit");
    w.after = after ? after : "";
    w.limit = limit && strlen(limit) < 4 && atoi(limit) < MOST ? atoi(limit) : MOST;
    w.text = kiss_json_text_buffer(k->pool);
    if (!w.text || (db = kiss_db_run(k, read_page, &w)) == KISS_DB_FAILED) {
        return &kiss_error_internal;
    }
    if (db != KISS_DB_OK) {
        return kiss_db_error(db);
    }
    v.tag = kiss_etag_make(w.text->buf, k->pool);
    kiss_response_private(k);
    if (!(e = kiss_precondition_check(k, &v, status)) && !*status) {
        *status = kiss_response_text(k, HTTP_OK, KISS_JSON_TYPE, w.text->buf);
    }
    return e;
}
