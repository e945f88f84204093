/* SPDX-License-Identifier: Apache-2.0 */
/**
 * request_body - reads a request's body from the input filters.
 */
#include "http/request_body.h"

#include <http_protocol.h>
#include <util_filter.h>

#include <apr_lib.h>

#include <string.h>

/** Maps a read error to a status. ap_get_client_block() is not used, since it sends an error page of its own. */
static kiss_request_body_status failed(request_rec *r, apr_status_t rv)
{
    int status = ap_map_http_request_error(rv, HTTP_BAD_REQUEST);

    r->connection->keepalive = AP_CONN_CLOSE;
    return status == HTTP_REQUEST_ENTITY_TOO_LARGE ? KISS_REQUEST_BODY_LARGE
         : status == HTTP_REQUEST_TIME_OUT ? KISS_REQUEST_BODY_LATE : KISS_REQUEST_BODY_BROKEN;
}

/** Appends the data of a brigade. @param ended is set at the end of the body */
static kiss_request_body_status append(char *body, apr_size_t *len, apr_size_t max, apr_bucket_brigade *bb, int *ended,
                                       request_rec *r)
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
        if (!APR_BUCKET_IS_METADATA(e)) {
            if (n > max - *len) {
                return KISS_REQUEST_BODY_LARGE;
            }
            memcpy(body + *len, data, n);
            *len += n;
        }
    }
    return KISS_REQUEST_BODY_OK;
}

kiss_request_body_status kiss_request_body_read(char **body, apr_size_t *len, request_rec *r, apr_size_t max)
{
    apr_bucket_brigade *bb = apr_brigade_create(r->pool, r->connection->bucket_alloc);
    kiss_request_body_status status = KISS_REQUEST_BODY_OK;
    int ended = 0;

    *body = apr_palloc(r->pool, max + 1);
    *len = 0;
    while (status == KISS_REQUEST_BODY_OK && !ended) {
        apr_status_t rv = ap_get_brigade(r->input_filters, bb, AP_MODE_READBYTES, APR_BLOCK_READ, HUGE_STRING_LEN);

        status = rv == APR_SUCCESS ? append(*body, len, max, bb, &ended, r) : failed(r, rv);
        apr_brigade_cleanup(bb);
    }
    apr_brigade_destroy(bb);
    (*body)[*len] = '\0';
    return status;
}

int kiss_request_body_is(const request_rec *r, const char *type)
{
    const char *sent = apr_table_get(r->headers_in, "Content-Type");
    apr_size_t n = strlen(type);

    return sent && ap_cstr_casecmpn(sent, type, n) == 0 && (sent[n] == '\0' || sent[n] == ';' || apr_isspace(sent[n]));
}
