/* SPDX-License-Identifier: Apache-2.0 */
/**
 * response - headers, bodies, files and errors, passed to the output filters.
 */
#include "http/response.h"

#include <http_request.h>

#include <apr_escape.h>
#include <apr_portable.h>

#include <poll.h>
#include <string.h>

#include "core/config.h"
#include "core/error.h"
#include "http/slow_client.h"
#include "lib/api/route.h"
#include "lib/base/clock.h"
#include "lib/base/crypto.h"
#include "lib/base/deferred_signal.h"
#include "lib/base/json_text.h"
#include "lib/base/trace_context.h"

/* Characters of request ids. */
#define WORD "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-"

#define MAX_REQUEST_ID 64
#define REQUEST_ID_BYTES 16

/* A file is read in pieces of this size where it cannot be sent by the kernel (TLS, filters). */
#define FILE_PIECE (64 * 1024)

/* How long to wait for a slow client before checking again whether the answer is complete: milliseconds. */
#define CLIENT_POLL 20

static int valid_request_id(const char *id)
{
    apr_size_t n = strspn(id, WORD);

    return n > 0 && n <= MAX_REQUEST_ID && id[n] == '\0';
}

/** A UUID of version 4 (RFC 9562) from random bytes. */
static const char *uuid(unsigned char b[REQUEST_ID_BYTES], apr_pool_t *p)
{
    char hex[2 * REQUEST_ID_BYTES + 1], *text = apr_pstrdup(p, "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx");
    int from = 0, to;

    b[6] = (unsigned char)((b[6] & 0x0f) | 0x40);
    b[8] = (unsigned char)((b[8] & 0x3f) | 0x80);
    apr_escape_hex(hex, b, REQUEST_ID_BYTES, 0, NULL);
    for (to = 0; text[to]; to++) {
        text[to] = text[to] == '-' ? '-' : hex[from++];
    }
    return text;
}

/** Random bytes for the next request id of this thread, read from the system's generator for several ids at once. */
static unsigned char *random_id(void)
{
    static __thread unsigned char stock[32][REQUEST_ID_BYTES];
    static __thread int left;

    if (left == 0 && kiss_crypto_random(&stock[0][0], sizeof(stock)) == APR_SUCCESS) {
        left = (int)(sizeof(stock) / sizeof(stock[0]));
    }
    return left > 0 ? stock[--left] : NULL;
}

static void put_request_id(kiss_req *k)
{
    /* A request keeps its id through an internal redirect; a subrequest has that of the request. */
    const char *id = apr_table_get(k->r->err_headers_out, "X-Request-Id");

    if (!id) {
        id = apr_table_get(k->r->main ? k->r->main->err_headers_out : k->r->headers_in, "X-Request-Id");
    }
    if (!id || !valid_request_id(id)) {
        unsigned char *random = random_id();

        if (!random) {
            return;
        }
        id = k->api->request_id == KISS_ID_UUID ? uuid(random, k->pool)
             : kiss_crypto_base64url(k->pool, random, REQUEST_ID_BYTES);
    }
    k->request_id = id;
    apr_table_setn(k->r->err_headers_out, "X-Request-Id", id);
    apr_table_setn(k->r->notes, "kiss-request-id", id);
}

/** Sets the headers of a profile that ends; those of an internal redirect are there already. */
static void put_end(kiss_req *k)
{
    const kiss_config_end *deprecation = k->conf->deprecation, *sunset = k->conf->sunset;
    const char *first = deprecation ? deprecation->link : NULL, *second = sunset ? sunset->link : NULL;

    if (deprecation) {
        apr_table_setn(k->r->err_headers_out, "Deprecation", deprecation->header);
    }
    if (sunset) {
        apr_table_setn(k->r->err_headers_out, "Sunset", sunset->header);
    }
    if (first || second) {
        apr_table_setn(k->r->err_headers_out, "Link", first && second ? apr_pstrcat(k->pool, first, ", ", second, NULL)
                                                                      : first ? first : second);
    }
}

/** Notes the trace that the request belongs to, if the client names one. */
static void note_trace(kiss_req *k)
{
    const char *header = apr_table_get(k->r->headers_in, "traceparent");
    kiss_trace_context trace;

    if (header && kiss_trace_context_read(&trace, header)) {
        apr_table_set(k->r->notes, "kiss-trace-id", trace.trace);
        apr_table_set(k->r->notes, "kiss-parent-id", trace.span);
    }
}

