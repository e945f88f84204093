/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzz target: the credentials of HTTP Basic. The second opinion is OpenSSL's base64 decoder. */
#include <string.h>

#include <apr_strings.h>
#include <openssl/evp.h>

#include "fuzz.h"
#include "lib/base/urlencoded.h"
#include "lib/credential/basic.h"

#define BASE64 "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"

/** What OpenSSL reads of base64, padded where it is not. @return its length, or -1; it skips blanks at both ends */
static int openssl_decode(unsigned char **out, const char *text, apr_pool_t *p)
{
    size_t len = strlen(text), padding = strspn(text + strcspn(text, "="), "=");
    const char *missing = len % 4 == 2 ? "==" : len % 4 == 3 ? "=" : "";
    int n;

    /* OpenSSL takes any = for a letter of no bits, and - for the end. */
    if ((padding && *missing) || padding > 2 || strspn(text, BASE64) + padding != len) {
        return -1;
    }
    text = apr_pstrcat(p, text, missing, NULL);
    *out = apr_pcalloc(p, len + 4);
    n = len == 0 ? 0 : EVP_DecodeBlock(*out, (const unsigned char *)text, (int)strlen(text));
    return n < 0 ? -1 : n - (int)(padding + strlen(missing));
}

/** Decoded without form encoding, it is what OpenSSL reads, up to the first colon and after it. */
static void check_plain(const char *text, apr_pool_t *p)
{
    const char *id = "untouched", *secret = id, *base64 = text + strspn(text, " ");
    int result = kiss_basic_decode(&id, &secret, text, 0, p);
    unsigned char *expected;
    int n;

    MUST(result == 0 || result == -1);
    if (strpbrk(base64, " \t\r\n\f\v")) {
        MUST(result == -1);                 /* OpenSSL would skip some of these */
        return;
    }
    n = openssl_decode(&expected, base64, p);
    if (result == 0) {
        size_t len = strlen(id);

        MUST(!strchr(id, ':') && n >= 0 && (size_t)n == len + 1 + strlen(secret));
        MUST(memcmp(expected, id, len) == 0 && expected[len] == ':');
        MUST(memcmp(expected + len + 1, secret, strlen(secret)) == 0);
    }
    else {
        MUST(strcmp(id, "untouched") == 0 && id == secret);
        MUST(n < 0 || !memchr(expected, ':', (size_t)n) || memchr(expected, '\0', (size_t)n));
    }
}

/** With form encoding, it is the same decoded once more. */
static void check_form(const char *text, apr_pool_t *p)
{
    const char *id, *secret, *raw_id, *raw_secret, *decoded_id, *decoded_secret;

    if (kiss_basic_decode(&raw_id, &raw_secret, text, 0, p) != 0) {
        MUST(kiss_basic_decode(&id, &secret, text, 1, p) == -1);
        return;
    }
    decoded_id = kiss_urlencoded_decode(raw_id, strlen(raw_id), p);
    decoded_secret = kiss_urlencoded_decode(raw_secret, strlen(raw_secret), p);
    if (!decoded_id || !decoded_secret) {
        MUST(kiss_basic_decode(&id, &secret, text, 1, p) == -1);
        return;
    }
    MUST(kiss_basic_decode(&id, &secret, text, 1, p) == 0);
    MUST(strcmp(id, decoded_id) == 0 && strcmp(secret, decoded_secret) == 0);
}

/** What OpenSSL has encoded is read, with its padding and without. */
static void check_encoded(const uint8_t *data, size_t size, apr_pool_t *p)
{
    char *text = apr_pcalloc(p, size * 4 / 3 + 8);
    const char *id, *secret, *colon = memchr(data, ':', size);
    int i;

    EVP_EncodeBlock((unsigned char *)text, data, (int)size);
    for (i = 0; i < 2; i++) {
        int result = kiss_basic_decode(&id, &secret, text, 0, p);

        MUST((result == 0) == (colon && !memchr(data, '\0', size)));
        MUST(result != 0 || (strlen(id) == (size_t)(colon - (const char *)data) && strlen(id) + 1 + strlen(secret) == size));
        text[strcspn(text, "=")] = '\0';
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    apr_pool_t *p = fuzz_pool();
    const char *text = apr_pstrmemdup(p, (const char *)data, size);

    check_plain(text, p);
    check_form(text, p);
    check_encoded(data, size, p);
    apr_pool_clear(p);
    return 0;
}
