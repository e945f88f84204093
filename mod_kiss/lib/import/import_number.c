/* SPDX-License-Identifier: Apache-2.0 */
/**
 * import_number - checks cells that hold a decimal, a whole number or a flag. Pure.
 *
 * Decimals have a point, or a comma where cells are separated by something else. Thousands are never separated. What could
 * be read both ways (1.200) is read as a decimal and remarked, so that the whole file can judge it (import_remark.c).
 */
#include "lib/import/import_number.h"

#include <string.h>

#include <apr_lib.h>
#include <apr_strings.h>

#include "lib/base/decimal.h"
#include "lib/base/quote.h"

/** The order of the separators of a number: its import_remark, or IMPORT_REMARKS when there is none. */
static import_remark shape_of(const char *text, apr_size_t len)
{
    apr_size_t i, points = 0, commas = 0, before = 0, after = 0;
    int zero;

    if (len > 0 && (*text == '-' || *text == '+')) {
        text++;
        len--;
    }
    zero = len > 0 && *text == '0';
    for (i = 0; i < len; i++) {
        if (text[i] == '.' || text[i] == ',') {
            points += text[i] == '.';
            commas += text[i] == ',';
            before = points + commas == 1 ? i : before;
            after = 0;
        }
        else if (apr_isdigit(text[i])) {
            after++;
        }
        else {
            return IMPORT_REMARKS;
        }
    }
    if (points + commas == 0 || after == 0) {
        return IMPORT_REMARKS;
    }
    if (points + commas > 1) {
        return IMPORT_THOUSANDS;
    }
    if (after == 3 && before >= 1 && before <= 3 && !zero) {
        return points ? IMPORT_MAYBE_POINT : IMPORT_MAYBE_COMMA;
    }
    return points ? IMPORT_POINT : IMPORT_COMMA;
}

/** What is wrong with a decimal; `rc` as kiss_decimal_parse() found it. */
static const char *decimal_fault(const import_column *column, const import_value *value, int rc, const char *text,
                                 apr_size_t len, apr_pool_t *p)
{
    const char *quoted = kiss_quote(p, text, len);

    switch (rc) {
    case KISS_DECIMAL_OK:
        return apr_pstrcat(p, quoted, " is negative", NULL);
    case KISS_DECIMAL_SCALE:
        return apr_psprintf(p, "%s has more than %d decimals", quoted, column->scale);
    case KISS_DECIMAL_RANGE:
        return apr_psprintf(p, "%s is too large: %d digits before the point fit", quoted, column->size - column->scale);
    case KISS_DECIMAL_SYNTAX:
    default:
        return apr_pstrcat(p, quoted, " is not a number like 1234.56",
                           value->remarks & 1U << IMPORT_THOUSANDS ? ": write it without separating the thousands"
                           : value->remarks & (1U << IMPORT_COMMA | 1U << IMPORT_MAYBE_COMMA)
                           ? ": a decimal comma is read in files with semicolons only" : "", NULL);
    }
}

/** The value to `scale` decimals, half away from zero, of a text that has more. @return as kiss_decimal_parse() */
static int parse_rounded(apr_int64_t *n, const import_column *column, const char *text, apr_size_t len)
{
    const char *point = memchr(text, '.', len);
    apr_size_t kept = (apr_size_t)(point - text) + (column->scale > 0 ? 1 + (apr_size_t)column->scale : 0);
    apr_size_t next = (apr_size_t)(point - text) + 1 + (apr_size_t)column->scale;
    apr_int64_t most = 1;
    int i, rc;

    /* ".5" to no decimals has nothing before its point. */
    if (kept == 0 || (kept == 1 && !apr_isdigit(*text))) {
        *n = 0;
        rc = KISS_DECIMAL_OK;
    }
    else {
        rc = kiss_decimal_parse(n, text, kept, column->size, column->scale);
    }
    if (rc == KISS_DECIMAL_OK && text[next] >= '5') {
        *n += *text == '-' ? -1 : 1;
        for (i = 0; i < column->size; i++) {
            most *= 10;
        }
        rc = *n < most && *n > -most ? KISS_DECIMAL_OK : KISS_DECIMAL_RANGE;
    }
    return rc;
}