void kiss_response_begin(kiss_req *k)
{
    put_request_id(k);
    put_end(k);
    note_trace(k);
    apr_table_mergen(k->r->err_headers_out, "Vary", k->api->credential);
}

void kiss_response_private(kiss_req *k)
{
    apr_table_setn(k->r->headers_out, "Cache-Control", "private, no-cache");
    apr_table_mergen(k->r->headers_out, "Vary", k->by_accept ? "Accept, Accept-Encoding" : "Accept-Encoding");
}

void kiss_response_delta(kiss_req *k, const char *tag, const char *base, const char *im)
{
    k->r->status = HTTP_IM_USED;
    apr_table_setn(k->r->headers_out, "ETag", apr_pstrcat(k->pool, "\"", tag, "\"", NULL));
    apr_table_setn(k->r->headers_out, "IM", im);
    apr_table_setn(k->r->headers_out, "Delta-Base", apr_pstrcat(k->pool, "\"", base, "\"", NULL));
}

void kiss_response_gzip(kiss_req *k)
{
    apr_table_setn(k->r->headers_out, "Content-Encoding", "gzip");
}

const char *kiss_response_date(apr_int64_t time, apr_pool_t *p)
{
    char *text = apr_palloc(p, APR_RFC822_DATE_LEN);

    apr_rfc822_date(text, apr_time_now() - (kiss_clock_now() - time));
    return text;
}

void kiss_response_stale(kiss_req *k)
{
    const apr_int64_t age = apr_time_sec(kiss_clock_now() - k->as_of);

    apr_table_setn(k->r->headers_out, "Age", apr_off_t_toa(k->pool, (apr_off_t)age));
    apr_table_setn(k->r->headers_out, "Kiss-As-Of", kiss_response_date(k->as_of, k->pool));
}

/** Microseconds as milliseconds: 1.234 */
static const char *milliseconds(apr_interval_time_t time, apr_pool_t *p)
{
    time = time > 0 ? time : 0;
    return apr_psprintf(p, "%" APR_INT64_T_FMT ".%03d", (apr_int64_t)(time / 1000), (int)(time % 1000));
}

/** May the caller know the cost? For one that has proved nothing it would tell which customer codes and keys exist. */
static int may_know_cost(const kiss_req *k)
{
    int open = !k->endpoint || k->endpoint->auth == KISS_AUTH_NONE || k->endpoint->auth == KISS_AUTH_PUBLIC;

    return k->verified || (open && k->r->status != HTTP_UNAUTHORIZED && k->r->status != HTTP_TOO_MANY_REQUESTS);
}

void kiss_response_timing(kiss_req *k)
{
    if (kiss_config_server_timing(k->conf) && may_know_cost(k)) {
        apr_table_setn(k->r->headers_out, "Server-Timing",
                       apr_pstrcat(k->pool, "db;dur=", milliseconds(k->db_time, k->pool), ", wait;dur=",
                                   milliseconds(k->tally.db_wait, k->pool), ", total;dur=",
                                   milliseconds(apr_time_now() - k->r->request_time, k->pool), NULL));
    }
}

/** Sets the length of the answer. */
static void set_length(kiss_req *k, apr_off_t length)
{
    k->length = length;
    k->coding = apr_table_get(k->r->headers_out, "Content-Encoding");
    ap_set_content_length(k->r, length);
}

/** Passes a brigade to httpd, which may wait for the client. */
static apr_status_t pass_brigade(kiss_req *k, apr_bucket_brigade *bb)
{
    const int paused = kiss_deferred_signal_pause();
    apr_status_t rv = ap_pass_brigade(k->r->output_filters, bb);

    kiss_deferred_signal_resume(paused);
    apr_brigade_cleanup(bb);
    return rv;
}

/** Passes one bucket and the end of the answer. */
static int pass(kiss_req *k, apr_bucket_brigade *bb)
{
    apr_status_t rv;

    APR_BRIGADE_INSERT_TAIL(bb, apr_bucket_eos_create(bb->bucket_alloc));
    rv = pass_brigade(k, bb);
    if (rv != APR_SUCCESS) {
        ap_log_rerror(APLOG_MARK, APLOG_DEBUG, rv, k->r, KISS_LOGNO(0501) "the client went away before the answer's end");
        return DONE;
    }
    return OK;
}

