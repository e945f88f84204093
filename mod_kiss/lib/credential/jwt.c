/* SPDX-License-Identifier: Apache-2.0 */
/**
 * jwt - signs and verifies JWTs with HMAC SHA-256.
 */
#include "lib/credential/jwt.h"

#include <math.h>
#include <string.h>

#include <apr_strings.h>

#include "lib/base/crypto.h"
#include "lib/base/json_parse.h"
#include "lib/base/json_text.h"

#define ALGORITHM "HS256"

/* The only value of the claim role. */
#define ADMIN "admin"
#define JTI_BYTES 16
#define MAX_DEPTH 8

const char kiss_jwt_expired[] = "expired";
const char kiss_jwt_no_memory[] = "no memory";

/** A member that is a string, or NULL. */
static const char *string_member(json_object *o, const char *name)
{
    json_object *v = NULL;

    json_object_object_get_ex(o, name, &v);
    return json_object_is_type(v, json_type_string) ? json_object_get_string(v) : NULL;
}

/** A member that is an integer number of seconds. */
static int seconds_member(json_object *o, const char *name, apr_int64_t *value)
{
    json_object *v = NULL;

    if (!json_object_object_get_ex(o, name, &v) || !json_object_is_type(v, json_type_int)) {
        return 0;
    }
    *value = json_object_get_int64(v);
    return *value >= 0 && *value < APR_INT64_MAX;
}

/** `aud` may be a string or an array of strings (RFC 7519 section 4.1.3). */
static int audience_matches(json_object *claims, const char *audience)
{
    json_object *aud = NULL;
    const char *one = string_member(claims, "aud");
    apr_size_t i;

    if (one) {
        return strcmp(one, audience) == 0;
    }
    if (!json_object_object_get_ex(claims, "aud", &aud) || !json_object_is_type(aud, json_type_array)) {
        return 0;
    }
    for (i = 0; i < json_object_array_length(aud); i++) {
        json_object *v = json_object_array_get_idx(aud, i);

        if (json_object_is_type(v, json_type_string) && strcmp(json_object_get_string(v), audience) == 0) {
            return 1;
        }
    }
    return 0;
}

/**
 * 1 for JSON that all parsers read alike: no string contains a NUL, which ends it for many of them, and no number
 * exceeds a signed 64-bit integer or a double, for which json-c would use the nearest value.
 */
static int is_unambiguous(json_object *o)
{
    int good = 1;
    apr_size_t i;

    if (json_object_is_type(o, json_type_object)) {
        json_object_object_foreach(o, name, member) {
            (void)name;
            good = good && is_unambiguous(member);
        }
    }
    else if (json_object_is_type(o, json_type_array)) {
        for (i = 0; good && i < json_object_array_length(o); i++) {
            good = is_unambiguous(json_object_array_get_idx(o, i));
        }
    }
    else if (json_object_is_type(o, json_type_string)) {
        good = strlen(json_object_get_string(o)) == (apr_size_t)json_object_get_string_len(o);
    }
    else if (json_object_is_type(o, json_type_int)) {
        good = json_object_get_int64(o) > APR_INT64_MIN && json_object_get_uint64(o) <= APR_INT64_MAX;
    }
    else if (json_object_is_type(o, json_type_double)) {
        good = isfinite(json_object_get_double(o));
    }
    return good;
}

/** Decodes one segment of a token into a JSON object. @return NULL; `otherwise` for anything else; kiss_jwt_no_memory */
static const char *segment(json_object **o, const char *text, apr_size_t len, const char *otherwise, apr_pool_t *p)
{
    unsigned char *json;
    apr_size_t n;
    apr_status_t rv = APR_EGENERAL;

    if (kiss_crypto_unbase64url(&json, &n, text, len, p)) {
        rv = kiss_json_read(o, (char *)json, n, MAX_DEPTH, p);
    }
    if (rv == APR_ENOMEM) {
        return kiss_jwt_no_memory;
    }
    return rv == APR_SUCCESS && json_object_is_type(*o, json_type_object) && is_unambiguous(*o) ? NULL : otherwise;
}

/** Finds the key that the header names, if the header is one that kiss_jwt_sign() writes. */
static const char *check_header(const kiss_jwt_key **key, const char *token, apr_size_t len,
                                const kiss_jwt_policy *policy, apr_pool_t *p)
{
    json_object *header = NULL;
    const char *e = segment(&header, token, len, "the header is not a JSON object", p), *alg, *kid, *typ;

    if (e) {
        return e;
    }
    alg = string_member(header, "alg");
    kid = string_member(header, "kid");
    typ = string_member(header, "typ");
    if (!alg || strcmp(alg, ALGORITHM) != 0) {
        return "the algorithm is not " ALGORITHM;
    }
    if (!typ || strcmp(typ, "JWT") != 0) {
        return "the type is not JWT";
    }
    if (json_object_object_get_ex(header, "crit", NULL)) {
        return "the header has critical extensions";        /* RFC 7515 section 4.1.11: none is supported */
    }
    *key = kid ? kiss_jwt_keys_find(policy->keys, kid) : NULL;
    return *key ? NULL : "the key id is unknown";
}

