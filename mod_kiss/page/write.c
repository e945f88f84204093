/* SPDX-License-Identifier: Apache-2.0 */
/**
 * write - requests of admin clients for one object, by their method.
 */
#include "page/write.h"

#include <apr_escape.h>
#include <apr_lib.h>

#include <string.h>

#include "core/config.h"
#include "core/error.h"
#include "db/db_run.h"
#include "http/precondition.h"
#include "http/request_body.h"
#include "http/response.h"
#include "lib/api/write_plan.h"
#include "lib/base/etag.h"
#include "lib/base/quote.h"
#include "lib/base/utf8.h"
#include "page/write_change.h"
#include "page/write_request.h"
#include "page/write_store.h"

/** A request. */
typedef struct {
    kiss_write_change c;            /* what it has in common with others */
    apr_pool_t *pool;               /* of this attempt: what an earlier one has read is gone */
    int method;                     /* M_GET, ... */
    const char *key[KISS_MAX_WRITE_KEYS];   /* of the object */
    kiss_write_object sent;         /* what is to be written */
    const char *changed;            /* what was changed, joined by commas */
    unsigned audited : 1;           /* it is in the audit */
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
 * Takes the next byte of a path.
 *
 * @param sent 1: %XX is a byte; 0: only %2F is one, which httpd leaves with AllowEncodedSlashes NoDecode
 */
static char next_byte(const char **at, int sent)
{
    const char *c = (*at)++;

    if (*c != '%' || !apr_isxdigit(c[1]) || !apr_isxdigit(c[2]) || (!sent && strncasecmp(c, "%2f", 3) != 0)) {
        return *c;
    }
    *at += 2;
    return (char)apr_strtoi64((const char[]){ c[1], c[2], '\0' }, NULL, 16);
}

static apr_size_t count_bytes(const char *at, int sent)
{
    apr_size_t n = 0;

    for (; *at; n++) {
        next_byte(&at, sent);
    }
    return n;
}

/**
 * The key in the path as the client has written it: httpd has decoded the path, and no + in it tells any more whether it
 * was one. It is that end of the path which means what httpd has, and no other text: by its own path, without `..` and
 * `//`, httpd has decided who may come here.
 *
 * @return NULL where the path does not end like that (mod_rewrite)
 */
static const char *sent_key(const kiss_req *k)
{
    const char *raw = k->r->unparsed_uri ? k->r->unparsed_uri : "", *has = k->path_param, *at, *key;
    apr_size_t sent, n = count_bytes(has, 0);

    at = raw = apr_pstrmemdup(k->pool, raw, strcspn(raw, "?#"));
    for (sent = count_bytes(raw, 1); sent > n; sent--) {
        next_byte(&at, 1);
    }
    for (key = at; *has && *at; ) {
        if (next_byte(&at, 1) != next_byte(&has, 0)) {
            return NULL;
        }
    }
    return *has || *at ? NULL : key;
}

/**
 * Reads the key in the path. All values but the last one end at a slash.
 *
 * @return NULL, or 400, 404
 */
static const kiss_error *read_key(write_request *w)
{
    const char *sent = sent_key(w->c.k), *at = sent ? sent : w->c.k->path_param;
    int i;

    for (i = 0; i < w->c.plan->self.keys; i++) {
        const int last = i == w->c.plan->self.keys - 1;
        apr_size_t n = strcspn(at, last ? "" : "/");
        const char *value = sent ? decode(at, n, w->c.k->pool) : apr_pstrmemdup(w->c.k->pool, at, n);

        if (!value || kiss_utf8_check(value, strlen(value), NULL) < strlen(value)) {
            return kiss_write_request_refuse(w->c.k, apr_pstrcat(w->c.k->pool, w->c.plan->self.member[i],
                                                               " of the path: is not UTF-8.", NULL));
        }
        if (!*value || (!last && at[n] != '/')) {
            return &kiss_error_not_found;
        }
        w->key[i] = value;
        at += n + !last;
    }
    return NULL;
}

/** The path of an object, for Location. */
static const char *path_of(const write_request *w)
{
    const char *pattern = w->c.k->endpoint->path, *path;
    int i;

    /* A new one is created where all of them are. */
    path = apr_pstrcat(w->c.k->pool, w->c.k->conf->base, apr_pstrmemdup(w->c.k->pool, pattern, strcspn(pattern, "*")),
                       strchr(pattern, '*') ? "" : "/", NULL);
    for (i = 0; i < w->c.plan->self.keys; i++) {
        path = apr_pstrcat(w->c.k->pool, path, i ? "/" : "", apr_pescape_urlencoded(w->c.k->pool, w->key[i]), NULL);
    }
    return path;
}

/* --- the transaction --- */

static const kiss_error *refuse(write_request *w, const kiss_error *e, const char *what)
{
    return kiss_write_change_refuse(&w->c, e, what);
}

/** 1 when the request creates what is not there. */
static int creates(const write_request *w)
{
    return w->method == M_POST || (w->method == M_PUT && w->c.plan->set->upsert);
}

/** Whether the request may be done to what is there. @return NULL, or why not */
static const kiss_error *judge(write_request *w, const char *current)
{
    const char *tag = current ? kiss_etag_make(current, w->c.k->pool) : NULL, *item = w->c.plan->set->item, *name = "";
    const kiss_error *e = kiss_precondition_object(w->c.k->r, tag);
    int i;

    if (e) {
        return w->c.error = e;
    }
    for (i = 0; i < w->c.plan->self.keys; i++) {
        name = apr_pstrcat(w->c.k->pool, name, " ", kiss_quote(w->c.k->pool, w->key[i], strlen(w->key[i])), NULL);
    }
    if (w->method == M_POST && current) {
        return refuse(w, &kiss_error_exists, apr_psprintf(w->c.k->pool, "There is a %s%s already: replace it by PUT.", item,
                                                          name));
    }
    if (!creates(w) && !current) {
        return refuse(w, &kiss_error_not_found, apr_psprintf(w->c.k->pool, "There is no %s%s.", item, name));
    }
    return NULL;
}

/** The object as JSON. @return KISS_DB_FAILED without memory */
static kiss_db_status write_text(const char **text, const write_request *w, const kiss_write_stored *stored)
{
    const char *owner = !w->c.plan->set->owner ? NULL : stored->owned ? "pim" : "import";

    *text = stored->object.self ? kiss_write_body_text(w->c.plan, &stored->object, owner, w->pool) : NULL;
    return stored->object.self && !*text ? KISS_DB_FAILED : KISS_DB_OK;
}

/** What is locked before it is written: what is sent. */
static unsigned locks_of(const write_request *w)
{
    unsigned locks = KISS_WRITE_STORE_SELF;
    int i;

    if (w->method == M_DELETE) {
        return locks | kiss_write_store_removed(w->c.plan);
    }
    for (i = 0; i < w->c.plan->nnested; i++) {
        locks |= w->sent.nested[i] ? 1u << i : 0;
    }
    return locks;
}

/** What is to be written over what is there. A copy: when the transaction is done again, others may have made the object. */
static kiss_write_object completed(const write_request *w, const kiss_write_stored *old)
{
    kiss_write_object sent = w->sent;

    if (!old->object.self) {
        sent.self = apr_pmemdup(w->pool, sent.self, (apr_size_t)w->c.plan->self.n * sizeof(*sent.self));
        kiss_write_body_fill(sent.self, &w->c.plan->self, w->pool);
    }
    return sent;
}

/** Writes what was sent over what is there, and reads it back. */
static kiss_db_status put(write_request *w, kiss_db_conn *conn, const kiss_write_stored *old)
{
    apr_pool_t *p = w->pool;
    const int takes = w->c.plan->set->owner && !old->owned;
    const kiss_write_object sent = completed(w, old);
    kiss_write_stored now;
    const char *fault;
    kiss_db_status status = kiss_write_store_references(&fault, conn, w->c.plan, &w->sent, p);

    if (status == KISS_DB_OK && fault) {
        refuse(w, &kiss_error_param, fault);
        return status;
    }
    if (status == KISS_DB_OK) {
        status = kiss_write_store_change(&w->changed, conn, w->c.plan, &old->object, &sent, p);
    }
    if (status == KISS_DB_OK && takes) {
        status = kiss_write_store_own(conn, w->c.plan, w->key[0], w->c.k->principal, p);
    }
    w->audited = *w->changed || takes;
    if (status == KISS_DB_OK && w->audited) {
        status = kiss_write_store_audit(conn, w->c.plan, w->key, w->changed);
    }
    if (status == KISS_DB_OK) {
        status = kiss_write_store_read(&now, conn, w->c.plan, w->key, KISS_WRITE_STORE_NOTHING, p);
    }
    w->c.status = old->object.self || (status == KISS_DB_OK && !now.object.self) ? HTTP_OK : HTTP_CREATED;
    if (status == KISS_DB_OK && !now.object.self) {
        now.object.self = sent.self;            /* a key whose last row was removed */
    }
    return status == KISS_DB_OK ? write_text(&w->text, w, &now) : status;
}

static kiss_db_status remove_object(write_request *w, kiss_db_conn *conn, const kiss_write_stored *old)
{
    kiss_db_status status = kiss_write_store_remove(conn, w->c.plan, &old->object);

    w->c.status = HTTP_NO_CONTENT;
    w->audited = 1;
    return status == KISS_DB_OK ? kiss_write_store_audit(conn, w->c.plan, w->key, "") : status;
}

/** The answer to a request that was done before: the object as it is now. */
static kiss_db_status repeat(write_request *w, const char *current, kiss_write_stored *now)
{
    w->text = current;
    if (w->c.status == HTTP_NO_CONTENT || current) {
        return KISS_DB_OK;
    }
    if (w->c.plan->set->rows_only) {
        now->object.self = w->sent.self;        /* a key whose last row was removed */
        return write_text(&w->text, w, now);
    }
    refuse(w, &kiss_error_not_found, "Idempotency-Key header was used for what does not exist any more.");
    return KISS_DB_OK;
}

static kiss_db_status write_once(kiss_db_conn *conn, kiss_write_change *change)
{
    write_request *w = (write_request *)change;
    kiss_write_stored old;
    const char *current;
    kiss_db_status status;

    apr_pool_clear(w->pool);
    change->k->description = NULL;      /* it may have been of that pool */
    w->changed = "";
    w->audited = 0;
    status = kiss_write_store_read(&old, conn, change->plan, w->key, locks_of(w), w->pool);
    if (status == KISS_DB_OK) {
        status = kiss_write_change_find_repeated(change, conn);
    }
    if (status != KISS_DB_OK || change->error || (status = write_text(&current, w, &old)) != KISS_DB_OK) {
        return status;
    }
    if (change->repeated) {
        return repeat(w, current, &old);
    }
    return judge(w, current) ? KISS_DB_OK : w->method == M_DELETE ? remove_object(w, conn, &old) : put(w, conn, &old);
}

static kiss_db_status read_object(kiss_db_conn *conn, void *baton)
{
    write_request *w = baton;
    kiss_write_stored stored;
    kiss_db_status status = kiss_db_begin(conn);

    if (status == KISS_DB_OK) {
        status = kiss_write_store_read(&stored, conn, w->c.plan, w->key, KISS_WRITE_STORE_NOTHING, w->pool);
    }
    if (status == KISS_DB_OK) {
        status = write_text(&w->text, w, &stored);
    }
    return status == KISS_DB_OK ? kiss_db_end(conn) : status;
}

/* --- requests --- */

static const kiss_error *read_body(write_request *w)
{
    kiss_req *k = w->c.k;
    kiss_write_reading how = { w->c.plan, w->method == M_POST ? NULL : w->key, w->method == M_POST };
    const char *faults;
    apr_size_t len;
    char *body;
    const kiss_error *e;
    apr_status_t rv;

    if (!kiss_request_body_is(k->r, "application/json")) {
        return kiss_write_request_refuse(k, "The request body must be application/json.");
    }
    if ((e = kiss_write_change_body(&w->c, &body, &len))) {
        return e;
    }
    rv = kiss_write_body_read(&w->sent, &faults, &how, body, len, k->pool);
    if (rv == APR_ENOMEM) {
        ap_log_rerror(APLOG_MARK, APLOG_ERR, rv, k->r, KISS_LOGNO(0800) "no memory for the body of a request");
        return &kiss_error_internal;
    }
    if (rv != APR_SUCCESS) {
        return kiss_write_request_refuse(k, "The request body is not one JSON object: each name once, no deeper than it "
                                         "has to be, at most 100,000 values.");
    }
    if (faults) {
        return kiss_write_request_refuse(k, faults);
    }
    memcpy(w->key, w->sent.self, (apr_size_t)w->c.plan->self.keys * sizeof(*w->key));
    return NULL;
}

static const kiss_error *read_request(kiss_write_change *change)
{
    write_request *w = (write_request *)change;
    const kiss_error *e = change->k->path_param ? read_key(w) : NULL;

    return e || w->method == M_DELETE ? e : read_body(w);
}

static const kiss_error *answer_get(write_request *w, int *status)
{
    kiss_validator v = { NULL, "", 0, 0 };
    const kiss_error *e;
    kiss_db_status db = kiss_db_run(w->c.k, read_object, w);

    if (db != KISS_DB_OK) {
        return kiss_db_error(db);
    }
    if (!w->text) {
        return judge(w, NULL);
    }
    v.tag = kiss_etag_make(w->text, w->c.k->pool);
    kiss_response_private(w->c.k);
    if (!(e = kiss_precondition_check(w->c.k, &v, status)) && !*status) {
        *status = kiss_response_text(w->c.k, HTTP_OK, KISS_JSON_TYPE, w->text);
    }
    return e;
}

/** Sends the object that was written, or that there is none any more. */
static int answer_write(write_request *w)
{
    kiss_validator v = { NULL, "", 0, 0 };
    apr_table_t *headers = w->c.k->r->headers_out;

    kiss_write_change_headers(&w->c);
    if (w->c.status == HTTP_NO_CONTENT) {
        return kiss_response_text(w->c.k, w->c.status, NULL, "");
    }
    v.tag = kiss_etag_make(w->text, w->c.k->pool);
    kiss_precondition_tag(w->c.k, &v);
    if (w->c.status == HTTP_CREATED) {
        apr_table_setn(headers, "Location", path_of(w));
    }
    if (!w->c.repeated) {
        apr_table_setn(headers, "Kiss-Changed", *w->changed ? "true" : "false");
    }
    return kiss_response_text(w->c.k, w->c.status, KISS_JSON_TYPE, w->text);
}

/** What a request that was done is counted as. */
static kiss_written result_of(const write_request *w)
{
    return w->c.repeated ? KISS_WRITTEN_REPEATED : w->c.status == HTTP_NO_CONTENT ? KISS_WRITTEN_REMOVED
           : w->c.status == HTTP_CREATED ? KISS_WRITTEN_CREATED
           : *w->changed ? KISS_WRITTEN_CHANGED : KISS_WRITTEN_UNCHANGED;
}

const kiss_error *kiss_write_run(kiss_req *k, int *status)
{
    static const kiss_write_change_kind kind = { read_request, write_once };
    write_request w;
    const kiss_error *e;

    memset(&w, 0, sizeof(w));
    kiss_write_change_start(&w.c, k);
    apr_pool_create(&w.pool, k->pool);
    w.method = k->r->method_number;
    w.changed = "";
    if (w.method == M_GET) {
        e = read_key(&w);
        return e ? e : answer_get(&w, status);
    }
    if ((e = kiss_write_change_run(&w.c, &kind))) {
        return e;
    }
    k->tally.written = result_of(&w);
    k->tally.audit_rows = w.audited;
    *status = answer_write(&w);
    return NULL;
}
