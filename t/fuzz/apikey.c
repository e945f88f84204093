/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzz target: API keys as clients may send them, in x-api-key and as client_secret. */
#include <string.h>

#include <apr_strings.h>

#include "fuzz.h"
#include "lib/credential/apikey.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    apr_pool_t *p = fuzz_pool();
    const char *text = apr_pstrmemdup(p, (const char *)data, size), *prefix = kiss_apikey_prefix(text, p);
    unsigned digits = 0;
    int n = 0, read = sscanf(text, "kiss_%8x%n", &digits, &n);

    if (prefix) {
        /* What is logged, and shown to the operator, is eight digits and nothing else. */
        MUST(strlen(prefix) == KISS_APIKEY_PREFIX_LEN && strspn(prefix, "0123456789abcdef") == KISS_APIKEY_PREFIX_LEN);
        MUST(read == 1 && n == 13 && text[n] == '_' && strcmp(prefix, apr_psprintf(p, "%08x", digits)) == 0);
    }
    else {
        MUST(read != 1 || n != 13 || text[n] != '_' || strspn(text + 5, "0123456789abcdef") != KISS_APIKEY_PREFIX_LEN);
    }
    /* Whatever follows: what a key is called does not depend on its secret part. */
    MUST(strcmp(kiss_apikey_prefix(apr_pstrcat(p, "kiss_0123abcd_", text, NULL), p), "0123abcd") == 0);
    apr_pool_clear(p);
    return 0;
}
