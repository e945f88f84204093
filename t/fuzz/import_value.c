/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzz target: the check of one cell of the import. Input: a byte that names the column, then the cell. Each is read as
 * given, and with decimal commas and texts cut. */
#include "lib/import/import_value.h"

#include <string.h>
#include <time.h>

#include <apr_lib.h>
#include <apr_strings.h>

#include "csv.h"
#include "fuzz.h"
#include "lib/base/decimal.h"
#include "lib/base/utf8.h"
#include "lib/import/import_text.h"

/** A column of the Customer API's files, counted round, or from 128 on every third of the KSS API's. */
static const import_column *column_at(int n)
{
    const import_set *set = n < 128 ? &import_customer_set : &import_kss_set;
    int i, k;

    n = n < 128 ? n : (n - 128) * 3;
    for (;;) {
        for (i = 0; i < set->n; i++) {
            for (k = 0; set->files[i].columns[k].csv; k++) {
                if (n-- == 0) {
                    return &set->files[i].columns[k];
                }
            }
        }
    }
}

static void check_decimal(const import_column *column, const import_value *value)
{
    apr_int64_t n = -1, unit = 1;
    int i;

    MUST(kiss_decimal_parse(&n, value->text, value->len, column->size, column->scale) == KISS_DECIMAL_OK);
    MUST(n >= 0 || (column->flags & IMPORT_SIGNED));
    for (i = 0; i < column->scale; i++) {
        unit *= 10;
    }
    MUST(!column->most || n <= column->most * unit);
}

static void check_text(const import_column *column, const import_value *value)
{
    apr_size_t chars = 0, i;

    MUST(kiss_utf8_check(value->text, value->len, &chars) == value->len);
    MUST((column->flags & IMPORT_BYTES ? value->len : chars) <= (apr_size_t)column->size);
    if (column->type != IMPORT_CODE) {
        return;
    }
    MUST(value->len > 0 || (column->flags & IMPORT_EMPTY));
    MUST(value->len == 0 || (value->text[0] != ' ' && value->text[value->len - 1] != ' '));
    MUST((column->flags & IMPORT_PHRASE) || !import_hidden_in(value->text, value->len));
    for (i = 0; i < value->len; i++) {
        MUST(!apr_iscntrl(value->text[i]));
    }
}

/** YYYY-MM-DD, by the calendar of the C library: a day that is none is moved to another one. */
static void check_date(const import_value *value, apr_size_t len)
{
    struct tm day;
    char text[16];

    memset(&day, 0, sizeof(day));
    MUST(value->len == len);
    MUST(sscanf(value->text, "%4d-%2d-%2d", &day.tm_year, &day.tm_mon, &day.tm_mday) == 3);
    day.tm_year -= 1900;
    day.tm_mon--;
    timegm(&day);
    MUST(strftime(text, sizeof(text), "%Y-%m-%d", &day) == 10 && memcmp(text, value->text, 10) == 0);
}

/** "YYYY-MM-DD hh:mm:ss.mmm", or for a bad cell just a day. */
static void check_time(const import_value *value, const char *error)
{
    int hour, minute, second, milli;

    check_date(value, error ? 10 : 23);
    if (!error) {
        MUST(sscanf(value->text + 10, " %2d:%2d:%2d.%3d", &hour, &minute, &second, &milli) == 4);
        MUST(hour <= 23 && minute <= 59 && second <= 59);
    }
}

static void check_word(const import_column *column, const import_value *value)
{
    const import_word *word = column->words;

    while (word->word && (strlen(word->stored) != value->len || memcmp(word->stored, value->text, value->len) != 0)) {
        word++;
    }
    MUST(word->word);
}

static void check_int(const import_value *value)
{
    apr_int64_t n;

    MUST(kiss_decimal_parse(&n, value->text, value->len, 18, 0) == KISS_DECIMAL_OK);
}

/** What goes into the database fits its column, also for a bad cell; `error` only excuses an empty code. */
static void check_value(const import_column *column, const import_value *value, const char *error)
{
    MUST(value->text);
    if (value->null) {
        MUST((column->flags & IMPORT_NULL) || (column->type == IMPORT_INT && column->parent));
        return;
    }
    if (value->fallback) {
        MUST((column->flags & IMPORT_OPTIONAL) && !error);
        return;
    }
    switch (column->type) {
    case IMPORT_DECIMAL:
        check_decimal(column, value);
        break;
    case IMPORT_FLAG:
        MUST(value->len == 1 && (*value->text == '0' || *value->text == '1'));
        break;
    case IMPORT_DATE:
        check_date(value, 10);
        break;
    case IMPORT_CURRENCY:
        MUST(value->len == 3 && apr_isupper(value->text[0]) && apr_isupper(value->text[1]) && apr_isupper(value->text[2]));
        break;
    case IMPORT_INT:
        check_int(value);
        break;
    case IMPORT_TIME:
        check_time(value, error);
        break;
    case IMPORT_WORD:
        check_word(column, value);
        break;
    case IMPORT_DAYS:
        MUST(value->len > 0 && value->len <= 13 && value->len % 2 == 1);
        break;
    case IMPORT_TEXT:
    case IMPORT_CODE:
        if (error) {
            MUST(value->len == 0);
        }
        else {
            check_text(column, value);
        }
        break;
    }
}

/** A message is one line of UTF-8, however long and strange the cell is. */
static void check_error(const char *error)
{
    const char *c;

    MUST(*error && strlen(error) < 200 && kiss_utf8_check(error, strlen(error), NULL) == strlen(error));
    for (c = error; *c; c++) {
        MUST(!apr_iscntrl(*c));
    }
}

static void check_cell(const import_column *column, const import_reading *how, const char *text, size_t len, apr_pool_t *p)
{
    const char *error;
    import_value value, again;

    error = import_value_check(&value, column, how, text, len, p);
    check_value(column, &value, error);
    MUST(value.remarks < 1U << IMPORT_REMARKS);
    if (error) {
        check_error(error);
    }
    else if (!(column->flags & IMPORT_NOT) && !value.null && !value.fallback) {
        /* A good value, read again, is itself. */
        MUST(!import_value_check(&again, column, how, value.text, value.len, p));
        MUST(again.len == value.len && memcmp(again.text, value.text, value.len) == 0);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const import_reading as_given = {0, 0}, other = {1, 1};
    apr_pool_t *p = fuzz_pool();
    const char *text = (const char *)data + 1;
    const import_column *column;

    /* The reader has looked for NUL bytes and for what is no UTF-8 before. */
    if (size < 1 || memchr(text, '\0', size - 1) || kiss_utf8_check(text, size - 1, NULL) < size - 1) {
        return 0;
    }
    column = column_at(data[0]);
    check_cell(column, &as_given, text, size - 1, p);
    check_cell(column, &other, text, size - 1, p);
    apr_pool_clear(p);
    return 0;
}
