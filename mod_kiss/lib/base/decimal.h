/* SPDX-License-Identifier: Apache-2.0 */
/**
 * decimal - exact decimals as fixed-point integers. Pure: no I/O, no pools, thread-safe.
 *
 * A DECIMAL(digits, scale) of the database is kept as its value times 10^scale in 64 bits. No floating point is involved.
 */
#ifndef KISS_DECIMAL_H
#define KISS_DECIMAL_H

#include <apr.h>

/** Room for any value that kiss_decimal_format() writes, with sign, point and NUL. */
#define KISS_DECIMAL_TEXT 24

/** What kiss_decimal_parse() found. */
typedef enum {
    KISS_DECIMAL_OK = 0,
    KISS_DECIMAL_SYNTAX,        /**< not [+-]digits[.digits] or [+-].digits */
    KISS_DECIMAL_SCALE,         /**< more decimals than `scale`, and not zeros */
    KISS_DECIMAL_RANGE          /**< more digits before the point than digits - scale */
} kiss_decimal_status;

/**
 * Reads a plain decimal ("12", "-0.50", "+7.5", ".5"; no exponent, no blanks, no group signs).
 *
 * @param value  receives text * 10^scale; untouched unless KISS_DECIMAL_OK
 * @param text   `len` bytes, need not end with NUL
 * @param digits total digits as in DECIMAL(digits, scale), at most 18
 * @param scale  digits after the point, 0 to digits
 */
kiss_decimal_status kiss_decimal_parse(apr_int64_t *value, const char *text, apr_size_t len, int digits, int scale);

/**
 * Writes value / 10^scale with exactly `scale` decimals ("19.9500"); with scale 0 no point.
 *
 * @return the number of bytes written, without the NUL
 */
int kiss_decimal_format(char out[KISS_DECIMAL_TEXT], apr_int64_t value, int scale);

/**
 * The price after a discount, rounded half away from zero at the price's own scale (contract, scope rule 4).
 *
 * @param net      receives the result, at the scale of `price`
 * @param price    price * 10^4, from DECIMAL(12,4)
 * @param discount percentage * 10^4, 0 to 1000000 (100 %)
 * @return 0, or -1 when the product does not fit 64 bits or the discount is out of range; `net` is then untouched
 */
int kiss_decimal_discount(apr_int64_t *net, apr_int64_t price, apr_int64_t discount);

#endif