/** Sends a body that is in memory as long as r->pool. */
static int send_bytes(kiss_req *k, int status, const char *type, const char *body, apr_size_t len)
{
    request_rec *r = k->r;
    apr_bucket_brigade *bb = apr_brigade_create(r->pool, r->connection->bucket_alloc);

    if (r->eos_sent) {
        return DONE;                /* a filter has answered while the request's body was read */
    }
    r->status = status;
    kiss_response_timing(k);
    if (type) {
        ap_set_content_type(r, type);
    }
    set_length(k, (apr_off_t)len);
    if (len) {
        APR_BRIGADE_INSERT_TAIL(bb, apr_bucket_pool_create(body, len, r->pool, bb->bucket_alloc));
    }
    return pass(k, bb);
}

int kiss_response_text(kiss_req *k, int status, const char *type, const char *body)
{
    return send_bytes(k, status, type, body, strlen(body));
}

int kiss_response_bytes(kiss_req *k, const char *body, apr_size_t len)
{
    return send_bytes(k, HTTP_OK, KISS_JSON_TYPE, body, len);
}

/* --- errors --- */

/** The sentence of an API whose errors have one shape. */
static const char *sentence(const kiss_req *k, const kiss_error *e)
{
    const kiss_sentence *own = k->api->sentences;

    if (k->description && e->shape != KISS_ERROR_SHAPE_MESSAGE) {
        return k->description;
    }
    while (own && own->status && own->status != e->status) {
        own++;
    }
    return own && own->status ? own->text : e->text;
}

/** {"first":"a"} or {"first":"a","second":"b"} */
static const char *object(apr_pool_t *p, const char *first, const char *a, const char *second, const char *b)
{
    apr_size_t ignored = 0;
    const char *text = apr_pstrcat(p, "{\"", first, "\":", kiss_json_text_quoted(a, &ignored, p), NULL);

    return second ? apr_pstrcat(p, text, ",\"", second, "\":", kiss_json_text_quoted(b, &ignored, p), "}", NULL)
           : apr_pstrcat(p, text, "}", NULL);
}

/** 1 when an error belongs to the token endpoint, whose errors have a shape of their own. */
static int is_oauth(const kiss_req *k, const kiss_error *e)
{
    return e->shape == KISS_ERROR_SHAPE_OAUTH
           || (e->shape == KISS_ERROR_SHAPE_ERROR && k->endpoint && k->endpoint->auth == KISS_AUTH_CLIENT
               && e->status >= HTTP_BAD_REQUEST && e->status < HTTP_INTERNAL_SERVER_ERROR
               && e->status != HTTP_METHOD_NOT_ALLOWED);
}

/** Sets the headers of an error. @return its body; `type` receives the Content-Type, NULL for none */
static const char *render(kiss_req *k, const kiss_error *e, const char **type)
{
    const char *text = k->description ? k->description : e->text;
    int seconds = k->retry_after ? k->retry_after : e->retry_after;

    if (seconds) {
        apr_table_setn(k->r->err_headers_out, "Retry-After", apr_itoa(k->pool, seconds));
    }
    if (e == &kiss_error_bearer) {
        apr_table_setn(k->r->err_headers_out, "WWW-Authenticate", "Bearer error=\"invalid_token\"");
        if (kiss_config_takes_basic(k->conf, k->endpoint)) {
            apr_table_addn(k->r->err_headers_out, "WWW-Authenticate", "Basic realm=\"lists\", charset=\"UTF-8\"");
        }
    }
    apr_table_unset(k->r->headers_out, "Cache-Control");
    apr_table_setn(k->r->err_headers_out, "Cache-Control", "no-store");
    *type = KISS_JSON_TYPE;
    if (k->api->error_member) {
        return object(k->pool, k->api->error_member, sentence(k, e), NULL, NULL);
    }
    if (is_oauth(k, e)) {
        return object(k->pool, "error", e->code ? e->code : "invalid_request", "error_description", text);
    }
    switch (e->shape) {
    case KISS_ERROR_SHAPE_NONE:
        *type = NULL;
        return "";
    case KISS_ERROR_SHAPE_TEXT:
        *type = "text/plain";
        return text;
    case KISS_ERROR_SHAPE_MESSAGE:
        return object(k->pool, "message", text, NULL, NULL);
    default:
        return object(k->pool, "error", text, NULL, NULL);
    }
}

int kiss_response_error(kiss_req *k, const kiss_error *e)
{
    const char *type, *body = render(k, e, &type);

    return kiss_response_text(k, e->status, type, body);
}

