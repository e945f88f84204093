/* SPDX-License-Identifier: Apache-2.0 */
/** error - every error that a client can get: status, shape and text, in one table. */
#ifndef KISS_ERROR_H
#define KISS_ERROR_H

#include "core/kiss.h"

/** Shape of an error's body (contract section 5). An API may have one shape for all (kiss_api.error_member). */
typedef enum {
    KISS_ERROR_SHAPE_NONE,         /**< no body */
    KISS_ERROR_SHAPE_ERROR,        /**< {"error":"sentence"} */
    KISS_ERROR_SHAPE_OAUTH,        /**< {"error":"code","error_description":"sentence"} (RFC 6749 section 5.2) */
    KISS_ERROR_SHAPE_MESSAGE,      /**< {"message":"sentence"}: the rate limit only */
    KISS_ERROR_SHAPE_TEXT          /**< text/plain: the health check only */
} kiss_error_shape;

/** An error. */
struct kiss_error {
    int status;             /**< HTTP status */
    kiss_error_shape shape; /**< shape */
    const char *code;       /**< `error` of the OAuth shape */
    const char *text;       /**< the sentence, unless the request has a description */
    int retry_after;        /**< seconds for Retry-After, or 0 */
};

extern const kiss_error kiss_error_tls;                 /**< 403: plain HTTP */
extern const kiss_error kiss_error_not_found;           /**< 404: no such path */
extern const kiss_error kiss_error_method;              /**< 405 */
extern const kiss_error kiss_error_bearer;              /**< 401: token missing, malformed, expired, or of another issuer */
extern const kiss_error kiss_error_no_customer;         /**< 404: the token's customer does not exist any more */
extern const kiss_error kiss_error_quota;               /**< 429 */
extern const kiss_error kiss_error_internal;            /**< 500 */
extern const kiss_error kiss_error_unavailable;         /**< 503: the database is away */
extern const kiss_error kiss_error_busy;                /**< 503: no database connection became free in time */
extern const kiss_error kiss_error_unhealthy;           /**< 503 of the health check */
extern const kiss_error kiss_error_invalid_request;     /**< 400 of the token endpoint */
extern const kiss_error kiss_error_body_too_large;      /**< 413 of the token endpoint */
extern const kiss_error kiss_error_grant_type;          /**< 400 unsupported_grant_type */
extern const kiss_error kiss_error_scope;               /**< 400 invalid_scope */
extern const kiss_error kiss_error_unauthorized_client; /**< 400: valid key, but the customer is disabled */
extern const kiss_error kiss_error_invalid_client;      /**< 401 of the token endpoint */
extern const kiss_error kiss_error_key;                 /**< 401: API key missing, unknown, revoked or expired */
extern const kiss_error kiss_error_role;                /**< 403: the key has no access */
extern const kiss_error kiss_error_param;               /**< 400: a parameter is missing or invalid; with a description */
extern const kiss_error kiss_error_body;                /**< 413: the body is too large */
extern const kiss_error kiss_error_exists;              /**< 409: it is there already; with a description */
extern const kiss_error kiss_error_no_admin;            /**< 403: a customer's token at an admin endpoint */
extern const kiss_error kiss_error_admin;               /**< 403: an admin client's token elsewhere */
extern const kiss_error kiss_error_late_body;           /**< 408: the body did not come in time */
extern const kiss_error kiss_error_precondition;        /**< 412 */

/** The error for the status that httpd itself has set of a request. In `p`. */
const kiss_error *kiss_error_of_httpd(const request_rec *failed, apr_pool_t *p);

#endif
