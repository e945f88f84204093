/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzz target: form bodies. The second opinion is APR's decoder of URLs. */
#include <string.h>

#include <apr_escape.h>
#include <apr_lib.h>
#include <apr_strings.h>

#include "fuzz.h"
#include "lib/base/urlencoded.h"

#define MOST 32

/** 1 when every % of the body begins an escape of a byte that is not NUL, and no NUL stands as it is. */
static int is_encoded(const uint8_t *s, size_t len)
{
    size_t i;

    for (i = 0; i < len; i++) {
        if (s[i] == '\0') {
            return 0;
        }
        if (s[i] == '%') {
            if (len - i < 3 || !apr_isxdigit(s[i + 1]) || !apr_isxdigit(s[i + 2])
                || (s[i + 1] == '0' && s[i + 2] == '0')) {
                return 0;
            }
            i += 2;
        }
    }
    return 1;
}

/** How many parameters there are, empty ones included. */
static int parts_of(const uint8_t *s, size_t len)
{
    size_t i;
    int n = 0;

    for (i = 0; i < len; i++) {
        n += s[i] != '&' && (i == 0 || s[i - 1] == '&');
    }
    return n;
}

static const char *encode(const char *text, apr_pool_t *p)
{
    char *out = apr_palloc(p, strlen(text) * 3 + 1), *to = out;

    for (; *text; text++) {
        to += sprintf(to, apr_isalnum(*text) ? "%c" : "%%%02x", (unsigned char)*text);
    }
    *to = '\0';
    return out;
}

/** The fields, written again and read again, are the same. */
static void check_again(const apr_table_t *fields, apr_pool_t *p)
{
    const apr_array_header_t *all = apr_table_elts(fields), *second;
    const char *body = "";
    apr_table_t *again;
    int i;

    for (i = 0; i < all->nelts; i++) {
        const apr_table_entry_t *e = &APR_ARRAY_IDX(all, i, apr_table_entry_t);

        body = apr_pstrcat(p, body, i ? "&" : "", encode(e->key, p), "=", encode(e->val, p), NULL);
    }
    MUST(kiss_urlencoded_parse(&again, body, strlen(body), p) == KISS_URLENCODED_OK);
    second = apr_table_elts(again);
    MUST(second->nelts == all->nelts);
    for (i = 0; i < all->nelts; i++) {
        const apr_table_entry_t *a = &APR_ARRAY_IDX(all, i, apr_table_entry_t);
        const apr_table_entry_t *b = &APR_ARRAY_IDX(second, i, apr_table_entry_t);

        MUST(strcmp(a->key, b->key) == 0 && strcmp(a->val, b->val) == 0);
        MUST(*a->val != '\0');                                  /* without a value it would be left out */
        MUST(kiss_urlencoded_get(fields, a->key) == a->val);          /* no name stands twice */
    }
}

/** What is decoded is what APR decodes, which takes a text with a NUL at its end and refuses an escaped one, too. */
static void check_decoded(const char *text, const char *body, size_t size, apr_pool_t *p)
{
    char *other = apr_pcalloc(p, size + 1);
    apr_size_t len = 0;

    if (memchr(body, '\0', size)) {
        MUST(!text);
        return;
    }
    if (apr_unescape_url(other, apr_pstrmemdup(p, body, size), (apr_ssize_t)size, NULL, NULL, 1, &len) == APR_SUCCESS) {
        MUST(text && strcmp(text, other) == 0);
    }
    else {
        MUST(!text || !strpbrk(apr_pstrmemdup(p, body, size), "%+"));       /* nothing to decode is no success */
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    apr_pool_t *p = fuzz_pool();
    const char *body = (const char *)data, *text = kiss_urlencoded_decode(body, size, p);
    const int parts = parts_of(data, size);
    apr_table_t *fields;

    MUST((text != NULL) == is_encoded(data, size));
    check_decoded(text, body, size, p);
    MUST(!text || strlen(text) <= size);
    MUST(!text || strcmp(kiss_urlencoded_decode(encode(text, p), strlen(encode(text, p)), p), text) == 0);
    switch (kiss_urlencoded_parse(&fields, body, size, p)) {
    case KISS_URLENCODED_OK:
        MUST(is_encoded(data, size) && parts <= MOST);
        MUST(apr_table_elts(fields)->nelts <= parts);
        check_again(fields, p);
        break;
    case KISS_URLENCODED_ENCODING:
        MUST(!is_encoded(data, size));
        break;
    case KISS_URLENCODED_REPEATED:
        MUST(parts >= 2);
        break;
    case KISS_URLENCODED_TOO_MANY:
        MUST(parts > MOST);
        break;
    }
    apr_pool_clear(p);
    return 0;
}
