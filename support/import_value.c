/**
 * import_value - checks one cell. Pure.
 */
#include "import_table.h"

#include <string.h>

#include <apr_lib.h>
#include <apr_strings.h>

#include "ctl_out.h"
#include "kiss_date.h"
#include "kiss_decimal.h"

static void set(import_value *value, const char *text, apr_size_t len)
{
    value->text = text;
    value->len = len;
    value->null = 0;
    value->fallback = 0;
}

static const char *check_length(const import_column *column, const char *text, apr_size_t len, apr_pool_t *p)
{
    apr_size_t n = len, most = (apr_size_t)column->size;

    if (len <= most) {
        return NULL;                        /* never more characters than bytes */
    }
    if (!(column->flags & IMPORT_BYTES)) {
        csv_utf8_check(text, len, &n);
    }
    return n <= most ? NULL : apr_psprintf(p, "%" APR_SIZE_T_FMT " %s, at most %d fit", n,
                                           column->flags & IMPORT_BYTES ? "bytes" : "characters", column->size);
}

/** Bytes of a blank at `s`: ASCII blanks, the no-break space, the byte order mark. 0: none */
static apr_size_t blank_at(const char *s, apr_size_t len)
{
    if (len >= 1 && (*s == ' ' || *s == '\t' || *s == '\r' || *s == '\n')) {
        return 1;
    }
    if (len >= 2 && memcmp(s, "\xc2\xa0", 2) == 0) {
        return 2;
    }
    return len >= 3 && memcmp(s, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;
}

static const char *check_code(const import_column *column, const char *text, apr_size_t len, apr_pool_t *p)
{
    apr_size_t i;

    if (len == 0) {
        return "is empty";
    }
    if (blank_at(text, len) || blank_at(text + len - 1, 1) || (len >= 2 && blank_at(text + len - 2, 2) == 2)
        || (len >= 3 && blank_at(text + len - 3, 3) == 3)) {
        return apr_pstrcat(p, ctl_out_quote(p, text, len), " begins or ends with a blank", NULL);
    }
    for (i = 0; i < len; i++) {
        if ((unsigned char)text[i] < 0x20 || text[i] == 0x7f) {
            return apr_pstrcat(p, ctl_out_quote(p, text, len), " contains a control character", NULL);
        }
    }
    return check_length(column, text, len, p);
}

static const char *check_decimal(import_value *value, const import_column *column, const char *text, apr_size_t len,
                                 apr_pool_t *p)
{
    apr_int64_t n, unit = 1;
    const char *quoted;
    char *out;
    int i, rc;

    set(value, "0", 1);
    if (len == 0) {
        return NULL;
    }
    rc = kiss_decimal_parse(&n, text, len, column->size, column->scale);
    if (rc == KISS_DECIMAL_OK && (n >= 0 || (column->flags & IMPORT_SIGNED))) {
        for (i = 0; i < column->scale; i++) {
            unit *= 10;
        }
        if (column->most && n > column->most * unit) {
            return apr_psprintf(p, "%s is more than %d", ctl_out_quote(p, text, len), column->most);
        }
        out = apr_palloc(p, KISS_DECIMAL_TEXT);
        set(value, out, (apr_size_t)kiss_decimal_format(out, n, column->scale));
        return NULL;
    }
    quoted = ctl_out_quote(p, text, len);
    switch (rc) {
    case KISS_DECIMAL_OK:
        return apr_pstrcat(p, quoted, " is negative", NULL);
    case KISS_DECIMAL_SCALE:
        return apr_psprintf(p, "%s has more than %d decimals", quoted, column->scale);
    case KISS_DECIMAL_RANGE:
        return apr_psprintf(p, "%s is too large: %d digits before the point fit", quoted, column->size - column->scale);
    case KISS_DECIMAL_SYNTAX:
    default:
        return apr_pstrcat(p, quoted, " is not a number like 1234.56", NULL);
    }
}

static const char *check_flag(import_value *value, const import_column *column, const char *text, apr_size_t len,
                              apr_pool_t *p)
{
    static const struct {
        const char *word;
        int on;
    } words[] = {{"0", 0}, {"1", 1}, {"false", 0}, {"true", 1}, {"no", 0}, {"yes", 1}, {"", 0}};
    int not = (column->flags & IMPORT_NOT) != 0;
    apr_size_t i;

    set(value, not ? "1" : "0", 1);
    for (i = 0; i < sizeof(words) / sizeof(*words); i++) {
        if (strlen(words[i].word) == len && strncasecmp(words[i].word, text, len) == 0) {
            set(value, words[i].on != not ? "1" : "0", 1);
            return NULL;
        }
    }
    return apr_pstrcat(p, ctl_out_quote(p, text, len), " is neither 0 nor 1 (nor true, false, yes, no)", NULL);
}

static const char *check_int(import_value *value, const import_column *column, const char *text, apr_size_t len,
                             apr_pool_t *p)
{
    const apr_int64_t most = column->size == 4 ? APR_INT32_MAX : 999999999999999999;
    apr_int64_t n;
    int rc = kiss_decimal_parse(&n, text, len, 18, 0);

    if (rc == KISS_DECIMAL_OK && n >= -most && n <= most) {
        char *out = apr_palloc(p, KISS_DECIMAL_TEXT);
        set(value, out, (apr_size_t)kiss_decimal_format(out, n, 0));
        return NULL;
    }
    /* Nothing is looked up for a number that is not known. */
    set(value, "0", 1);
    value->null = column->parent || (column->flags & IMPORT_NULL);
    if (len == 0) {
        return "is empty";
    }
    if (rc == KISS_DECIMAL_OK || rc == KISS_DECIMAL_RANGE) {
        return apr_psprintf(p, "%s is too large: at most %" APR_INT64_T_FMT " fits", ctl_out_quote(p, text, len), most);
    }
    return apr_pstrcat(p, ctl_out_quote(p, text, len), " is not a whole number", NULL);
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
    set(value, "1000-01-01", 10);
    value->null = (column->flags & IMPORT_NULL) != 0;
    return len == 0 ? "is empty" : apr_pstrcat(p, ctl_out_quote(p, text, len), " ", reason, NULL);
}

/** A date; a midnight is the day that was written, whatever its zone. */
static const char *check_date(import_value *value, const import_column *column, const char *text, apr_size_t len,
                              apr_pool_t *p)
{
    kiss_date date;
    const char *error = read_date(&date, value, column, text, len, p);

    if (error) {
        return error;
    }
    if (!date.midnight) {
        set(value, "1000-01-01", 10);
        value->null = (column->flags & IMPORT_NULL) != 0;
        return apr_pstrcat(p, ctl_out_quote(p, text, len), " has a time of day, where only a date fits", NULL);
    }
    set(value, apr_pstrdup(p, date.written), KISS_DATE_DAY - 1);
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
    set(value, out, strlen(out));
    return NULL;
}

static const char *check_word(import_value *value, const import_column *column, const char *text, apr_size_t len,
                              apr_pool_t *p)
{
    const import_word *word;
    const char *list = "";

    for (word = column->words; word->word; word++) {
        if (strlen(word->word) == len && strncasecmp(word->word, text, len) == 0) {
            set(value, word->stored, strlen(word->stored));
            return NULL;
        }
        list = apr_pstrcat(p, list, *list ? ", " : "", word->word, NULL);
    }
    set(value, column->words->stored, strlen(column->words->stored));
    return len == 0 ? "is empty" : apr_pstrcat(p, ctl_out_quote(p, text, len), " is none of ", list, NULL);
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
        set(value, text, len);
        return NULL;
    }
    set(value, "1", 1);
    return apr_pstrcat(p, ctl_out_quote(p, text, len), " is not a list of weekdays like 2;4 (1 Monday to 7 Sunday, "
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
        set(value, text, len);
        return NULL;
    }
    set(value, "XXX", 3);
    return len == 0 ? "is empty" : apr_pstrcat(p, ctl_out_quote(p, text, len), " is not a currency like EUR", NULL);
}