apr_status_t kiss_response_error_instead(kiss_req *k, const kiss_error *e, ap_filter_t *f, apr_bucket_brigade *bb)
{
    const char *type, *body;
    apr_bucket *b = APR_BRIGADE_FIRST(bb);

    while (b != APR_BRIGADE_SENTINEL(bb) && !APR_BUCKET_IS_EOS(b)) {
        b = APR_BUCKET_NEXT(b);
    }
    if (b == APR_BRIGADE_SENTINEL(bb)) {
        apr_brigade_cleanup(bb);
        return APR_SUCCESS;
    }
    apr_brigade_cleanup(bb);
    body = render(k, e, &type);
    k->r->status = e->status;
    k->r->status_line = NULL;
    if (type) {
        ap_set_content_type(k->r, type);
    }
    ap_set_content_length(k->r, (apr_off_t)strlen(body));
    APR_BRIGADE_INSERT_TAIL(bb, apr_bucket_pool_create(body, strlen(body), k->pool, bb->bucket_alloc));
    APR_BRIGADE_INSERT_TAIL(bb, apr_bucket_eos_create(bb->bucket_alloc));
    ap_remove_output_filter(f);
    return ap_pass_brigade(f->next, bb);
}

/* --- lists --- */

/** Adds a part of a file of this answer, in the way that costs no thread if a descriptor is left for it. */
static void insert_file(kiss_req *k, apr_bucket_brigade *bb, apr_file_t *file, apr_off_t offset, apr_off_t size)
{
    apr_bucket *e;

    if (kiss_slow_client_can_leave(k->r)
        && kiss_slow_client_file(&e, file, offset, size, k->pool, bb->bucket_alloc) == APR_SUCCESS) {
        APR_BRIGADE_INSERT_TAIL(bb, e);
        return;
    }
    e = apr_brigade_insert_file(bb, file, offset, size, k->pool);
    /* Not mapped: the pages of fifty catalogues would all count as this child's memory. */
    apr_bucket_file_enable_mmap(e, 0);
    apr_bucket_file_set_buf_size(e, FILE_PIECE);
}

/** A bucket of a file; those of its other ranges are copies, because httpd moves the descriptor once. */
static apr_bucket *file_bucket(kiss_req *k, apr_file_t *file, apr_bucket_alloc_t *list)
{
    apr_bucket *e;

    if (kiss_slow_client_can_leave(k->r) && kiss_slow_client_file(&e, file, 0, 0, k->pool, list) == APR_SUCCESS) {
        return e;
    }
    e = apr_bucket_file_create(file, 0, 0, k->pool, list);
    apr_bucket_file_enable_mmap(e, 0);
    apr_bucket_file_set_buf_size(e, FILE_PIECE);
    return e;
}

/** Adds a list from an offset on. */
static void insert_stored(kiss_req *k, apr_bucket_brigade *bb, const kiss_stored *stored, apr_off_t offset)
{
    apr_bucket *whole[2] = { NULL, NULL }, *e;
    apr_file_t *file;
    apr_off_t n, at;

    if (!stored->extents) {
        insert_file(k, bb, stored->file, offset, stored->size - offset);
        return;
    }
    for (; offset < stored->size && (n = kiss_extent_find(stored, offset, &file, &at)) > 0; offset += n) {
        apr_bucket **of = &whole[file == stored->base];

        if (!*of || apr_bucket_copy(*of, &e) != APR_SUCCESS) {
            *of = e = file_bucket(k, file, bb->bucket_alloc);
        }
        e->start = at;
        e->length = (apr_size_t)n;
        APR_BRIGADE_INSERT_TAIL(bb, e);
    }
}

/** Sends a file followed by the content of a buffer. */
static int send_parts(kiss_req *k, int status, const kiss_stored *stored, const kiss_spool *spool)
{
    request_rec *r = k->r;
    apr_bucket_brigade *bb = apr_brigade_create(r->pool, r->connection->bucket_alloc);
    apr_size_t rest = spool ? (apr_size_t)spool->buffer->bpos : 0;

    if (stored->size) {
        insert_stored(k, bb, stored, 0);
    }
    if (rest) {
        APR_BRIGADE_INSERT_TAIL(bb, apr_bucket_pool_create(spool->buffer->buf, rest, spool->pool, bb->bucket_alloc));
    }
    r->status = status;
    kiss_response_timing(k);
    ap_set_content_type(r, kiss_route_media_type(k->endpoint));
    set_length(k, stored->size + (apr_off_t)rest);
    return pass(k, bb);
}

