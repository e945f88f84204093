/* SPDX-License-Identifier: Apache-2.0 */
/**
 * token_endpoint - the token endpoint: OAuth 2.0 client credentials (RFC 6749 sections 2.3.1, 4.4, 5; contract
 * section 2).
 */
#ifndef KISS_TOKEN_ENDPOINT_H
#define KISS_TOKEN_ENDPOINT_H

#include "core/kiss.h"

/** The credentials that a client sent. */
struct kiss_token_request {
    const char *client_id;          /**< customer code, or NULL */
    const char *client_secret;      /**< API key, or NULL */
    int basic;                      /**< sent by HTTP Basic: a refusal has WWW-Authenticate: Basic */
};

/** Creates the cache of verified credentials of a child process. In child_init. */
apr_status_t kiss_token_endpoint_attach(apr_pool_t *pchild);

/**
 * Reads the request's body and credentials; sets k->token_request. The caller is anonymous until they are checked.
 *
 * @return NULL, or the OAuth error
 */
const kiss_error *kiss_token_endpoint_read(kiss_req *k);

/** 1 when the request has HTTP Basic credentials. */
int kiss_token_endpoint_has_basic(const request_rec *r);

/**
 * Identifies the customer of a list by HTTP Basic (RFC 7617): customer code and API key, checked as by the token endpoint,
 * also as regards wrong ones. The request itself is counted by the meter stage.
 *
 * @return NULL: k->principal is verified; 401, 429, 503, which were counted as wrong credentials are (k->metered)
 */
const kiss_error *kiss_token_endpoint_identify(kiss_req *k);

/**
 * Checks the key, counts the request for its customer, or as wrong credentials, and answers with a token.
 *
 * The key is compared with the customer's in the database, in constant time. While the revision of the database stays
 * the same, the child remembers what it has verified, and reads only that.
 *
 * @param status receives what the handler returns when the result is NULL
 * @return NULL when the answer was sent, or the error
 */
const kiss_error *kiss_token_endpoint_run(kiss_req *k, int *status);

#endif
