/* SPDX-License-Identifier: Apache-2.0 */
/**
 * import_value - checks one cell by the type of its column. Pure.
 */
#include "lib/import/import_value.h"

#include <string.h>

#include <apr_lib.h>
#include <apr_strings.h>

#include "lib/base/date.h"
#include "lib/base/decimal.h"
#include "lib/base/quote.h"
#include "lib/base/utf8.h"
#include "lib/import/import_number.h"
#include "lib/import/import_text.h"

/** The length in bytes of the first `most` characters, or of as many as have `most` bytes. */
static apr_size_t cut_length(const char *text, apr_size_t len, apr_size_t most, int bytes)
{
    apr_size_t i, n = 0, end = 0;

    for (i = 0; i < len; i++) {
        if (((unsigned char)text[i] & 0xc0) != 0x80) {
            end = i;
            if (!bytes && n++ == most) {
                return i;
            }
        }
        if (bytes && i == most) {
            return end;
        }
    }
    return len;
}

/** A text that is too long is refused, or cut if that is wanted and leaves something of use. */
static const char *check_length(import_value *value, const import_column *column, const import_reading *how,
                                apr_pool_t *p)
{
    apr_size_t n = value->len, most = (apr_size_t)column->size;
    int bytes = (column->flags & IMPORT_BYTES) != 0;

    if (value->len <= most) {
        return NULL;                        /* never more characters than bytes */
    }
    if (!bytes) {
        kiss_utf8_check(value->text, value->len, &n);
    }
    if (n <= most) {
        return NULL;
    }
    if (how->cut && column->type == IMPORT_TEXT && !(column->flags & IMPORT_WHOLE)) {
        value->len = cut_length(value->text, value->len, most, bytes);
        if (column->flags & IMPORT_TRIM) {
            import_trim(&value->text, &value->len);
        }
        value->remarks |= 1U << IMPORT_CUT;
        return NULL;
    }
    return apr_psprintf(p, "%" APR_SIZE_T_FMT " %s, at most %d fit", n, bytes ? "bytes" : "characters", column->size);
}

static const char *check_code(import_value *value, const import_column *column, const import_reading *how, apr_pool_t *p)
{
    const char *text = value->text, *inner = text, *hidden, *damage;
    apr_size_t i, len = value->len, inner_len = len;

    if (len == 0) {
        return column->flags & IMPORT_EMPTY ? NULL : "is empty";
    }
    import_trim(&inner, &inner_len);
    if (inner_len < len) {
        return apr_pstrcat(p, kiss_quote(p, text, len), " begins or ends with a blank", NULL);
    }
    for (i = 0; i < len; i++) {
        if ((unsigned char)text[i] < 0x20 || text[i] == 0x7f) {
            return apr_pstrcat(p, kiss_quote(p, text, len), " contains a control character", NULL);
        }
    }
    hidden = column->flags & IMPORT_PHRASE ? NULL : import_hidden_in(text, len);
    if (hidden) {
        return apr_pstrcat(p, kiss_quote(p, text, len), " contains a character that nobody sees: ", hidden, NULL);
    }
    damage = column->flags & IMPORT_PHRASE ? NULL : import_damage(text, len);
    if (damage) {
        return apr_pstrcat(p, kiss_quote(p, text, len), " is ", damage, NULL);
    }
    if (column->flags & IMPORT_GTIN) {
        static const unsigned int remarks[] = {0, 1U << IMPORT_CHECK_DIGIT, 1U << IMPORT_LOST_ZERO};

        value->remarks |= remarks[import_gtin_of(text, len)];
    }
    return check_length(value, column, how, p);
}

/* The database's calendar begins here; an earlier year is one that was written with two digits. */
#define LEAST_YEAR 1000

/** Reads a date or a time. @return NULL or what is wrong; the value is then NULL, or a day that the column takes */
static const char *read_date(kiss_date *date, import_value *value, const import_column *column, const char *text,
                             apr_size_t len, apr_pool_t *p)
{
    kiss_date_status status = kiss_date_parse(date, text, len, 0);
    const char *reason = kiss_date_reason(status);

    if (status == KISS_DATE_OK && date->year < LEAST_YEAR) {
        reason = "lies before the year 1000";
    }
    if (!reason) {
        return NULL;
    }
    import_value_set(value, "1000-01-01", 10);
    value->null = (column->flags & IMPORT_NULL) != 0;
    return len == 0 ? "is empty" : apr_pstrcat(p, kiss_quote(p, text, len), " ", reason, NULL);
}

/** A date; a midnight is the day that was written, in any zone. */
static const char *check_date(import_value *value, const import_column *column, const char *text, apr_size_t len,
                              apr_pool_t *p)
{
    kiss_date date;
    const char *error = read_date(&date, value, column, text, len, p);

    if (error) {
        return error;
    }
    if (!date.midnight) {
        import_value_set(value, "1000-01-01", 10);
        value->null = (column->flags & IMPORT_NULL) != 0;
        return apr_pstrcat(p, kiss_quote(p, text, len), " has a time of day, where only a date fits", NULL);
    }
    import_value_set(value, apr_pstrdup(p, date.written), KISS_DATE_DAY - 1);
    return NULL;
}

static const char *check_time(import_value *value, const import_column *column, const char *text, apr_size_t len,
                              apr_pool_t *p)
{
    kiss_date date;
    const char *error = read_date(&date, value, column, text, len, p);
    char *out;

    if (error) {
        return error;
    }
    out = kiss_date_text(apr_palloc(p, KISS_DATE_TEXT), &date, 3);
    import_value_set(value, out, strlen(out));
    return NULL;
}

