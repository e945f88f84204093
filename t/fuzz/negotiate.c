/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzz target: Accept, Accept-Encoding and A-IM as clients may send them. */
#include <string.h>

#include <apr_strings.h>

#include "fuzz.h"
#include "lib/base/negotiate.h"

#define TYPE "text/csv; charset=utf-8; header=present"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    apr_pool_t *p = fuzz_pool();
    const char *header = apr_pstrmemdup(p, (const char *)data, size);
    int any = kiss_negotiate_type(header, TYPE, 0), named = kiss_negotiate_type(header, TYPE, 1);

    MUST(any >= KISS_NEGOTIATE_UNNAMED && any <= 1000);
    /* What is named is more specific than what is not. */
    MUST(named == KISS_NEGOTIATE_UNNAMED || named == any);
    /* Whatever follows a range, it was named. */
    MUST(kiss_negotiate_type(apr_pstrcat(p, "text/csv;q=0.25,", header, NULL), TYPE, 1) != KISS_NEGOTIATE_UNNAMED);
    (void)kiss_negotiate_gzip(header);
    (void)kiss_negotiate_im(header, "sku-delta");
    apr_pool_clear(p);
    return 0;
}
