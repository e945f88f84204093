/* SPDX-License-Identifier: Apache-2.0 */
/**
 * jwt_cache - an LRU of verified tokens by their digests.
 */
#include "lib/credential/jwt_cache.h"

#include <apr_strings.h>

#include <string.h>

#include "lib/base/crypto.h"
#include "lib/base/lru.h"

#define TOKENS 512

/* Customer codes have at most 64 characters (sql/); a longer one is verified each time. */
#define MAX_CUSTOMER 128

/* A verified token. Key: the digest of the token with issuer and audience; state: the keys; until the token expires. */
typedef struct {
    apr_int64_t from;                       /* first second in which it is valid */
    int admin;
    char customer[MAX_CUSTOMER];
} cached;

struct kiss_jwt_cache {
    kiss_lru *tokens;                       /* of `cached` */
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

/* A digest, not the token: cached digests cannot be used to log in, and comparing them leaks nothing about the token. */
static void make_digest(unsigned char digest[KISS_SHA256_LEN], const kiss_jwt_policy *policy, const char *token,
                        apr_pool_t *p)
{
    /* No token, issuer or audience contains a line feed. */
    const char *text = apr_pstrcat(p, policy->issuer, "\n", policy->audience, "\n", token, NULL);

    kiss_crypto_sha256(digest, text, strlen(text));
}

static void add(kiss_jwt_cache *cache, const apr_array_header_t *keys, const unsigned char *digest,
                const kiss_jwt_claims *claims)
{
    cached v;

    if (strlen(claims->customer) < MAX_CUSTOMER) {
        memset(&v, 0, sizeof(v));
        v.from = claims->from;
        v.admin = claims->admin;
        apr_cpystrn(v.customer, claims->customer, sizeof(v.customer));
        kiss_lru_put(cache->tokens, digest, &keys, claims->until, 0, &v);
    }
}

const char *kiss_jwt_cache_verify(kiss_jwt_cache *cache, const char **customer, int *admin, const kiss_jwt_policy *policy,
                                  const char *token, apr_int64_t now, apr_pool_t *p)
{
    const int fits = cache && strlen(token) <= KISS_JWT_MAX;
    unsigned char digest[KISS_SHA256_LEN];
    kiss_jwt_claims claims;
    const char *reason;
    cached v;

    if (fits) {
        make_digest(digest, policy, token, p);
        if (kiss_lru_get(cache->tokens, digest, &policy->keys, now, &v) && now >= v.from) {
            *customer = apr_pstrdup(p, v.customer);
            *admin = v.admin;
            return NULL;
        }
    }
    reason = kiss_jwt_verify(&claims, policy, token, now, p);
    if (!reason) {
        *customer = claims.customer;
        *admin = claims.admin;
        if (fits) {
            add(cache, policy->keys, digest, &claims);
        }
    }
    return reason;
}
