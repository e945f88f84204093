/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/credential/jwt_cache.h"

#include <apr_strings.h>

#include <string.h>

#include "lib/base/crypto.h"
#include "lib/base/lru.h"

#define TOKENS 512

/* Customer codes have at most 64 characters (sql/); a longer one is verified each time. */
#define MAX_CUSTOMER 128

/* Kept by the digest of the token and of what it was accepted for, in the state of its keys, until the token ends. */
typedef struct {
    apr_int64_t from;                       /* first second of its life */
    char customer[MAX_CUSTOMER];
} cached;

struct kiss_jwt_cache {
    kiss_lru *tokens;                       /* of verdict */
};

apr_status_t kiss_jwt_cache_create(kiss_jwt_cache **cache, apr_pool_t *p)
{
    static const kiss_lru_type type = { .key_size = KISS_SHA256_LEN, .state_size = sizeof(const apr_array_header_t *),
                                        .value_size = sizeof(cached), .entries = TOKENS };
    kiss_jwt_cache *created = apr_palloc(p, sizeof(*created));
    apr_status_t rv = kiss_lru_create(&created->tokens, &type, p);

    if (rv == APR_SUCCESS) {
        *cache = created;
    }
    return rv;
}

/* A digest, not the token: what is remembered lets nobody in, and comparing it tells nothing about the token. */
static void make_digest(unsigned char digest[KISS_SHA256_LEN], const kiss_jwt_policy *policy, const char *token,
                        apr_pool_t *p)
{
    /* No token, name or address holds a line feed. */
    const char *text = apr_pstrcat(p, policy->issuer, "\n", policy->audience, "\n", token, NULL);

    kiss_crypto_sha256(digest, text, strlen(text));
}

static void remember(kiss_jwt_cache *cache, const apr_array_header_t *keys, const unsigned char *digest,
                     const kiss_jwt_claims *claims)
{
    cached v;

    if (strlen(claims->customer) < MAX_CUSTOMER) {
        memset(&v, 0, sizeof(v));
        v.from = claims->from;
        apr_cpystrn(v.customer, claims->customer, sizeof(v.customer));
        kiss_lru_put(cache->tokens, digest, &keys, claims->until, 0, &v);
    }
}

const char *kiss_jwt_cache_verify(kiss_jwt_cache *cache, const char **customer, const kiss_jwt_policy *policy,
                                 const char *token, apr_int64_t now, apr_pool_t *p)
{
    const int fits = cache && strlen(token) <= KISS_JWT_MAX;
    unsigned char digest[KISS_SHA256_LEN];
    kiss_jwt_claims claims;
    const char *why;
    cached v;

    if (fits) {
        make_digest(digest, policy, token, p);
        if (kiss_lru_get(cache->tokens, digest, &policy->keys, now, &v) && now >= v.from) {
            *customer = apr_pstrdup(p, v.customer);
            return NULL;
        }
    }
    why = kiss_jwt_verify(&claims, policy, token, now, p);
    if (!why) {
        *customer = claims.customer;
        if (fits) {
            remember(cache, policy->keys, digest, &claims);
        }
    }
    return why;
}
