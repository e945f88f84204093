/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzz target: If-None-Match, If-Match and their entity tags. A list that is strictly one is read by another parser, too. */
#include <string.h>

#include <apr_strings.h>

#include "fuzz.h"
#include "lib/base/etag.h"

#define WORD "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-"

/** Reads an entity tag as RFC 9110 section 8.8.3 writes it. @return what follows, or NULL */
static const char *strict_tag(kiss_etag *tag, const char *at)
{
    tag->weak = strncmp(at, "W/", 2) == 0;
    at += tag->weak ? 2 : 0;
    if (*at != '"') {
        return NULL;
    }
    tag->opaque = ++at;
    while ((unsigned char)*at >= 0x21 && *at != '"' && *at != 0x7f) {
        at++;
    }
    tag->len = (size_t)(at - tag->opaque);
    return *at == '"' ? at + 1 : NULL;
}

/** Compares the tags of a strict list, `#entity-tag` with empty elements, with those that are found. */
static void check_strict(const char *header)
{
    const char *at = header, *found = header;
    kiss_etag expected, tag;

    for (;;) {
        at += strspn(at, " \t,");
        if (!*at || !(at = strict_tag(&expected, at)) || !strchr(" \t,", *at)) {
            return;                     /* at its end, or not strict from here on */
        }
        MUST(kiss_etag_next(&tag, &found));
        MUST(tag.weak == expected.weak && tag.opaque == expected.opaque && tag.len == expected.len);
        at += strspn(at, " \t");
        if (*at && *at != ',') {
            return;
        }
    }
}

/** What is found in any header: within it, each after the one before; what identifies a content of ours names a file. */
static void check_any(const char *header, apr_pool_t *p)
{
    const char *at = header, *last = header;
    kiss_etag tag;

    while (kiss_etag_next(&tag, &at)) {
        const char *opaque = apr_pstrmemdup(p, tag.opaque, tag.len), *bare;
        size_t n = kiss_etag_bare(&tag, KISS_ETAG_LEN);

        MUST(tag.opaque > last && tag.opaque + tag.len < at && at <= header + strlen(header));
        MUST(tag.opaque[-1] == '"' && tag.opaque[tag.len] == '"' && !strchr(opaque, '"'));
        MUST(!tag.weak || (tag.opaque[-3] == 'W' && tag.opaque[-2] == '/'));
        MUST(kiss_etag_is(&tag, opaque) == !tag.weak);
        MUST(n == 0 || (n == KISS_ETAG_LEN && strspn(opaque, WORD) >= n && strlen(opaque) <= n + 18));
        bare = apr_pstrmemdup(p, opaque, n);
        MUST(n == 0 || kiss_etag_stands_for(&tag, bare));
        MUST(n == 0 || !kiss_etag_stands_for(&tag, apr_pstrcat(p, *bare == 'x' ? "y" : "x", bare + 1, NULL)));
        last = at - 1;
    }
    MUST(at == NULL && !kiss_etag_next(&tag, &at));
    MUST(!kiss_etag_is_any(header) || (strchr(header, '*') && strspn(header, "* \t") == strlen(header)));
}

/** A tag of ours is found after any header, as it is and with the suffix of a coding, weak or not. */
static void check_ours(const char *header, apr_pool_t *p)
{
    const char *ours = kiss_etag_make(header, p), *suffix[] = { "", "-gzip", "--br", "-gzip01234567" };
    int i, found, quotes = 0;
    const char *c;
    kiss_etag tag;

    for (c = header; *c; c++) {
        quotes += *c == '"';
    }
    MUST(strlen(ours) == KISS_ETAG_LEN && strspn(ours, WORD) == KISS_ETAG_LEN);
    for (i = 0; i < 8; i++) {
        const char *list = apr_pstrcat(p, header, quotes % 2 ? "\"," : ",", i & 1 ? "W/\"" : "\"", ours, suffix[i / 2], "\"",
                                       NULL);

        for (found = 0; kiss_etag_next(&tag, &list); ) {
            found = kiss_etag_stands_for(&tag, ours);
        }
        MUST(found);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    apr_pool_t *p = fuzz_pool();
    const char *header = apr_pstrmemdup(p, (const char *)data, size);

    check_strict(header);
    check_any(header, p);
    check_ours(header, p);
    apr_pool_clear(p);
    return 0;
}
