/* SPDX-License-Identifier: Apache-2.0 */
/**
 * basic - strict base64, a colon, and form-encoded texts.
 */
#include "lib/credential/basic.h"

#include <apr_base64.h>
#include <apr_strings.h>

#include <string.h>

#include "lib/base/urlencoded.h"

#define BASE64 "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"

/** 1 for base64 with or without its padding, and nothing after it: the decoder would silently stop there. */
static int is_base64(const char *text)
{
    apr_size_t n = strspn(text, BASE64), padding = strspn(text + n, "=");

    return text[n + padding] == '\0' && n % 4 != 1 && (padding == 0 || (padding <= 2 && (n + padding) % 4 == 0));
}

int kiss_basic_decode(const char **id, const char **secret, const char *text, int form, apr_pool_t *p)
{
    const char *first, *second;
    char *decoded, *colon;
    int n;

    text += strspn(text, " ");
    if (!is_base64(text)) {             /* or a second header, joined by a comma */
        return -1;
    }
    decoded = apr_palloc(p, (apr_size_t)apr_base64_decode_len(text) + 1);
    n = apr_base64_decode(decoded, text);
    decoded[n] = '\0';
    colon = memchr(decoded, ':', (apr_size_t)n);
    if (!colon || strlen(decoded) != (apr_size_t)n) {
        return -1;
    }
    *colon = '\0';
    first = form ? kiss_urlencoded_decode(decoded, strlen(decoded), p) : decoded;
    second = form ? kiss_urlencoded_decode(colon + 1, strlen(colon + 1), p) : colon + 1;
    if (!first || !second) {
        return -1;
    }
    *id = first;
    *secret = second;
    return 0;
}
