/* SPDX-License-Identifier: Apache-2.0 */
/**
 * decimal - exact decimals: parsing, writing, and the price after a discount.
 */
#include "lib/base/decimal.h"

kiss_decimal_status kiss_decimal_parse(apr_int64_t *value, const char *text, apr_size_t len, int digits, int scale)
{
    const char *end = text + len;
    apr_int64_t n = 0;
    const apr_size_t room = (apr_size_t)(digits - scale);
    apr_size_t whole = 0;
    int negative = 0, seen = 0, decimals = 0, lost = 0;

    if (text < end && (*text == '-' || *text == '+')) {
        negative = (*text++ == '-');
    }
    for (; text < end && *text >= '0' && *text <= '9'; text++, seen = 1) {
        if (whole == 0 && *text == '0') {
            continue;                       /* leading zeros need no digits */
        }
        if (++whole <= room) {
            n = n * 10 + (*text - '0');
        }
    }
    if (text < end && *text == '.') {
        for (text++; text < end && *text >= '0' && *text <= '9'; text++, seen = 2) {
            if (decimals < scale) {
                n = n * 10 + (*text - '0');
                decimals++;
            }
            else if (*text != '0') {
                lost = 1;
            }
        }
        seen = seen == 2;                   /* "1." and "." are not numbers */
    }
    if (text != end || !seen) {
        return KISS_DECIMAL_SYNTAX;
    }
    if (whole > room) {
        return KISS_DECIMAL_RANGE;
    }
    if (lost) {
        return KISS_DECIMAL_SCALE;
    }
    for (; decimals < scale; decimals++) {
        n *= 10;
    }
    *value = negative ? -n : n;
    return KISS_DECIMAL_OK;
}

int kiss_decimal_format(char out[KISS_DECIMAL_TEXT], apr_int64_t value, int scale)
{
    char reversed[KISS_DECIMAL_TEXT];
    /* Negating the smallest number as a signed one would overflow. */
    apr_uint64_t n = value < 0 ? 0 - (apr_uint64_t)value : (apr_uint64_t)value;
    int len = 0, at = 0;

    do {
        reversed[len++] = (char)('0' + n % 10);
        n /= 10;
        if (len == scale) {
            reversed[len++] = '.';
        }
    } while (n > 0 || len <= scale + (scale > 0));
    if (value < 0) {
        out[at++] = '-';
    }
    while (len > 0) {
        out[at++] = reversed[--len];
    }
    out[at] = '\0';
    return at;
}

int kiss_decimal_discount(apr_int64_t *net, apr_int64_t price, apr_int64_t discount)
{
    const apr_int64_t whole = 1000000;      /* 100 % at four decimals */
    apr_int64_t product, half = price < 0 ? -whole / 2 : whole / 2;

    if (discount < 0 || discount > whole
        || __builtin_mul_overflow(price, whole - discount, &product)
        || __builtin_add_overflow(product, half, &product)) {
        return -1;
    }
    *net = product / whole;                 /* C truncates towards zero: half, added before: half away from zero */
    return 0;
}