/** Reads the number, its comma as a point where that is allowed. @return as kiss_decimal_parse() */
static int parse_decimal(apr_int64_t *n, import_value *value, const import_column *column, const import_reading *how,
                         const char *text, apr_size_t len, apr_pool_t *p)
{
    import_remark shape = shape_of(text, len);
    int rc;

    if (shape != IMPORT_REMARKS) {
        value->remarks |= 1U << shape;
    }
    if (how->comma && (shape == IMPORT_COMMA || shape == IMPORT_MAYBE_COMMA)) {
        char *copy = apr_pstrmemdup(p, text, len);

        *strchr(copy, ',') = '.';
        text = copy;
    }
    rc = kiss_decimal_parse(n, text, len, column->size, column->scale);
    if (rc == KISS_DECIMAL_SCALE && (column->flags & IMPORT_ROUND)) {
        value->remarks |= 1U << IMPORT_ROUNDED;
        return parse_rounded(n, column, text, len);
    }
    return rc;
}

const char *import_decimal_check(import_value *value, const import_column *column, const import_reading *how,
                                 const char *text, apr_size_t len, apr_pool_t *p)
{
    apr_int64_t n, unit = 1;
    apr_size_t digits = len;
    char *out;
    int i, rc;

    import_value_set(value, "0", 1);
    if (column->most == 100 && len > 1 && text[len - 1] == '%') {
        for (digits--; digits > 1 && text[digits - 1] == ' '; digits--) {
        }
    }
    rc = parse_decimal(&n, value, column, how, text, digits, p);
    if (rc != KISS_DECIMAL_OK || (n < 0 && !(column->flags & IMPORT_SIGNED))) {
        return decimal_fault(column, value, rc, text, len, p);
    }
    for (i = 0; i < column->scale; i++) {
        unit *= 10;
    }
    if (column->most && n > column->most * unit) {
        return apr_psprintf(p, "%s is more than %d", kiss_quote(p, text, len), column->most);
    }
    value->remarks |= n == 0 && (column->flags & IMPORT_PRICE) ? 1U << IMPORT_ZERO : 0;
    value->remarks |= n > 0 && n < unit && column->most == 100 && digits == len ? 1U << IMPORT_SMALL : 0;
    out = apr_palloc(p, KISS_DECIMAL_TEXT);
    value->text = out;
    value->len = (apr_size_t)kiss_decimal_format(out, n, column->scale);
    return NULL;
}

const char *import_int_check(import_value *value, const import_column *column, const char *text, apr_size_t len,
                             apr_pool_t *p)
{
    const apr_int64_t most = column->size == 4 ? APR_INT32_MAX : 999999999999999999;
    apr_int64_t n;
    int rc = kiss_decimal_parse(&n, text, len, 18, 0);

    if (rc == KISS_DECIMAL_OK && n >= -most && n <= most) {
        char *out = apr_palloc(p, KISS_DECIMAL_TEXT);
        import_value_set(value, out, (apr_size_t)kiss_decimal_format(out, n, 0));
        return NULL;
    }
    /* Nothing is looked up for a number that is not known. */
    import_value_set(value, "0", 1);
    value->null = column->parent || (column->flags & IMPORT_NULL);
    if (len == 0) {
        return "is empty";
    }
    if (rc == KISS_DECIMAL_OK || rc == KISS_DECIMAL_RANGE) {
        return apr_psprintf(p, "%s is too large: at most %" APR_INT64_T_FMT " fits", kiss_quote(p, text, len), most);
    }
    return apr_pstrcat(p, kiss_quote(p, text, len), " is not a whole number", NULL);
}

const char *import_flag_check(import_value *value, const import_column *column, const char *text, apr_size_t len,
                              apr_pool_t *p)
{
    /* What spreadsheets show in English, German, Dutch, French, Spanish, Italian and Portuguese, and what people write. */
    static const char *const no[] = {"0", "false", "no", "n", "f", "off", "falsch", "nein", "onwaar", "nee", "faux", "non",
                                     "falso", NULL};
    static const char *const yes[] = {"1", "true", "yes", "y", "t", "on", "wahr", "ja", "j", "waar", "vrai", "oui",
                                      "verdadero", "si", "s\xc3\xad", "vero", "verdadeiro", "sim", NULL};
    int not = (column->flags & IMPORT_NOT) != 0, on;
    const char *const *word;

    import_value_set(value, not ? "1" : "0", 1);
    for (on = 0; len > 0 && on <= 1; on++) {
        for (word = on ? yes : no; *word; word++) {
            if (strlen(*word) == len && strncasecmp(*word, text, len) == 0) {
                import_value_set(value, on != not ? "1" : "0", 1);
                return NULL;
            }
        }
    }
    return len == 0 ? NULL : apr_pstrcat(p, kiss_quote(p, text, len), " is neither 0 nor 1 (nor true, false, yes, no)",
                                         NULL);
}
