/* SPDX-License-Identifier: Apache-2.0 */
/**
 * request_body - reads a request's body from the input filters.
 */
#include "http/request_body.h"

#include <http_protocol.h>
#include <util_filter.h>

#include <apr_lib.h>

#include <string.h>

#include "lib/base/clock.h"
#include "lib/base/deferred_signal.h"

/* How long the whole body may take, in microseconds. A body is a few lines of a form: whoever needs longer only holds a
 * thread, in HTTP/2 beyond the reach of mod_reqtimeout. */
#define BODY_TIME APR_TIME_C(10000000)

/* Pauses between two looks for more of it, the first and the longest, in microseconds. */
#define FIRST_PAUSE 1000
#define LONGEST_PAUSE 50000

/** Maps a read error to a status. ap_get_client_block() is not used, since it sends an error page of its own. */
static kiss_request_body_status failed(request_rec *r, apr_status_t rv)
{
    int status = ap_map_http_request_error(rv, HTTP_BAD_REQUEST);

    r->connection->keepalive = AP_CONN_CLOSE;
    return status == HTTP_REQUEST_ENTITY_TOO_LARGE ? KISS_REQUEST_BODY_LARGE
         : status == HTTP_REQUEST_TIME_OUT ? KISS_REQUEST_BODY_LATE : KISS_REQUEST_BODY_BROKEN;
}

/* Room for a body at first, if the request does not say how long it is. */
#define FIRST_ROOM 8192

/** A body that is being read. */
typedef struct {
    char *text;
    apr_size_t len;             /* bytes of it so far */
    apr_size_t room;            /* bytes that fit, and a NUL */
    apr_size_t max;
} buffer;

/** Appends bytes. @return 0, or -1 when there are too many */
static int add(buffer *b, const char *data, apr_size_t n, apr_pool_t *p)
{
    if (n > b->max - b->len) {
        return -1;
    }
    if (n > b->room - b->len) {
        apr_size_t twice = b->room < b->max / 2 ? 2 * b->room : b->max;
        char *larger = apr_palloc(p, (b->room = twice < b->len + n ? b->len + n : twice) + 1);

        memcpy(larger, b->text, b->len);
        b->text = larger;
    }
    memcpy(b->text + b->len, data, n);
    b->len += n;
    return 0;
}

/** Appends the data of a brigade. @param ended is set at the end of the body */
static kiss_request_body_status append(buffer *b, apr_bucket_brigade *bb, int *ended, request_rec *r)
{
    apr_bucket *e;
    const char *data;
    apr_size_t n;

    for (e = APR_BRIGADE_FIRST(bb); e != APR_BRIGADE_SENTINEL(bb) && !*ended; e = APR_BUCKET_NEXT(e)) {
        apr_status_t rv = APR_BUCKET_IS_METADATA(e) ? APR_SUCCESS : apr_bucket_read(e, &data, &n, APR_BLOCK_READ);

        *ended = APR_BUCKET_IS_EOS(e);
        if (rv != APR_SUCCESS) {
            return failed(r, rv);
        }
        if (!APR_BUCKET_IS_METADATA(e) && add(b, data, n, r->pool) != 0) {
            return KISS_REQUEST_BODY_LARGE;
        }
    }
    return KISS_REQUEST_BODY_OK;
}

/** Reads what comes next. @return APR_TIMEUP when nothing has come until then, by kiss_clock_now() */
static apr_status_t read_next(apr_bucket_brigade *bb, request_rec *r, apr_int64_t until)
{
    apr_interval_time_t pause = FIRST_PAUSE;

    for (;;) {
        apr_status_t rv = ap_get_brigade(r->input_filters, bb, AP_MODE_READBYTES, APR_NONBLOCK_READ, HUGE_STRING_LEN);

        /* "Nothing yet" is APR_EAGAIN or an empty brigade. */
        if (!APR_STATUS_IS_EAGAIN(rv) && (rv != APR_SUCCESS || !APR_BRIGADE_EMPTY(bb))) {
            return rv;
        }
        apr_brigade_cleanup(bb);
        if (kiss_clock_now() >= until) {
            return APR_TIMEUP;
        }
        apr_sleep(pause);
        pause = pause * 2 < LONGEST_PAUSE ? pause * 2 : LONGEST_PAUSE;
    }
}

kiss_request_body_status kiss_request_body_read(char **body, apr_size_t *len, request_rec *r, apr_size_t max)
{
    apr_bucket_brigade *bb = apr_brigade_create(r->pool, r->connection->bucket_alloc);
    kiss_request_body_status status = KISS_REQUEST_BODY_OK;
    const apr_int64_t until = kiss_clock_now() + BODY_TIME;
    const int paused = kiss_deferred_signal_pause();
    buffer b = { NULL, 0, max < FIRST_ROOM ? max : FIRST_ROOM, max };
    int ended = 0;

    b.text = apr_palloc(r->pool, b.room + 1);
    while (status == KISS_REQUEST_BODY_OK && !ended) {
        apr_status_t rv = kiss_clock_now() < until ? read_next(bb, r, until) : APR_TIMEUP;

        status = rv == APR_SUCCESS ? append(&b, bb, &ended, r) : failed(r, rv);
        apr_brigade_cleanup(bb);
    }
    apr_brigade_destroy(bb);
    kiss_deferred_signal_resume(paused);
    b.text[b.len] = '\0';
    *body = b.text;
    *len = b.len;
    return status;
}

int kiss_request_body_is(const request_rec *r, const char *type)
{
    const char *sent = apr_table_get(r->headers_in, "Content-Type");
    apr_size_t n = strlen(type);

    return sent && ap_cstr_casecmpn(sent, type, n) == 0 && (sent[n] == '\0' || sent[n] == ';' || apr_isspace(sent[n]));
}
