/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzz target: base64url, read strictly. OpenSSL writes the same but for two letters of the alphabet, and padding. */
#include <string.h>

#include <openssl/evp.h>

#include "fuzz.h"
#include "lib/base/crypto.h"

static int in_alphabet(const char *text, size_t len)
{
    size_t i;

    for (i = 0; i < len; i++) {
        char c = text[i];

        if (!((c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_')) {
            return 0;
        }
    }
    return 1;
}

/** What OpenSSL's encoder writes, with the other alphabet and without padding. */
static const char *expected(const uint8_t *data, size_t size, apr_pool_t *p)
{
    char *text = apr_pcalloc(p, size * 4 / 3 + 8), *c;

    EVP_EncodeBlock((unsigned char *)text, data, (int)size);
    for (c = text; *c; c++) {
        *c = *c == '+' ? '-' : *c == '/' ? '_' : *c == '=' ? '\0' : *c;
    }
    return text;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    apr_pool_t *p = fuzz_pool();
    const char *text = kiss_crypto_base64url(p, data, size);
    unsigned char *bytes;
    apr_size_t n;

    MUST(strlen(text) == (size * 4 + 2) / 3 && in_alphabet(text, strlen(text)));
    MUST(strcmp(text, expected(data, size, p)) == 0);
    MUST(kiss_crypto_unbase64url(&bytes, &n, text, strlen(text), p));
    MUST(n == size && (n == 0 || memcmp(bytes, data, n) == 0) && bytes[n] == '\0');

    text = (const char *)data;
    if (kiss_crypto_unbase64url(&bytes, &n, text, size, p)) {
        const char *again = kiss_crypto_base64url(p, bytes, n);

        /* There is one text only for the same bytes. */
        MUST(strlen(again) == size && (size == 0 || memcmp(again, text, size) == 0) && bytes[n] == '\0');
    }
    else if (in_alphabet(text, size) && size % 4 != 1) {
        /* Then the last character has bits that stand for nothing: without it, with one less bit, it is read. */
        MUST(size % 4 != 0 && kiss_crypto_unbase64url(&bytes, &n, text, size - size % 4, p));
    }
    apr_pool_clear(p);
    return 0;
}
