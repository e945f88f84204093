/* SPDX-License-Identifier: Apache-2.0 */
/**
 * auth - verifies bearer tokens and dispatches to the identify stage of an API.
 */
#include "caller/auth.h"

#include <apr_lib.h>

#include <string.h>

#include "caller/auth_apikey.h"
#include "caller/token_endpoint.h"
#include "core/config.h"
#include "core/error.h"
#include "core/log_seldom.h"
#include "lib/credential/jwt_cache.h"

#define SCHEME "Bearer"

/* Verified tokens of this child; NULL when there is no memory for them. */
static kiss_jwt_cache *jwt_cache;

apr_status_t kiss_auth_attach(apr_pool_t *pchild)
{
    apr_status_t rv;

    jwt_cache = NULL;
    rv = kiss_token_endpoint_attach(pchild);
    return rv == APR_SUCCESS ? kiss_jwt_cache_create(&jwt_cache, pchild) : rv;
}

/**
 * The token of `Authorization: Bearer token`, the scheme in any case (RFC 9110 section 11.1), or NULL. Two such headers
 * arrive joined by a comma, which no token contains.
 */
static const char *bearer_token(request_rec *r)
{
    const char *header = apr_table_get(r->headers_in, "Authorization");

    if (!header || ap_cstr_casecmpn(header, SCHEME, sizeof(SCHEME) - 1) != 0
        || header[sizeof(SCHEME) - 1] != ' ') {
        return NULL;
    }
    header += sizeof(SCHEME) - 1;
    while (*header == ' ') {
        header++;
    }
    return *header ? header : NULL;
}

/** Verifies the token, if one was sent. @return what refuses a request that needs one, unless it is verified now */
static const kiss_error *identify_bearer(kiss_req *k)
{
    const char *token = bearer_token(k->r), *customer, *why;
    kiss_jwt_policy policy;
    int admin = 0;

    if (!token || !k->conf->token_keys) {
        return &kiss_error_bearer;
    }
    policy = kiss_config_token_policy(k->conf, k->server, k->pool);
    why = kiss_jwt_cache_verify(jwt_cache, &customer, &admin, &policy, token, apr_time_sec(apr_time_now()), k->pool);
    if (why == kiss_jwt_no_memory) {
        KISS_LOG_SELDOM(KISS_LOG_SELDOM_VERIFYING, k, APLOG_ERR, APR_ENOMEM, KISS_LOGNO(0685) "a token cannot be verified");
        return &kiss_error_internal;
    }
    if (why) {
        k->tally.token_expired = why == kiss_jwt_expired;
        k->tally.token_invalid = !k->tally.token_expired;
        ap_log_rerror(APLOG_MARK, APLOG_INFO, 0, k->r, KISS_LOGNO(0401) "token refused: %s", why);
        return &kiss_error_bearer;
    }
    k->principal = customer;
    k->admin = (unsigned)admin;
    k->verified = 1;
    k->r->user = apr_pstrdup(k->pool, customer);
    k->r->ap_auth_type = SCHEME;
    return NULL;
}

/** A customer: by a bearer token, by the credentials of the token endpoint, or by the same with a list. */
static const kiss_error *identify_customer(kiss_req *k)
{
    const kiss_error *e;

    if (k->endpoint && k->endpoint->auth == KISS_AUTH_CLIENT) {
        return kiss_token_endpoint_read(k);
    }
    if (k->endpoint && k->endpoint->auth == KISS_AUTH_PUBLIC) {
        return NULL;
    }
    if (kiss_config_takes_basic(k->conf, k->endpoint) && kiss_token_endpoint_has_basic(k->r)) {
        return kiss_token_endpoint_identify(k);
    }
    e = identify_bearer(k);
    return !k->endpoint || k->endpoint->auth == KISS_AUTH_NONE ? NULL : e;
}

/* By kiss_auth. */
static const kiss_error *(*const identify[])(kiss_req *k) = {
    [KISS_AUTH_JWT] = identify_customer,
    [KISS_AUTH_APIKEY] = kiss_auth_apikey_identify
};

const kiss_error *kiss_auth_identify(kiss_req *k)
{
    return identify[k->api->auth](k);
}
