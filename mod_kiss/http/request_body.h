/* SPDX-License-Identifier: Apache-2.0 */
/** request_body - reads the complete body of a request up to a limit. */
#ifndef KISS_REQUEST_BODY_H
#define KISS_REQUEST_BODY_H

#include <httpd.h>

/** Outcome of kiss_request_body_read(). */
typedef enum {
    KISS_REQUEST_BODY_OK = 0,
    KISS_REQUEST_BODY_LARGE,            /**< more than `max` bytes, or than LimitRequestBody allows */
    KISS_REQUEST_BODY_LATE,             /**< did not come in time, mod_reqtimeout's or ours */
    KISS_REQUEST_BODY_BROKEN            /**< ended early, or cannot be read */
} kiss_request_body_status;

/**
 * Reads the body, for at most ten seconds, however much of it comes meanwhile.
 *
 * @param body receives at most `max` bytes, followed by a NUL, in r->pool; empty when the request has none
 * @param len  receives their number
 */
kiss_request_body_status kiss_request_body_read(char **body, apr_size_t *len, request_rec *r, apr_size_t max);

/** 1 when the Content-Type is `type`, in any case and with any parameters. */
int kiss_request_body_is(const request_rec *r, const char *type);

#endif
