/**
 * import_value - checks one cell. Pure.
 */
#include "import_table.h"

#include <string.h>

#include <apr_lib.h>
#include <apr_strings.h>

#include "ctl_out.h"
#include "kiss_decimal.h"

static void set(import_value *value, const char *text, apr_size_t len)
{
    value->text = text;
    value->len = len;
    value->null = 0;
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
    if (rc == KISS_DECIMAL_OK && n >= 0) {
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

static const char *check_date(import_value *value, const char *text, apr_size_t len, apr_pool_t *p)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    int i, year, month, day;

    set(value, "", 0);
    value->null = 1;
    if (len == 0) {
        return NULL;
    }
    for (i = 0; i < 10 && len == 10; i++) {
        if (i == 4 || i == 7 ? text[i] != '-' : !apr_isdigit(text[i])) {
            break;
        }
    }
    if (i < 10) {
        return apr_pstrcat(p, ctl_out_quote(p, text, len), " is not a date YYYY-MM-DD", NULL);
    }
    year = (text[0] - '0') * 1000 + (text[1] - '0') * 100 + (text[2] - '0') * 10 + text[3] - '0';
    month = (text[5] - '0') * 10 + text[6] - '0';
    day = (text[8] - '0') * 10 + text[9] - '0';
    if (year < 1000 || month < 1 || month > 12 || day < 1
        || day > days[month - 1] + (month == 2 && ((year % 4 == 0 && year % 100 != 0) || year % 400 == 0))) {
        return apr_pstrcat(p, ctl_out_quote(p, text, len), " is no day of the calendar", NULL);
    }
    set(value, text, len);
    return NULL;
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
    switch (column->type) {
    case IMPORT_DECIMAL:
        return check_decimal(value, column, text, len, p);
    case IMPORT_FLAG:
        return check_flag(value, column, text, len, p);
    case IMPORT_DATE:
        return check_date(value, text, len, p);
    case IMPORT_CURRENCY:
        return check_currency(value, text, len, p);
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
    return error;
}
