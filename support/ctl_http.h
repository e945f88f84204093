/* SPDX-License-Identifier: Apache-2.0 */
/**
 * ctl_http - HTTP requests of kissctl. The only unit that knows libcurl.
 *
 * The server's certificate is always verified, redirects are not followed, and plain HTTP goes to this machine only.
 * Single-threaded.
 */
#ifndef CTL_HTTP_H
#define CTL_HTTP_H

#include <stdio.h>

#include <apr_tables.h>

/** Most bytes of a body that are kept in memory where the request names no other number. */
#define CTL_HTTP_KEPT 65536

/** A request. Members that are 0 or NULL have no effect. */
typedef struct {
    const char *url;                    /**< absolute; see ctl_http_check_url() */
    const char *const *headers;         /**< lines "Name: value", ended by NULL */
    const char *body;                   /**< with one it is a POST */
    const char *ca;                     /**< trusted certificate authorities; NULL: those of the system */
    int seconds;                        /**< most time for all; 0: as long as bytes come */
    apr_size_t most;                    /**< most bytes of the body that are kept in memory */
    FILE *head_to;                      /**< receives status line and headers as they come */
    FILE *body_to;                      /**< receives the body; NULL: answer.body does */
} ctl_http_request;

/** An answer. */
typedef struct {
    int status;                         /**< HTTP status */
    const char *type;                   /**< Content-Type, or "" */
    const char *rate_limit;             /**< header RateLimit, or "" */
    char *body;                         /**< what was kept, and a NUL */
    apr_size_t length;                  /**< bytes of the body that came */
} ctl_http_answer;

/** @return NULL, or why `url` cannot be asked, as the end of a sentence: no https, a user in it, a fragment, blanks */
const char *ctl_http_check_url(const char *url);

/** The host in a URL, without port and brackets; in `p`. */
const char *ctl_http_host(const char *url, apr_pool_t *p);

/**
 * Sends a request and reads the answer to its end.
 *
 * @return NULL, or a sentence in `p` that says why there is no answer, or no whole one
 */
const char *ctl_http_send(ctl_http_answer *answer, const ctl_http_request *request, apr_pool_t *p);

#endif
