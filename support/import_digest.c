/* SPDX-License-Identifier: Apache-2.0 */
/**
 * import_digest - sums hashes of rows.
 */
#include "import_digest.h"

#include <string.h>

#include <apr_siphash.h>

void import_digest_start(import_digest *d, const unsigned char key[IMPORT_DIGEST_KEY], apr_pool_t *p)
{
    memset(d, 0, sizeof(*d));
    memcpy(d->key, key, IMPORT_DIGEST_KEY);
    d->pool = p;
}

static void append(import_digest *d, const void *bytes, apr_size_t len)
{
    if (d->size - d->len < len) {
        char *larger;

        d->size = 2 * (d->size + len) + 4096;
        larger = apr_palloc(d->pool, d->size);
        memcpy(larger, d->row ? d->row : "", d->len);
        d->row = larger;
    }
    memcpy(d->row + d->len, bytes, len);
    d->len += len;
}

/** Leaves off what a decimal may be written with or without: zeros at its ends, a point without decimals, a plus. */
static void shorten_decimal(const char **text, apr_size_t *len, int *negative)
{
    const char *t = *text;
    apr_size_t n = *len;

    *negative = n > 0 && *t == '-';
    if (n > 0 && (*t == '-' || *t == '+')) {
        t++;
        n--;
    }
    for (; n > 0 && *t == '0'; t++, n--) {
    }
    if (memchr(t, '.', n)) {
        for (; t[n - 1] == '0'; n--) {
        }
        n -= t[n - 1] == '.';
    }
    *negative = *negative && n > 0;
    *text = t;
    *len = n;
}

void import_digest_value(import_digest *d, const import_column *column, const char *text, apr_size_t len)
{
    struct {
        apr_uint32_t len;
        unsigned char null, negative, zeros[2];
    } head = {0, 0, 0, {0, 0}};
    int negative = 0;

    if (text && column->type == IMPORT_DECIMAL) {
        shorten_decimal(&text, &len, &negative);
    }
    head.len = text ? (apr_uint32_t)len : 0;
    head.null = !text;
    head.negative = (unsigned char)negative;
    append(d, &head, sizeof(head));
    if (text) {
        append(d, text, len);
    }
}

void import_digest_row(import_digest *d)
{
    apr_uint64_t hash = apr_siphash24(d->row, d->len, d->key);

    d->low += hash;
    d->high += d->low < hash;
    d->rows++;
    d->len = 0;
}

int import_digest_same(const import_digest *a, const import_digest *b)
{
    return a->rows == b->rows && a->low == b->low && a->high == b->high;
}
