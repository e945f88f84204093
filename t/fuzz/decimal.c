/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzz target: decimals. Input: digits, scale (a byte each), then the text; the same bytes are values for discounts. */
#include <string.h>

#include "fuzz.h"
#include "lib/base/decimal.h"

/** The grammar of kiss_decimal_parse() once more, and the size of the number without leading and trailing zeros. */
static int is_decimal(const char *s, size_t len, size_t *whole, size_t *decimals)
{
    size_t i = len > 0 && (s[0] == '-' || s[0] == '+') ? 1 : 0, point, end = len;

    *whole = *decimals = 0;
    while (i < len && s[i] == '0') {
        i++;
    }
    for (point = i; point < len && s[point] >= '0' && s[point] <= '9'; point++) {
    }
    *whole = point - i;
    if (point == len) {
        return len > 0 && s[len - 1] >= '0' && s[len - 1] <= '9';
    }
    for (i = point + 1; i < len; i++) {
        if (s[i] < '0' || s[i] > '9') {
            return 0;
        }
    }
    while (end > point + 1 && s[end - 1] == '0') {
        end--;
    }
    *decimals = end - point - 1;
    return s[point] == '.' && point + 1 < len;
}

static void check_format(apr_int64_t value, int scale)
{
    char out[KISS_DECIMAL_TEXT], expected[64];
    apr_uint64_t n = value < 0 ? 0 - (apr_uint64_t)value : (apr_uint64_t)value, unit = 1;
    int i, len;

    memset(out, 'x', sizeof(out));
    for (i = 0; i < scale; i++) {
        unit *= 10;
    }
    if (scale > 0) {
        snprintf(expected, sizeof(expected), "%s%llu.%0*llu", value < 0 ? "-" : "", (unsigned long long)(n / unit),
                 scale < 19 ? scale : 19, (unsigned long long)(n % unit));
    }
    else {
        snprintf(expected, sizeof(expected), "%lld", (long long)value);
    }
    len = kiss_decimal_format(out, value, scale);
    MUST(len > 0 && len < KISS_DECIMAL_TEXT && (size_t)len == strlen(out));
    MUST(strcmp(out, expected) == 0);
}

static void check_parse(const char *text, size_t len, int digits, int scale)
{
    const apr_int64_t untouched = -4711;
    apr_int64_t value = untouched, again = 0, limit = 1;
    size_t whole, decimals;
    char out[KISS_DECIMAL_TEXT];
    kiss_decimal_status status = kiss_decimal_parse(&value, text, len, digits, scale);
    int good = is_decimal(text, len, &whole, &decimals), i;

    MUST(status == KISS_DECIMAL_OK || value == untouched);
    MUST((status == KISS_DECIMAL_SYNTAX) == !good);
    MUST((status == KISS_DECIMAL_RANGE) == (good && whole > (size_t)(digits - scale)));
    MUST((status == KISS_DECIMAL_SCALE) == (good && whole <= (size_t)(digits - scale) && decimals > (size_t)scale));
    if (status != KISS_DECIMAL_OK) {
        return;
    }
    for (i = 0; i < digits; i++) {
        limit *= 10;
    }
    MUST(value < limit && value > -limit);
    MUST(value == 0 || (value < 0) == (text[0] == '-'));
    check_format(value, scale);
    kiss_decimal_format(out, value, scale);
    MUST(kiss_decimal_parse(&again, out, strlen(out), digits, scale) == KISS_DECIMAL_OK && again == value);
}

static void check_discount(apr_int64_t price, apr_int64_t discount)
{
    const __int128 whole = 1000000, product = (__int128)price * (whole - discount);
    const __int128 expected = (product + (price < 0 ? -whole / 2 : whole / 2)) / whole;
    apr_int64_t net = 4711;

    if (kiss_decimal_discount(&net, price, discount) != 0) {
        MUST(net == 4711);
        /* Every DECIMAL(12,4) has room. */
        MUST(discount < 0 || discount > whole || price > 999999999999 || price < -999999999999);
        return;
    }
    MUST(discount >= 0 && discount <= whole && net == expected);
    MUST(price < 0 ? net <= 0 && net >= price : net >= 0 && net <= price);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    apr_int64_t price = 0, discount = 0;
    int digits, scale;

    if (size < 2) {
        return 0;
    }
    digits = data[0] % 18 + 1;
    scale = data[1] % (digits + 1);
    check_parse((const char *)data + 2, size - 2, digits, scale);
    memcpy(&price, data + 2, size - 2 < 8 ? size - 2 : 8);
    if (size > 10) {
        memcpy(&discount, data + 10, size - 10 < 8 ? size - 10 : 8);
    }
    check_format(price, data[1] % 19);
    check_discount(price, discount);
    check_discount(price % 1000000000000, (apr_int64_t)((apr_uint64_t)discount % 1000001));
    return 0;
}
