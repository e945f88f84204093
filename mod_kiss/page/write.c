/* SPDX-License-Identifier: Apache-2.0 */
/**
 * write - requests of admin clients, by their method.
 */
#include "page/write.h"

#include <apr_escape.h>
#include <apr_lib.h>

#include <string.h>

#include "core/config.h"
#include "core/error.h"
#include "http/precondition.h"
#include "http/request_body.h"
#include "http/response.h"
#include "lib/api/write_plan.h"
#include "lib/base/etag.h"
#include "lib/base/quote.h"
#include "lib/base/utf8.h"
#include "page/write_request.h"
#include "page/write_store.h"

/* A product has three texts of up to 1,048,576 characters, and others. */
#define MAX_BODY (16 * 1024 * 1024)

/** A request. */
typedef struct {
    kiss_req *k;
    const kiss_write_plan *plan;
    int method;                     /* M_GET, ... */
    const char *key;                /* the object's key */
    kiss_write_object sent;         /* what is to be written */
    const kiss_error *error;        /* why it is refused, or NULL */
    const char *changed;            /* what was changed, joined by commas */
    const char *text;               /* the object as JSON */
} write_request;

/* --- the key --- */

/** Decodes %XX, and + to a blank, as programs encode that do so as in a form. @return NULL when it is no text */
static const char *decode(const char *raw, apr_size_t len, apr_pool_t *p)
{
    char *text = apr_pstrmemdup(p, raw, len), *to = text;
    const char *from = text;

    for (; *from; from++, to++) {
        *to = *from == '+' ? ' ' : *from;
        if (*from == '%') {
            const char hex[] = { from[1], from[1] ? from[2] : '\0', '\0' };

            if (!apr_isxdigit(hex[0]) || !apr_isxdigit(hex[1]) || strcmp(hex, "00") == 0) {
                return NULL;
            }
            *to = (char)apr_strtoi64(hex, NULL, 16);
            from += 2;
        }
    }
    *to = '\0';
    return text;
}

/**
 * The key in the path as the client has written it: httpd has decoded the path, and no + in it tells any more
 * whether it was one. Where the path was rewritten, it is what httpd has.
 */
static const char *key_in_path(const kiss_req *k)
{
    const char *pattern = k->endpoint->path, *raw = k->r->unparsed_uri;
    const char *lead = apr_pstrmemdup(k->pool, pattern, strcspn(pattern, "*"));
    const char *at = raw ? strstr(raw, lead) : NULL, *key;

    if (!at) {
        return k->path_param;
    }
    at += strlen(lead);
    key = decode(at, strcspn(at, "?#"), k->pool);
    return key ? key : k->path_param;
}

/* --- the transaction --- */

static const kiss_error *refuse(write_request *w, const kiss_error *e, const char *what)
{
    w->k->description = what;
    return w->error = e;
}

/** Whether the request may be done to what is there. @return NULL, or why not */
static const kiss_error *judge(write_request *w, const char *current)
{
    const char *tag = current ? kiss_etag_make(current, w->k->pool) : NULL;
    const kiss_error *e = kiss_precondition_object(w->k->r, tag);
    const char *item = w->plan->set->item, *quoted = kiss_quote(w->k->pool, w->key, strlen(w->key));

    if (e) {
        return w->error = e;
    }
    if (w->method == M_POST && current) {
        return refuse(w, &kiss_error_exists, apr_psprintf(w->k->pool, "There is a %s %s already: replace it by PUT.", item,
                                                          quoted));
    }
    if (w->method != M_POST && !current) {
        return refuse(w, &kiss_error_not_found, apr_psprintf(w->k->pool, "There is no %s %s.", item, quoted));
    }
    return NULL;
}

static const char *text_of(const write_request *w, const kiss_write_object *object, int owned)
{
    return kiss_write_body_text(w->plan, object, owned || !w->plan->set->owner ? "pim" : "import", w->k->pool);
}

/** Writes what was sent over what is there, and reads it back. */
static kiss_db_status put(write_request *w, kiss_db_conn *conn, const kiss_write_object *old, int owned)
{
    apr_pool_t *p = w->k->pool;
    kiss_write_object now;
    const char *fault;
    kiss_db_status status = kiss_write_store_references(&fault, conn, w->plan, &w->sent, p);

    if (status == KISS_DB_OK && fault) {
        refuse(w, &kiss_error_param, fault);
        return status;
    }
    if (status == KISS_DB_OK) {
        status = kiss_write_store_change(&w->changed, conn, w->plan, old, &w->sent, p);
    }
    if (status == KISS_DB_OK && w->plan->set->owner && !owned) {
        status = kiss_write_store_own(conn, w->plan, w->key, w->k->principal, p);
    }
    if (status == KISS_DB_OK && (*w->changed || !owned)) {
        status = kiss_write_store_audit(conn, w->plan, w->key, w->changed);
    }
    if (status == KISS_DB_OK) {
        status = kiss_write_store_read(&now, &owned, conn, w->plan, w->key, 0, p);
    }
    if (status == KISS_DB_OK) {
        w->text = now.self ? text_of(w, &now, owned) : NULL;
        status = w->text ? KISS_DB_OK : KISS_DB_FAILED;
    }
    return status;
}