int kiss_response_spool(kiss_req *k, int status, const kiss_spool *spool)
{
    const kiss_stored stored = kiss_spool_stored(spool);

    return send_parts(k, status, &stored, spool);
}

int kiss_response_stored(kiss_req *k, const kiss_stored *stored)
{
    return send_parts(k, k->r->status, stored, NULL);
}

/** Passes the brigade. @return 0, or -1 when the client has disconnected */
static int pass_piece(kiss_req *k, apr_bucket_brigade *bb)
{
    apr_status_t rv = pass_brigade(k, bb);

    if (rv == APR_SUCCESS && !k->r->connection->aborted) {
        return 0;
    }
    ap_log_rerror(APLOG_MARK, APLOG_DEBUG, rv, k->r, KISS_LOGNO(0503) "the client went away before the answer's end");
    return -1;
}

/** Waits until the client has received all that httpd holds, at most until the job ends. @return as pass_piece() */
static int wait_for_client(const request_rec *r, kiss_progress *progress)
{
    conn_rec *c = r->connection;
    struct pollfd client = { -1, POLLOUT, 0 };

    if (c->master || apr_os_sock_get(&client.fd, ap_get_conn_socket(c)) != APR_SUCCESS) {
        return 0;
    }
    while (c->data_in_output_filters && !c->aborted && !kiss_progress_wait(progress, -1).ended) {
        if (poll(&client, 1, CLIENT_POLL) > 0) {
            kiss_slow_client_write(c);
        }
    }
    return c->aborted ? -1 : 0;
}

int kiss_response_mapped(kiss_req *k, apr_bucket_brigade *bb, apr_off_t size, kiss_slow_client_file_of *file_of)
{
    request_rec *r = k->r;

    kiss_response_timing(k);
    ap_set_content_type(r, kiss_route_media_type(k->endpoint));
    set_length(k, size);
    if (size > KISS_SLOW_CLIENT_PIECE && !r->header_only && kiss_slow_client_can_leave(r)) {
        kiss_slow_client_add(r, APR_BRIGADE_FIRST(bb)->type, file_of);
    }
    return pass(k, bb);
}

/** Passes the end of an incomplete answer, so that httpd does not make it look complete. */
static int break_off(kiss_req *k, apr_bucket_brigade *bb)
{
    ap_log_rerror(APLOG_MARK, APLOG_ERR, 0, k->r,
                  KISS_LOGNO(0502) "the answer was broken off, since it could not be built to "
                  "its end: is the database away, or KissCacheDir full? (LogLevel kiss:info says more)");
    APR_BRIGADE_INSERT_TAIL(bb, ap_bucket_error_create(HTTP_BAD_GATEWAY, NULL, k->r->pool, bb->bucket_alloc));
    k->r->connection->keepalive = AP_CONN_CLOSE;
    return pass(k, bb);
}

int kiss_response_progress(kiss_req *k, kiss_progress *progress)
{
    request_rec *r = k->r;
    apr_bucket_brigade *bb = apr_brigade_create(r->pool, r->connection->bucket_alloc);
    char *buffer = apr_palloc(r->pool, KISS_SLOW_CLIENT_PIECE);
    kiss_progress_view view = kiss_progress_wait(progress, 0);
    apr_off_t offset = 0;

    kiss_response_timing(k);
    ap_set_content_type(r, kiss_route_media_type(k->endpoint));
    if (view.ended) {
        set_length(k, view.stored.size);
    }
    while (!view.ended) {
        apr_size_t n = KISS_SLOW_CLIENT_PIECE;

        if (kiss_progress_read(progress, offset, buffer, &n) != APR_SUCCESS) {
            return break_off(k, bb);
        }
        APR_BRIGADE_INSERT_TAIL(bb, apr_bucket_transient_create(buffer, n, bb->bucket_alloc));
        offset += (apr_off_t)n;
        if (pass_piece(k, bb) || wait_for_client(r, progress)) {
            return DONE;
        }
        view = kiss_progress_wait(progress, offset);
    }
    if (view.result != APR_SUCCESS) {
        return break_off(k, bb);
    }
    if (view.stored.size > offset) {
        insert_stored(k, bb, &view.stored, offset);
    }
    return pass(k, bb);
}