const char *import_value_check(import_value *value, const import_column *column, const char *text, apr_size_t len,
                               apr_pool_t *p)
{
    const char *error;

    set(value, text, len);
    if (len == 0 && (column->flags & IMPORT_NULL)) {
        value->null = 1;
        return NULL;
    }
    if (len == 0 && (column->flags & IMPORT_OPTIONAL)) {
        value->fallback = 1;
        return NULL;
    }
    switch (column->type) {
    case IMPORT_DECIMAL:
        return check_decimal(value, column, text, len, p);
    case IMPORT_FLAG:
        return check_flag(value, column, text, len, p);
    case IMPORT_DATE:
        return check_date(value, column, text, len, p);
    case IMPORT_CURRENCY:
        return check_currency(value, text, len, p);
    case IMPORT_INT:
        return check_int(value, column, text, len, p);
    case IMPORT_TIME:
        return check_time(value, column, text, len, p);
    case IMPORT_WORD:
        return check_word(value, column, text, len, p);
    case IMPORT_DAYS:
        return check_days(value, text, len, p);
    case IMPORT_CODE:
        error = check_code(column, text, len, p);
        break;
    case IMPORT_TEXT:
    default:
        error = check_length(column, text, len, p);
        break;
    }
    if (error) {
        set(value, "", 0);
        value->null = (column->flags & IMPORT_NULL) != 0;
    }
    else if (column->flags & IMPORT_UPPER) {
        to_upper(value, p);
    }
    return error;
}
