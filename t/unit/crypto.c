/* SPDX-License-Identifier: Apache-2.0 */
/* Unit test: HMAC-SHA-256 as published, and base64url, which is read strictly. */
#include <string.h>

#include <apr_escape.h>

#include "lib/base/crypto.h"
#include "unit.h"

/** HMAC-SHA-256 of `data`, which is as published. */
static void hmac(const char *key, apr_size_t key_len, const char *data, const char *expected, const char *what)
{
    unsigned char out[KISS_SHA256_LEN];

    ok(kiss_crypto_hmac(out, key, key_len, data, strlen(data)), what);
    is(apr_pescape_hex(pool, out, sizeof(out), 0), expected, what);
}

/** RFC 4231: keys shorter and longer than a block, and what one key leaves behind for the next. */
static void test_hmac(void)
{
    char aa[131];
    int i;

    memset(aa, 0xaa, sizeof(aa));
    for (i = 0; i < 2; i++) {
        hmac("Jefe", 4, "what do ya want for nothing?", "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
             "RFC 4231, case 2");
        hmac(aa, sizeof(aa), "Test Using Larger Than Block-Size Key - Hash Key First",
             "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54", "RFC 4231, case 6");
        hmac("", 0, "", "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad", "neither key nor text");
    }
}

static void test_base64url(void)
{
    unsigned char *bytes;
    apr_size_t n;

    ok(!kiss_crypto_unbase64url(&bytes, &n, "AAB", 3, pool) && !kiss_crypto_unbase64url(&bytes, &n, "A", 1, pool)
       && !kiss_crypto_unbase64url(&bytes, &n, "AA=", 3, pool), "base64url is read strictly");
}

void unit_crypto(void)
{
    test_hmac();
    test_base64url();
}
