/* SPDX-License-Identifier: Apache-2.0 */
/**
 * quote - quotes and shortens a value for a message.
 */
#include "lib/base/quote.h"

#include <apr_strings.h>

#define QUOTE_MAX 40

const char *kiss_quote(apr_pool_t *p, const char *text, apr_size_t len)
{
    apr_size_t n = len < QUOTE_MAX ? len : QUOTE_MAX, i;
    char *out;

    while (n < len && n > 0 && ((unsigned char)text[n] & 0xc0) == 0x80) {
        n--;                                /* never half a character */
    }
    out = apr_pstrcat(p, "'", apr_pstrmemdup(p, text, n), n < len ? "..." : "", "'", NULL);
    for (i = 0; out[i]; i++) {
        if ((unsigned char)out[i] < 0x20 || out[i] == 0x7f) {
            out[i] = '?';
        }
    }
    return out;
}
