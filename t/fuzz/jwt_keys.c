/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzz target: the file of token signing keys. */
#include <string.h>

#include <apr_strings.h>

#include "fuzz.h"
#include "lib/base/crypto.h"
#include "lib/credential/jwt_keys.h"

/** A refusal must not repeat what might be a secret: no word of the file with as many characters as 256 bits need. */
static void check_silence(const char *sentence, const char *text, apr_pool_t *p)
{
    char *rest, *word = apr_strtok(apr_pstrdup(p, text), " \t\r\n", &rest);

    for (; word; word = apr_strtok(NULL, " \t\r\n", &rest)) {
        MUST(strlen(word) < 43 || !strstr(sentence, word));
    }
    MUST(strncmp(sentence, "line ", 5) == 0 || strncmp(sentence, "no key in the file", 18) == 0);
}

static void check_key(const apr_array_header_t *keys, const kiss_jwt_key *key)
{
    static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";

    MUST(strlen(key->kid) >= 1 && strlen(key->kid) <= 64 && strspn(key->kid, allowed) == strlen(key->kid));
    MUST(key->len >= 32);
    MUST(kiss_jwt_keys_find(keys, key->kid) == key);           /* no id stands twice */
}

/** The keys, written as a file and read again, are the same. */
static void check_keys(const apr_array_header_t *keys, apr_pool_t *p)
{
    apr_array_header_t *again = NULL;
    const char *file = "";
    int i;

    MUST(keys->nelts > 0);
    for (i = 0; i < keys->nelts; i++) {
        const kiss_jwt_key *key = &APR_ARRAY_IDX(keys, i, kiss_jwt_key);

        check_key(keys, key);
        file = apr_pstrcat(p, file, key->kid, " ", kiss_crypto_base64url(p, key->secret, key->len), "\n", NULL);
    }
    MUST(!kiss_jwt_keys_parse(&again, file, p) && again->nelts == keys->nelts);
    for (i = 0; i < keys->nelts; i++) {
        const kiss_jwt_key *a = &APR_ARRAY_IDX(keys, i, kiss_jwt_key), *b = &APR_ARRAY_IDX(again, i, kiss_jwt_key);

        MUST(strcmp(a->kid, b->kid) == 0 && a->len == b->len && memcmp(a->secret, b->secret, a->len) == 0);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    apr_pool_t *p = fuzz_pool();
    const char *text = apr_pstrmemdup(p, (const char *)data, size), *sentence;
    apr_array_header_t *keys = NULL;

    sentence = kiss_jwt_keys_parse(&keys, text, p);
    if (sentence) {
        check_silence(sentence, text, p);
    }
    else {
        check_keys(keys, p);
    }
    apr_pool_clear(p);
    return 0;
}
