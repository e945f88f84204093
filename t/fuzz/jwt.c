/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fuzz target: access tokens. Input: a token; or, when it begins with '{', a header and (from the next line on) claims,
 * which are signed here with the right key, so that what is behind the signature is reached too.
 */
#include "lib/credential/jwt.h"

#include <string.h>

#include <apr_strings.h>
#include <json-c/json.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "csv.h"
#include "fuzz.h"
#include "lib/base/crypto.h"
#include "lib/base/utf8.h"

#define NOW 1000000
#define ISSUER "https://issuer"
#define AUDIENCE "https://audience"

static const unsigned char secret[] = "0123456789abcdef0123456789abcdef";
static const kiss_jwt_key key = { "k1", secret, sizeof(secret) - 1 };
static const apr_array_header_t keys = { .elt_size = sizeof(key), .nelts = 1, .nalloc = 1, .elts = (char *)&key };
static const kiss_jwt_policy policy = { &keys, ISSUER, AUDIENCE, 3600 };

/** The signature of what stands before the second point, computed by OpenSSL's function for one message. */
static const char *signature(const char *text, size_t len, apr_pool_t *p)
{
    unsigned char mac[EVP_MAX_MD_SIZE];
    unsigned int n = 0;

    MUST(HMAC(EVP_sha256(), key.secret, (int)key.len, (const unsigned char *)text, len, mac, &n));
    return kiss_crypto_base64url(p, mac, n);
}

static const char *sign(const uint8_t *data, size_t size, apr_pool_t *p)
{
    const uint8_t *end = memchr(data, '\n', size);
    size_t header = end ? (size_t)(end - data) : size, claims = end ? header + 1 : size;
    const char *text = apr_pstrcat(p, kiss_crypto_base64url(p, data, header), ".",
                                   kiss_crypto_base64url(p, data + claims, size - claims), NULL);

    return apr_pstrcat(p, text, ".", signature(text, strlen(text), p), NULL);
}

/** A segment of a token, read by OpenSSL's base64 decoder and by json-c as it is. To be released. */
static json_object *reread(const char *text, size_t len, apr_pool_t *p)
{
    const char *padding = len % 4 == 2 ? "==" : len % 4 == 3 ? "=" : "";
    char *base64 = apr_pstrcat(p, apr_pstrmemdup(p, text, len), padding, NULL), *c;
    unsigned char *json = apr_pcalloc(p, len + 4);

    for (c = base64; *c; c++) {
        *c = *c == '-' ? '+' : *c == '_' ? '/' : *c;
    }
    MUST(EVP_DecodeBlock(json, (unsigned char *)base64, (int)strlen(base64)) > 0);
    return json_tokener_parse((char *)json);
}

static const char *text_of(json_object *o, const char *name)
{
    json_object *v = json_object_object_get(o, name);

    MUST(json_object_is_type(v, json_type_string));
    MUST(strlen(json_object_get_string(v)) == (size_t)json_object_get_string_len(v));
    return json_object_get_string(v);
}

static int64_t time_of(json_object *o, const char *name)
{
    json_object *v = json_object_object_get(o, name);

    MUST(json_object_is_type(v, json_type_int));
    return json_object_get_int64(v);
}

/** A token that was accepted: looked at again by other means than those of the module. */
static void check_accepted(const char *token, const char *customer, apr_pool_t *p)
{
    const char *first = strchr(token, '.'), *last = strrchr(token, '.');
    json_object *header = reread(token, (size_t)(first - token), p);
    json_object *claims = reread(first + 1, (size_t)(last - first - 1), p), *aud = json_object_object_get(claims, "aud");

    MUST(strcmp(last + 1, signature(token, (size_t)(last - token), p)) == 0);
    MUST(strcmp(text_of(header, "alg"), "HS256") == 0 && strcmp(text_of(header, "kid"), "k1") == 0);
    MUST(!json_object_object_get_ex(header, "crit", NULL));
    MUST(customer && *customer && strcmp(text_of(claims, "sub"), customer) == 0);
    MUST(strcmp(text_of(claims, "client_id"), customer) == 0 && text_of(claims, "jti"));
    MUST(strcmp(text_of(claims, "iss"), ISSUER) == 0);
    MUST(time_of(claims, "exp") > NOW - KISS_JWT_LEEWAY);
    MUST(time_of(claims, "nbf") <= NOW + KISS_JWT_LEEWAY && time_of(claims, "iat") <= NOW + KISS_JWT_LEEWAY);
    MUST(json_object_is_type(aud, json_type_array)
         ? strstr(json_object_to_json_string_ext(aud, JSON_C_TO_STRING_NOSLASHESCAPE), "\"" AUDIENCE "\"") != NULL
         : strcmp(text_of(claims, "aud"), AUDIENCE) == 0);
    json_object_put(header);
    json_object_put(claims);
}

/** A token with a bit changed anywhere is none. */
static void check_changed(const char *token, size_t at, apr_pool_t *p)
{
    char *changed = apr_pstrdup(p, token);
    kiss_jwt_claims said;

    changed[at % strlen(changed)] ^= 1;
    MUST(kiss_jwt_verify(&said, &policy, changed, NOW, p) && !said.customer);
}

static void check_verify(const char *token, size_t at, apr_pool_t *p)
{
    kiss_jwt_claims said;
    const char *refused = kiss_jwt_verify(&said, &policy, token, NOW, p);

    if (refused) {
        MUST(!said.customer && *refused);
        return;
    }
    MUST(strlen(token) <= KISS_JWT_MAX);
    MUST(said.from <= NOW && said.until > NOW);
    check_accepted(token, said.customer, p);
    check_changed(token, at, p);
}

/** What is issued is accepted, until its time is over. */
static void check_issued(const char *customer, apr_pool_t *p)
{
    const char *token = kiss_jwt_sign(&policy, customer, NOW, p);
    kiss_jwt_claims said;

    MUST(token && !kiss_jwt_verify(&said, &policy, token, NOW, p) && strcmp(said.customer, customer) == 0);
    check_accepted(token, said.customer, p);
    MUST(!kiss_jwt_verify(&said, &policy, token, NOW + 3600 + KISS_JWT_LEEWAY - 1, p));
    MUST(kiss_jwt_verify(&said, &policy, token, NOW + 3600 + KISS_JWT_LEEWAY, p));
    MUST(kiss_jwt_verify(&said, &policy, token, NOW - KISS_JWT_LEEWAY - 1, p));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    apr_pool_t *p = fuzz_pool();
    const char *text = apr_pstrmemdup(p, (const char *)data, size);

    check_verify(text, size, p);
    if (size > 0 && *text == '{') {
        check_verify(sign(data, size, p), size * 7, p);
    }
    /* A customer code has 1 to 64 characters. */
    if (*text && strlen(text) <= 64 && kiss_utf8_check(text, strlen(text), NULL) == strlen(text)) {
        check_issued(text, p);
    }
    apr_pool_clear(p);
    return 0;
}