/** Compares the signature after `end` with that of the text before it. */
static const char *check_signature(const char *token, const char *end, const kiss_jwt_key *key, apr_pool_t *p)
{
    unsigned char *sent, right[KISS_SHA256_LEN];
    apr_size_t n;

    if (!kiss_crypto_unbase64url(&sent, &n, end + 1, strlen(end + 1), p)) {
        return "the signature is not base64url";
    }
    if (!kiss_crypto_hmac(right, key->secret, key->len, token, (apr_size_t)(end - token))) {
        return kiss_jwt_no_memory;
    }
    return n == sizeof(right) && kiss_crypto_equal(sent, right, n) ? NULL : "the signature is wrong";
}

static const char *check_claims(kiss_jwt_claims *verified, json_object *claims, const kiss_jwt_policy *policy,
                                apr_int64_t now, apr_pool_t *p)
{
    const char *iss = string_member(claims, "iss"), *sub = string_member(claims, "sub");
    const char *client = string_member(claims, "client_id"), *jti = string_member(claims, "jti");
    apr_int64_t iat, nbf, expires;

    if (!seconds_member(claims, "exp", &expires) || !seconds_member(claims, "nbf", &nbf)
        || !seconds_member(claims, "iat", &iat)) {
        return "exp, nbf or iat is missing or not a time";
    }
    verified->from = (nbf > iat ? nbf : iat) - KISS_JWT_LEEWAY;
    verified->until = expires < APR_INT64_MAX - KISS_JWT_LEEWAY ? expires + KISS_JWT_LEEWAY : APR_INT64_MAX;
    if (now >= verified->until) {
        return kiss_jwt_expired;
    }
    if (now < verified->from) {
        return "not valid yet";
    }
    if (!iss || strcmp(iss, policy->issuer) != 0) {
        return "issued by another issuer";
    }
    if (!audience_matches(claims, policy->audience)) {
        return "meant for another audience";
    }
    if (!sub || !*sub || !client || strcmp(sub, client) != 0 || !jti) {
        return "sub, client_id or jti is missing";
    }
    if (json_object_object_get_ex(claims, "role", NULL)) {
        const char *role = string_member(claims, "role");

        if (!role || strcmp(role, ADMIN) != 0) {
            return "of an unknown role";
        }
        verified->admin = 1;
    }
    verified->customer = apr_pstrdup(p, sub);
    return NULL;
}

const char *kiss_jwt_verify(kiss_jwt_claims *verified, const kiss_jwt_policy *policy, const char *token, apr_int64_t now,
                            apr_pool_t *p)
{
    const char *first = strchr(token, '.'), *second = first ? strchr(first + 1, '.') : NULL, *e;
    const kiss_jwt_key *key = NULL;
    json_object *claims = NULL;

    memset(verified, 0, sizeof(*verified));
    if (!second || strchr(second + 1, '.') || strlen(token) > KISS_JWT_MAX) {
        return "not three segments, or too long";
    }
    if ((e = check_header(&key, token, (apr_size_t)(first - token), policy, p))
        || (e = check_signature(token, second, key, p))
        || (e = segment(&claims, first + 1, (apr_size_t)(second - first - 1), "the claims are not a JSON object", p))) {
        return e;
    }
    return check_claims(verified, claims, policy, now, p);
}

/** A text as a JSON string, in `p`, or NULL when it is not UTF-8. */
static const char *quoted(const char *text, apr_pool_t *p)
{
    apr_size_t replaced = 0;
    const char *json = kiss_json_text_quoted(text, &replaced, p);

    return replaced ? NULL : json;
}

static const char *encoded(const char *text, apr_pool_t *p)
{
    return kiss_crypto_base64url(p, (const unsigned char *)text, strlen(text));
}

/* Written as text: a tree of JSON objects would take longer than the signature. */
const char *kiss_jwt_sign(const kiss_jwt_policy *policy, const char *customer, apr_int64_t now, apr_pool_t *p)
{
    const kiss_jwt_key *key = &APR_ARRAY_IDX(policy->keys, 0, kiss_jwt_key);
    const char *sub = quoted(customer, p), *iss = quoted(policy->issuer, p), *aud = quoted(policy->audience, p);
    const char *seconds = apr_off_t_toa(p, (apr_off_t)now), *header, *claims, *text;
    unsigned char random[JTI_BYTES], signature[KISS_SHA256_LEN];

    if (!sub || !iss || !aud || kiss_crypto_random(random, sizeof(random)) != APR_SUCCESS) {
        return NULL;
    }
    /* Neither the key's id nor base64url contains anything that must be escaped. */
    header = apr_pstrcat(p, "{\"alg\":\"" ALGORITHM "\",\"kid\":\"", key->kid, "\",\"typ\":\"JWT\"}", NULL);
    claims = apr_pstrcat(p, "{\"iss\":", iss, ",\"aud\":", aud, ",\"sub\":", sub, ",\"client_id\":", sub,
                         ",\"jti\":\"", kiss_crypto_base64url(p, random, sizeof(random)), "\",\"iat\":", seconds,
                         ",\"nbf\":", seconds, ",\"exp\":", apr_off_t_toa(p, (apr_off_t)(now + policy->lifetime)),
                         policy->admin ? ",\"role\":\"" ADMIN "\"}" : "}", NULL);
    text = apr_pstrcat(p, encoded(header, p), ".", encoded(claims, p), NULL);
    if (!kiss_crypto_hmac(signature, key->secret, key->len, text, strlen(text))) {
        return NULL;
    }
    return apr_pstrcat(p, text, ".", kiss_crypto_base64url(p, signature, sizeof(signature)), NULL);
}
