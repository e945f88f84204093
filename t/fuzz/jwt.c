/*
 * Fuzz target: access tokens. Input: a token; or, when it begins with '{', a header and (from the next line on) claims,
 * which are signed here with the right key, so that what is behind the signature is reached too.
 */
#include <string.h>

#include <apr_strings.h>
#include <jwt.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "csv.h"
#include "fuzz.h"
#include "kiss_jwt.h"
#include "kiss_secret.h"

#define NOW 1000000
#define ISSUER "https://issuer"
#define AUDIENCE "https://audience"

static const unsigned char secret[] = "0123456789abcdef0123456789abcdef";
static const kiss_tokenkey key = { "k1", secret, sizeof(secret) - 1 };
static const apr_array_header_t keys = { .elt_size = sizeof(key), .nelts = 1, .nalloc = 1, .elts = (char *)&key };
static const kiss_jwt_policy policy = { &keys, ISSUER, AUDIENCE, 3600 };

/** The signature of what stands before the second point, computed without the JWT library. */
static const char *signature(const char *text, size_t len, apr_pool_t *p)
{
    unsigned char mac[EVP_MAX_MD_SIZE];
    unsigned int n = 0;

    MUST(HMAC(EVP_sha256(), key.secret, (int)key.len, (const unsigned char *)text, len, mac, &n));
    return kiss_secret_base64url(p, mac, n);
}

static const char *sign(const uint8_t *data, size_t size, apr_pool_t *p)
{
    const uint8_t *end = memchr(data, '\n', size);
    size_t header = end ? (size_t)(end - data) : size, claims = end ? header + 1 : size;
    const char *text = apr_pstrcat(p, kiss_secret_base64url(p, data, header), ".",
                                   kiss_secret_base64url(p, data + claims, size - claims), NULL);

    return apr_pstrcat(p, text, ".", signature(text, strlen(text), p), NULL);
}

/** A token that was accepted: looked at again by the JWT library, whose JSON parser is another one. */
static void check_accepted(const char *token, const char *customer, apr_pool_t *p)
{
    const char *last = strrchr(token, '.');
    char *aud;
    jwt_t *jwt = NULL;

    MUST(strcmp(last + 1, signature(token, (size_t)(last - token), p)) == 0);
    MUST(jwt_decode(&jwt, token, key.secret, (int)key.len) == 0 && jwt_get_alg(jwt) == JWT_ALG_HS256);
    MUST(jwt_get_header(jwt, "kid") && strcmp(jwt_get_header(jwt, "kid"), "k1") == 0);
    MUST(!jwt_get_headers_json(jwt, "crit"));
    MUST(customer && *customer && strcmp(jwt_get_grant(jwt, "sub"), customer) == 0);
    MUST(strcmp(jwt_get_grant(jwt, "client_id"), customer) == 0 && jwt_get_grant(jwt, "jti"));
    MUST(strcmp(jwt_get_grant(jwt, "iss"), ISSUER) == 0);
    MUST(jwt_get_grant_int(jwt, "exp") > NOW - KISS_JWT_LEEWAY);
    MUST(jwt_get_grant_int(jwt, "nbf") <= NOW + KISS_JWT_LEEWAY && jwt_get_grant_int(jwt, "iat") <= NOW + KISS_JWT_LEEWAY);
    aud = jwt_get_grants_json(jwt, "aud");
    MUST(jwt_get_grant(jwt, "aud") ? strcmp(jwt_get_grant(jwt, "aud"), AUDIENCE) == 0
                                   : aud && strstr(aud, "\"" AUDIENCE "\""));
    free(aud);
    jwt_free(jwt);
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
    if (*text && strlen(text) <= 64 && csv_utf8_check(text, strlen(text), NULL) == strlen(text)) {
        check_issued(text, p);
    }
    apr_pool_clear(p);
    return 0;
}
