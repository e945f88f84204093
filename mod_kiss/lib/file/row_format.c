/* SPDX-License-Identifier: Apache-2.0 */
/**
 * row_format - the formats of lists: separators, and where the SKU of a row is.
 */
#include "lib/file/row_format.h"

#include <string.h>

#include <apr_strings.h>

#include "lib/base/json_text.h"

static const char sku_member[] = "\"SKU\":\"";

/* --- JSON --- */

static int json_key_at(kiss_value *key, const char *at, const char *end)
{
    const char *quote = at < end ? memchr(at, '"', (apr_size_t)(end - at)) : NULL;

    key->data = at;
    if (quote && !memchr(at, '\\', (apr_size_t)(quote - at))) {
        at = quote;                     /* nearly always: faster than byte by byte */
    }
    while (at < end && *at != '"') {
        at += *at == '\\' ? 2 : 1;
    }
    key->len = (apr_size_t)(at - key->data);
    return at < end ? 0 : -1;
}

/* Quotes within values are escaped: this text occurs only at the member itself. */
static int json_find_key(kiss_value *key, const char *row, const char *end)
{
    const char *at = row;

    while ((at = memchr(at, '"', (apr_size_t)(end - at)))
           && ((apr_size_t)(end - at) < sizeof(sku_member) || memcmp(at, sku_member, sizeof(sku_member) - 1) != 0)) {
        at++;
    }
    return at ? json_key_at(key, at + sizeof(sku_member) - 1, end) : -1;
}

static int json_plain_key(kiss_value *key, char buffer[KISS_ROWS_KEY], const kiss_value *written)
{
    const char *at = written->data, *end = at + written->len;
    apr_size_t n;

    *key = *written;
    if (!memchr(at, '\\', written->len)) {
        return 0;
    }
    for (n = 0; at && at < end && n < KISS_ROWS_KEY; n++) {
        buffer[n] = *at;
        at = *at == '\\' ? kiss_json_text_unescape(&buffer[n], at, end) : at + 1;
    }
    key->data = buffer;
    key->len = n;
    return at == end ? 0 : -1;
}

#define LENGTHS(begin, separator, end) sizeof(begin) - 1, sizeof(separator) - 1, sizeof(end) - 1

const kiss_row_format kiss_row_format_json = {
    "[", ",\n", "]", "[]", LENGTHS("[", ",\n", "]"), '{', '}', 0, json_find_key, json_key_at, json_plain_key
};

const kiss_row_format kiss_row_format_ndjson = {
    "", "\n", "\n", "", LENGTHS("", "\n", "\n"), '{', '}', 0, json_find_key, json_key_at, json_plain_key
};

/* --- CSV --- */

static int csv_find_key(kiss_value *key, const char *row, const char *end)
{
    const char *at = row;

    if (at < end && *at == '"') {
        key->data = ++at;
        while (at < end && (*at != '"' || (at + 1 < end && at[1] == '"'))) {
            at += *at == '"' ? 2 : 1;
        }
    }
    else {
        key->data = at;
        while (at < end && *at != ',' && *at != '\n') {
            at++;
        }
    }
    key->len = (apr_size_t)(at - key->data);
    return at < end && (*at == '"' || *at == ',') ? 0 : -1;
}

static int csv_plain_key(kiss_value *key, char buffer[KISS_ROWS_KEY], const kiss_value *written)
{
    const char *at = written->data, *end = at + written->len;
    apr_size_t n;

    *key = *written;
    if (!memchr(at, '"', written->len)) {
        return 0;
    }
    for (n = 0; at < end && n < KISS_ROWS_KEY; n++) {
        buffer[n] = *at;
        if (*at == '"' && (at + 1 == end || *++at != '"')) {
            return -1;
        }
        at++;
    }
    key->data = buffer;
    key->len = n;
    return at == end ? 0 : -1;
}

const kiss_row_format *kiss_row_format_csv(const char *header, apr_pool_t *p)
{
    kiss_row_format *f = apr_pcalloc(p, sizeof(*f));

    f->begin = f->empty = apr_pstrcat(p, header, "\r\n", NULL);
    f->begin_len = strlen(f->begin);
    f->separator = f->end = "\r\n";
    f->separator_len = f->end_len = strlen(f->end);
    f->has_feeds = 1;
    f->find_key = csv_find_key;
    f->plain_key = csv_plain_key;
    return f;
}

/* --- rows --- */

const char *kiss_row_format_feed(const kiss_row_format *f, const char *at, const char *end)
{
    const char *feed = at < end ? memchr(at, '\n', (apr_size_t)(end - at)) : NULL;

    while (feed && f->has_feeds && (feed == at || feed[-1] != *f->separator)) {
        feed++;
        feed = feed < end ? memchr(feed, '\n', (apr_size_t)(end - feed)) : NULL;
    }
    return feed;
}

const char *kiss_row_format_last(const kiss_row_format *f, const char *from, const char *end)
{
    const char *feed = end > from ? memrchr(from, '\n', (apr_size_t)(end - from)) : NULL;

    while (feed && f->has_feeds && (feed == from || feed[-1] != *f->separator)) {
        feed = feed > from ? memrchr(from, '\n', (apr_size_t)(feed - from)) : NULL;
    }
    return feed ? feed + 1 : from;
}