static kiss_db_status write_once(kiss_db_conn *conn, void *baton, int *keep)
{
    write_request *w = baton;
    kiss_write_object old;
    const char *current;
    kiss_db_status status;
    int owned;

    w->error = NULL;
    w->changed = "";
    status = kiss_write_store_read(&old, &owned, conn, w->plan, w->key, 1, w->k->pool);
    if (status != KISS_DB_OK) {
        return status;
    }
    current = old.self ? text_of(w, &old, owned) : NULL;
    if (old.self && !current) {
        return KISS_DB_FAILED;
    }
    if (judge(w, current)) {
        *keep = 0;
        return KISS_DB_OK;
    }
    if (w->method == M_DELETE) {
        status = kiss_write_store_remove(conn, w->plan, &old, w->k->pool);
        if (status == KISS_DB_OK) {
            status = kiss_write_store_audit(conn, w->plan, w->key, "");
        }
    }
    else {
        status = put(w, conn, &old, owned);
    }
    *keep = !w->error;
    return status;
}

static kiss_db_status write_all(kiss_db_conn *conn, void *baton)
{
    static const kiss_write_request_transaction transaction = { write_once, NULL };
    kiss_db_status status = kiss_db_limit_lock_wait(conn);

    return status == KISS_DB_OK ? kiss_write_request_run(conn, &transaction, baton) : status;
}

static kiss_db_status read_object(kiss_db_conn *conn, void *baton)
{
    write_request *w = baton;
    kiss_write_object object;
    kiss_db_status status = kiss_db_begin(conn);
    int owned;

    if (status == KISS_DB_OK) {
        status = kiss_write_store_read(&object, &owned, conn, w->plan, w->key, 0, w->k->pool);
    }
    if (status == KISS_DB_OK) {
        w->text = object.self ? text_of(w, &object, owned) : NULL;
        status = object.self && !w->text ? KISS_DB_FAILED : kiss_db_end(conn);
    }
    return status;
}

/* --- requests --- */

static const kiss_error *read_body(write_request *w)
{
    kiss_write_reading how = { w->plan, w->key, w->method == M_POST };
    const char *faults;
    apr_size_t len;
    char *body;
    const kiss_error *e;
    apr_status_t rv;

    if (!kiss_request_body_is(w->k->r, "application/json")) {
        return kiss_write_request_refuse(w->k, "The request body must be application/json.");
    }
    if ((e = kiss_write_request_body(w->k, &body, &len, MAX_BODY))) {
        return e;
    }
    rv = kiss_write_body_read(&w->sent, &faults, &how, body, len, w->k->pool);
    if (rv == APR_ENOMEM) {
        ap_log_rerror(APLOG_MARK, APLOG_ERR, rv, w->k->r, KISS_LOGNO(0800) "no memory for the body of a request");
        return &kiss_error_internal;
    }
    if (rv != APR_SUCCESS) {
        return kiss_write_request_refuse(w->k, "The request body is not one JSON object: each name once, and no deeper than it "
                                         "has to be.");
    }
    w->key = w->sent.self[0];
    return faults ? kiss_write_request_refuse(w->k, faults) : NULL;
}

static const kiss_error *answer_get(write_request *w, int *status)
{
    kiss_validator v = { NULL, "", 0, 0 };
    const kiss_error *e;
    kiss_db_status db = kiss_db_run(w->k, read_object, w);

    if (db != KISS_DB_OK) {
        return kiss_db_error(db);
    }
    if (!w->text) {
        return judge(w, NULL);
    }
    v.tag = kiss_etag_make(w->text, w->k->pool);
    kiss_response_private(w->k);
    if (!(e = kiss_precondition_check(w->k, &v, status)) && !*status) {
        *status = kiss_response_text(w->k, HTTP_OK, KISS_JSON_TYPE, w->text);
    }
    return e;
}

/** Sends the object that was written. */
static void send_object(write_request *w, int *status)
{
    kiss_validator v = { kiss_etag_make(w->text, w->k->pool), "", 0, 0 };
    apr_table_t *headers = w->k->r->headers_out;

    kiss_response_private(w->k);
    kiss_precondition_tag(w->k, &v);
    if (w->method == M_POST) {
        apr_table_setn(headers, "Location", apr_pstrcat(w->k->pool, w->k->r->uri, "/",
                                                        apr_pescape_urlencoded(w->k->pool, w->key), NULL));
    }
    apr_table_setn(headers, "Kiss-Changed", *w->changed ? "true" : "false");
    *status = kiss_response_text(w->k, w->method == M_POST ? HTTP_CREATED : HTTP_OK, KISS_JSON_TYPE, w->text);
}

const kiss_error *kiss_write_run(kiss_req *k, int *status)
{
    write_request w;
    const kiss_error *e = NULL;
    kiss_db_status db;

    memset(&w, 0, sizeof(w));
    w.k = k;
    w.plan = kiss_write_plan_of(k->conf->plan, k->endpoint->write);
    w.method = k->r->method_number;
    w.key = k->path_param ? key_in_path(k) : NULL;
    w.changed = "";
    if (w.key && kiss_utf8_check(w.key, strlen(w.key), NULL) < strlen(w.key)) {
        return kiss_write_request_refuse(k, apr_pstrcat(k->pool, w.plan->self.member[0], " of the path: is not UTF-8.",
                                                        NULL));
    }
    k->db = kiss_config_admin_database(k->conf, k->server)->db;
    if (w.method == M_GET) {
        return answer_get(&w, status);
    }
    if (w.method != M_DELETE && (e = read_body(&w))) {
        return e;
    }
    if ((db = kiss_db_run(k, write_all, &w)) != KISS_DB_OK) {
        return kiss_db_error(db);
    }
    if (w.error) {
        return w.error;
    }
    if (w.method == M_DELETE) {
        *status = kiss_response_text(k, HTTP_NO_CONTENT, NULL, "");
    }
    else {
        send_object(&w, status);
    }
    return NULL;
}