static const char *check_word(import_value *value, const import_column *column, const char *text, apr_size_t len,
                              apr_pool_t *p)
{
    const import_word *word;
    const char *list = "";

    for (word = column->words; word->word; word++) {
        if (strlen(word->word) == len && strncasecmp(word->word, text, len) == 0) {
            import_value_set(value, word->stored, strlen(word->stored));
            return NULL;
        }
        list = apr_pstrcat(p, list, *list ? ", " : "", word->word, NULL);
    }
    import_value_set(value, column->words->stored, strlen(column->words->stored));
    return len == 0 ? "is empty" : apr_pstrcat(p, kiss_quote(p, text, len), " is none of ", list, NULL);
}

static const char *check_days(import_value *value, const char *text, apr_size_t len, apr_pool_t *p)
{
    apr_size_t i;

    for (i = 0; i < len; i++) {
        if (i % 2 == 1 ? text[i] != ';' : (text[i] < '1' || text[i] > '7' || (i > 0 && text[i] <= text[i - 2]))) {
            break;
        }
    }
    if (i == len && len % 2 == 1) {
        import_value_set(value, text, len);
        return NULL;
    }
    import_value_set(value, "1", 1);
    return apr_pstrcat(p, kiss_quote(p, text, len), " is not a list of weekdays like 2;4 (1 Monday to 7 Sunday, "
                       "ascending)", NULL);
}

/** ASCII letters as capitals. */
static void to_upper(import_value *value, apr_pool_t *p)
{
    char *out = apr_pstrmemdup(p, value->text, value->len);
    apr_size_t i;

    for (i = 0; i < value->len; i++) {
        out[i] = (char)((unsigned char)out[i] < 0x80 ? apr_toupper(out[i]) : out[i]);
    }
    value->text = out;
}

static const char *check_currency(import_value *value, const char *text, apr_size_t len, apr_pool_t *p)
{
    if (len == 3 && apr_isupper(text[0]) && apr_isupper(text[1]) && apr_isupper(text[2])) {
        import_value_set(value, text, len);
        return NULL;
    }
    import_value_set(value, "XXX", 3);
    return len == 0 ? "is empty" : apr_pstrcat(p, kiss_quote(p, text, len), " is not a currency like EUR", NULL);
}

/** Whether blanks at the ends are taken off: of a text only when it is a code or a word, of a key never. */
static int is_trimmed(const import_column *column)
{
    return (column->type != IMPORT_TEXT && column->type != IMPORT_CODE) || (column->flags & IMPORT_TRIM);
}

/** A text or a code, in `value`. */
static const char *check_text(import_value *value, const import_column *column, const import_reading *how, apr_pool_t *p)
{
    const char *error;

    if (column->flags & IMPORT_UPPER) {
        to_upper(value, p);
    }
    error = column->type == IMPORT_CODE ? check_code(value, column, how, p) : check_length(value, column, how, p);
    if (error) {
        import_value_set(value, "", 0);
        value->null = (column->flags & IMPORT_NULL) != 0;
    }
    if (column->type == IMPORT_TEXT && value->len > 0 && strchr("#EF", *value->text)
        && import_is_error_value(value->text, value->len)) {
        value->remarks |= 1U << IMPORT_ERROR_VALUE;
    }
    return error;
}

/** An empty cell, or one of blanks only. @return 1 when that settles it */
static int check_empty(import_value *value, const import_column *column, const char **error, apr_pool_t *p)
{
    *error = NULL;
    if (column->type == IMPORT_DECIMAL && (column->flags & IMPORT_AMOUNT)) {
        import_value_set(value, "0", 1);
        *error = column->flags & IMPORT_PRICE ? "is empty: write 0 if it costs nothing"
            : "is empty: write 0 if nothing is to be paid";
        return 1;
    }
    if (column->flags & IMPORT_NULL) {
        value->null = 1;
        return 1;
    }
    if (column->flags & IMPORT_OPTIONAL) {
        value->fallback = 1;
        return 1;
    }
    if (column->type == IMPORT_DECIMAL) {
        /* With the digits of the column: it is compared as text with what the database has. */
        char *zero = apr_palloc(p, KISS_DECIMAL_TEXT);

        import_value_set(value, zero, (apr_size_t)kiss_decimal_format(zero, 0, column->scale));
        return 1;
    }
    return 0;
}

const char *import_value_check(import_value *value, const import_column *column, const import_reading *how,
                               const char *text, apr_size_t len, apr_pool_t *p)
{
    const char *error;

    if (is_trimmed(column)) {
        import_trim(&text, &len);
    }
    import_value_set(value, text, len);
    if (len == 0 && check_empty(value, column, &error, p)) {
        return error;
    }
    switch (column->type) {
    case IMPORT_DECIMAL:
        return import_decimal_check(value, column, how, text, len, p);
    case IMPORT_FLAG:
        return import_flag_check(value, column, text, len, p);
    case IMPORT_DATE:
        return check_date(value, column, text, len, p);
    case IMPORT_CURRENCY:
        return check_currency(value, text, len, p);
    case IMPORT_INT:
        return import_int_check(value, column, text, len, p);
    case IMPORT_TIME:
        return check_time(value, column, text, len, p);
    case IMPORT_WORD:
        return check_word(value, column, text, len, p);
    case IMPORT_DAYS:
        return check_days(value, text, len, p);
    case IMPORT_CODE:
    case IMPORT_TEXT:
    default:
        return check_text(value, column, how, p);
    }
}
