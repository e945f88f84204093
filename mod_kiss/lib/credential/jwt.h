/* SPDX-License-Identifier: Apache-2.0 */
/**
 * jwt - access tokens: signs and verifies JWTs (RFC 7519). Pure, thread-safe.
 *
 * A token never selects how it is verified: the header must name HS256, the algorithm of every key, before the
 * signature is verified (RFC 8725 sections 3.1 and 3.2). Only then are the claims parsed, and every claim that
 * kiss_jwt_sign() writes must be present and valid.
 */
#ifndef KISS_JWT_H
#define KISS_JWT_H

#include <apr_pools.h>
#include <apr_tables.h>

#include "lib/credential/jwt_keys.h"

/** Clocks of hosts that share keys may differ by this many seconds. */
#define KISS_JWT_LEEWAY 30

/** Longest token that is parsed; ours have about 400 bytes. */
#define KISS_JWT_MAX 4096

/** What tokens are issued with, and must have to be accepted. */
typedef struct {
    const apr_array_header_t *keys;     /**< of kiss_jwt_key; the first signs, all verify */
    const char *issuer;                 /**< claim iss */
    const char *audience;               /**< claim aud */
    apr_int64_t lifetime;               /**< seconds from iat to exp */
    int admin;                          /**< of tokens that are issued: for an admin client, with the claim role */
} kiss_jwt_policy;

/**
 * Issues a token for a customer (contract, "Left open" 3): sub = client_id = `customer`, iss, aud, iat, nbf, exp, jti; for
 * an admin client role = admin, too.
 *
 * @param now seconds since 1970
 * @return the token in `p`, or NULL when memory or randomness failed
 */
const char *kiss_jwt_sign(const kiss_jwt_policy *policy, const char *customer, apr_int64_t now, apr_pool_t *p);

/** Why a token is refused whose time is over: this very text. */
extern const char kiss_jwt_expired[];

/** Why a token could not be verified, whether it is valid or not: this very text. */
extern const char kiss_jwt_no_memory[];

/** Claims of a verified token. */
typedef struct {
    const char *customer;               /**< code of the customer, or of the admin client; NULL when the token was refused */
    int admin;                          /**< 1: it says that it is an admin client's */
    apr_int64_t from;                   /**< first second in which it is valid, with the leeway */
    apr_int64_t until;                  /**< first second after that, with the leeway */
} kiss_jwt_claims;

/**
 * Verifies a token.
 *
 * @param verified receives its claims; texts in `p`
 * @return NULL, or why the token is refused (for the log; contains nothing of the token)
 */
const char *kiss_jwt_verify(kiss_jwt_claims *verified, const kiss_jwt_policy *policy, const char *token, apr_int64_t now,
                            apr_pool_t *p);

#endif
