/* SPDX-License-Identifier: Apache-2.0 */
/**
 * urlencoded - decodes application/x-www-form-urlencoded.
 */
#include "lib/base/urlencoded.h"

#include <string.h>

#include <apr_lib.h>

#define MAX_FIELDS 32

static int hex_digit(char c)
{
    return c >= '0' && c <= '9' ? c - '0'
         : c >= 'a' && c <= 'f' ? c - 'a' + 10
         : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

char *kiss_urlencoded_decode(const char *text, apr_size_t len, apr_pool_t *p)
{
    char *out = apr_palloc(p, len + 1), *to = out;
    apr_size_t i;

    for (i = 0; i < len; i++) {
        char c = text[i];

        if (c == '+') {
            c = ' ';
        }
        else if (c == '%') {
            int high = i + 2 < len ? hex_digit(text[i + 1]) : -1;
            int low = i + 2 < len ? hex_digit(text[i + 2]) : -1;

            if (high < 0 || low < 0) {
                return NULL;
            }
            c = (char)(high << 4 | low);
            i += 2;
        }
        if (c == '\0') {
            return NULL;
        }
        *to++ = c;
    }
    *to = '\0';
    return out;
}

const char *kiss_urlencoded_get(const apr_table_t *fields, const char *name)
{
    const apr_array_header_t *all = apr_table_elts(fields);
    int i;

    for (i = 0; i < all->nelts; i++) {
        const apr_table_entry_t *e = &APR_ARRAY_IDX(all, i, apr_table_entry_t);

        if (strcmp(e->key, name) == 0) {
            return e->val;
        }
    }
    return NULL;
}

kiss_urlencoded_status kiss_urlencoded_parse(apr_table_t **fields, const char *body, apr_size_t len, apr_pool_t *p)
{
    const char *end = body + len;
    apr_table_t *seen = apr_table_make(p, 8);
    int n = 0;

    *fields = apr_table_make(p, 8);
    while (body < end) {
        const char *stop = memchr(body, '&', (apr_size_t)(end - body)), *equals;
        char *name, *value;

        stop = stop ? stop : end;
        equals = memchr(body, '=', (apr_size_t)(stop - body));
        equals = equals ? equals : stop;
        if (stop > body) {
            name = kiss_urlencoded_decode(body, (apr_size_t)(equals - body), p);
            value = equals < stop ? kiss_urlencoded_decode(equals + 1, (apr_size_t)(stop - equals - 1), p) : "";
            if (!name || !value) {
                return KISS_URLENCODED_ENCODING;
            }
            if (kiss_urlencoded_get(seen, name)) {
                return KISS_URLENCODED_REPEATED;
            }
            if (++n > MAX_FIELDS) {
                return KISS_URLENCODED_TOO_MANY;
            }
            apr_table_addn(seen, name, value);
            if (*value) {
                apr_table_addn(*fields, name, value);
            }
        }
        body = stop + 1;
    }
    return KISS_URLENCODED_OK;
}
