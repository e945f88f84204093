/* SPDX-License-Identifier: Apache-2.0 */
/* Unit test: decimals are read strictly, keep their digits, and discounts are rounded half away from zero. */
#include <string.h>

#include <apr_strings.h>

#include "lib/base/decimal.h"
#include "unit.h"

static void decimal(const char *text, kiss_decimal_status expected, const char *formatted)
{
    apr_int64_t v = 0;
    char out[KISS_DECIMAL_TEXT];
    kiss_decimal_status status = kiss_decimal_parse(&v, text, strlen(text), 12, 4);

    ok(status == expected, apr_psprintf(pool, "decimal '%s' is %s", text, formatted));
    if (status == KISS_DECIMAL_OK) {
        kiss_decimal_format(out, v, 4);
        is(out, formatted, "and keeps its digits");
    }
}

static void discount(const char *price, const char *percent, const char *expected)
{
    apr_int64_t p = 0, d = 0, net = 0;
    char out[KISS_DECIMAL_TEXT];

    kiss_decimal_parse(&p, price, strlen(price), 12, 4);
    kiss_decimal_parse(&d, percent, strlen(percent), 7, 4);
    ok(kiss_decimal_discount(&net, p, d) == 0, "a discount can be computed");
    kiss_decimal_format(out, net, 4);
    is(out, expected, apr_psprintf(pool, "%s less %s %%", price, percent));
}

void unit_decimal(void)
{
    apr_int64_t net = 7;

    decimal("19.95", KISS_DECIMAL_OK, "19.9500");
    decimal("0", KISS_DECIMAL_OK, "0.0000");
    decimal("-0.5", KISS_DECIMAL_OK, "-0.5000");
    decimal("-0", KISS_DECIMAL_OK, "0.0000");
    decimal("-0.00000", KISS_DECIMAL_OK, "0.0000");
    decimal("-99999999.9999", KISS_DECIMAL_OK, "-99999999.9999");
    decimal("+7.5", KISS_DECIMAL_OK, "7.5000");
    decimal("00012", KISS_DECIMAL_OK, "12.0000");
    decimal("99999999.9999", KISS_DECIMAL_OK, "99999999.9999");
    decimal("1.10000", KISS_DECIMAL_OK, "1.1000");
    decimal("1.00001", KISS_DECIMAL_SCALE, "too fine");
    decimal("100000000", KISS_DECIMAL_RANGE, "too large");
    decimal("", KISS_DECIMAL_SYNTAX, "empty");
    decimal(".", KISS_DECIMAL_SYNTAX, "a point");
    decimal("1.", KISS_DECIMAL_SYNTAX, "cut");
    decimal("1e3", KISS_DECIMAL_SYNTAX, "an exponent");
    decimal(" 1", KISS_DECIMAL_SYNTAX, "a blank");
    decimal("1,5", KISS_DECIMAL_SYNTAX, "a comma");
    decimal("-", KISS_DECIMAL_SYNTAX, "a sign");
    discount("19.95", "7.5", "18.4538");          /* 18.45375 */
    discount("0.0001", "50", "0.0001");           /* 0.00005: half away from zero */
    discount("0.0001", "50.0001", "0.0000");
    discount("99999999.9999", "0.0001", "99999899.9999");
    discount("10", "100", "0.0000");
    discount("10", "33.3333", "6.6667");
    discount("-0.0001", "50", "-0.0001");         /* -0.00005: half away from zero, below it too */
    discount("-0.0001", "50.0001", "0.0000");     /* no negative zero */
    discount("-19.95", "7.5", "-18.4538");
    discount("-99999999.9999", "0", "-99999999.9999");
    discount("99999999.9999", "100", "0.0000");
    discount("-1.00005", "0", "0.0000");          /* refused by the parser: stays 0 */
    ok(kiss_decimal_discount(&net, APR_INT64_MAX, 0) == -1 && net == 7, "an overflow is noticed");
    ok(kiss_decimal_discount(&net, 1, 1000001) == -1, "so is more than 100 %");
}
