/* SPDX-License-Identifier: Apache-2.0 */
/* Unit test: rows as JSON: every type of column, NULL, dates, the days to come and numbers. */
#include <string.h>

#include <apr_strings.h>

#include "lib/api/row_json.h"
#include "unit.h"

static void test_types(void)
{
    static const kiss_column columns[] = {
        { "Text", KISS_TEXT, "a" }, { "Decimal", KISS_DECIMAL, "b" }, { "Quantity", KISS_QUANTITY, "c" },
        { "Price", KISS_NET_PRICE, "d", .flag = "e" }, { "Yes", KISS_BOOLEAN, "f" }, { "Date", KISS_DATE, "g" },
        { "Term", KISS_TEXT, .term = KISS_TERM_CURRENCY }, { 0 }
    };
    static const kiss_rowset rows = { .columns = columns };
    const kiss_row_json_writer *w = kiss_row_json_writer_make(rows.columns, NULL, 0, pool);
    const kiss_value values[] = { { "x", 1 }, { "30.00", 5 }, { "12.000", 6 }, { "19.9500", 7 }, { "1", 1 }, { "0", 1 },
                                  { NULL, 0 } };
    const kiss_value nulls[] = { { NULL, 0 }, { NULL, 0 }, { NULL, 0 }, { "1.0000", 6 }, { NULL, 0 }, { NULL, 0 },
                                 { "2026-06-15", 10 } };
    kiss_row_json_terms terms = { .discount = 75000 };
    struct printbuf *pb = printbuf_new();
    const char *column = NULL;
    apr_size_t replaced = 0;

    terms.fragment[KISS_TERM_CURRENCY] = kiss_row_json_term("G\"P", pool);
    kiss_row_json_write(pb, w, &terms, values, NULL, &replaced, &column);
    kiss_row_json_write(pb, w, &terms, nulls, NULL, &replaced, &column);
    is(apr_pstrmemdup(pool, pb->buf, (apr_size_t)pb->bpos),
       "{\"Text\":\"x\",\"Decimal\":30.00,\"Quantity\":12,\"Price\":18.4538,\"Yes\":false,\"Date\":null,\"Term\":\"G\\\"P\"}"
       "{\"Text\":\"\",\"Decimal\":0,\"Quantity\":0,\"Price\":1.0000,\"Yes\":false,\"Date\":\"2026-06-15\","
       "\"Term\":\"G\\\"P\"}", "rows of every type, and of NULLs");
    printbuf_free(pb);
}

/** A writer for the terms of one caller writes what the one for all callers does, wherever the terms are. */
static void test_bound(void)
{
    static const kiss_column columns[] = {
        { "A", KISS_TEXT, .term = KISS_TERM_PRICE_LIST }, { "B", KISS_TEXT, .term = KISS_TERM_CURRENCY },
        { "C", KISS_TEXT, "c" }, { "D", KISS_DECIMAL, "d" }, { "E", KISS_TEXT, .term = KISS_TERM_WAREHOUSE },
        { "F", KISS_NET_PRICE, "f", .flag = "g" },
        { "G", KISS_TEXT, .term = KISS_TERM_CURRENCY }, { "H", KISS_TEXT, .term = KISS_TERM_PRICE_LIST }, { 0 }
    };
    const kiss_value values[] = { { "c", 1 }, { "1.5", 3 }, { "19.9500", 7 }, { "1", 1 } };
    kiss_row_json_terms terms = { .discount = 75000 };
    apr_size_t replaced = 0;
    int from;

    terms.fragment[KISS_TERM_PRICE_LIST] = kiss_row_json_term("L\\1", pool);
    terms.fragment[KISS_TERM_CURRENCY] = kiss_row_json_term("", pool);
    terms.fragment[KISS_TERM_WAREHOUSE] = kiss_row_json_term("W\xc3\xa4", pool);
    for (from = 0; columns[from].name; from++) {        /* each of them first, the last one alone */
        const kiss_row_json_writer *w = kiss_row_json_writer_make(columns + from, NULL, 0, pool);
        const kiss_row_json_writer *bound = kiss_row_json_writer_bind(w, &terms, pool);
        struct printbuf *one = printbuf_new(), *other = printbuf_new();
        const char *column = NULL;
        const kiss_value *first = values + (from <= 2 ? 0 : from == 3 ? 1 : 2);     /* C, D, or F is the first value */

        kiss_row_json_write(one, w, &terms, first, NULL, &replaced, &column);
        kiss_row_json_write(other, bound, &terms, first, NULL, &replaced, &column);
        is(apr_pstrmemdup(pool, other->buf, (apr_size_t)other->bpos), apr_pstrmemdup(pool, one->buf, (apr_size_t)one->bpos),
           "the same with terms that are bound");
        printbuf_free(one);
        printbuf_free(other);
    }
}

/** The dates of four weeks behind `today` that fall on `weekdays`. */
static void coming(apr_int64_t today, const char *weekdays, const char *expected, const char *what)
{
    static const kiss_column columns[] = { { "C", KISS_COMING_TEXT, "a" }, { 0 } };
    const kiss_value value = { weekdays, strlen(weekdays) };
    const kiss_row_json_terms terms = { .today = today };
    struct printbuf *pb = printbuf_new();
    const char *column = NULL;
    apr_size_t replaced = 0;

    kiss_row_json_write(pb, kiss_row_json_writer_make(columns, NULL, 0, pool), &terms, &value, NULL, &replaced, &column);
    is(apr_pstrmemdup(pool, pb->buf, (apr_size_t)pb->bpos), apr_psprintf(pool, "{\"C\":\"%s\"}", expected), what);
    printbuf_free(pb);
}

static void test_coming_days(void)
{
    coming(19780, "4", "2024-02-29;2024-03-07;2024-03-14;2024-03-21", "Thursdays behind Tuesday, 2024-02-27: a leap day");
    coming(19781, "4;5", "2024-02-29;2024-03-01;2024-03-07;2024-03-08;2024-03-14;2024-03-15;2024-03-21;2024-03-22",
           "two days a week");
    coming(20453, "7", "2026-01-04;2026-01-11;2026-01-18;2026-01-25", "Sundays behind Wednesday, 2025-12-31");
    coming(20453, "3", "2026-01-07;2026-01-14;2026-01-21;2026-01-28", "today's weekday: not today, but four weeks on");
    coming(20453, "", "", "none");
}

static void date_row(const char *day, const char *time, const char *expected)
{
    static const kiss_column columns[] = { { "Day", KISS_DATE, "a" }, { "Time", KISS_TIME, "b" }, { 0 } };
    const kiss_value values[] = { { day, strlen(day) }, { time, strlen(time) } };
    const kiss_row_json_terms terms = { .discount = 0 };
    struct printbuf *pb = printbuf_new();
    const char *column = NULL;
    apr_size_t replaced = 0;
    kiss_row_json_status status = kiss_row_json_write(pb, kiss_row_json_writer_make(columns, NULL, 0, pool), &terms, values,
                                                      NULL, &replaced,
                                            &column);

    is(status == KISS_ROW_JSON_OK ? apr_pstrmemdup(pool, pb->buf, (apr_size_t)pb->bpos) : column, expected,
       apr_psprintf(pool, "%s and %s as JSON", day, time));
    printbuf_free(pb);
}

static void test_dates(void)
{
    date_row("0001-01-01", "9999-12-31 23:59:59.999", "{\"Day\":\"0001-01-01\",\"Time\":\"9999-12-31T23:59:59.999Z\"}");
    date_row("0000-00-00", "0000-00-00 00:00:00.000", "{\"Day\":null,\"Time\":null}");
    date_row("2026-00-00", "2026-06-00 12:00:00.000", "{\"Day\":null,\"Time\":null}");
    date_row("2026-10-10", "2026-10-10 00:00:00.000", "{\"Day\":\"2026-10-10\",\"Time\":\"2026-10-10T00:00:00.000Z\"}");
    date_row("2026-06-15", "2026-06-15 12:00:00", "Time");
}

/** A decimal of the database as a number of the API. */
static void quantity(const char *decimal, const char *expected)
{
    static const kiss_column columns[] = { { "N", KISS_QUANTITY, "a" }, { 0 } };
    const kiss_value value = { decimal, strlen(decimal) };
    const kiss_row_json_terms terms = { .discount = 0 };
    struct printbuf *pb = printbuf_new();
    const char *column = NULL;
    apr_size_t replaced = 0;

    kiss_row_json_write(pb, kiss_row_json_writer_make(columns, NULL, 0, pool), &terms, &value, NULL, &replaced, &column);
    is(apr_pstrmemdup(pool, pb->buf, (apr_size_t)pb->bpos), apr_psprintf(pool, "{\"N\":%s}", expected),
       apr_psprintf(pool, "%s as a number", decimal));
    printbuf_free(pb);
}

static void test_numbers(void)
{
    quantity("100", "100");
    quantity("100.00", "100");
    quantity("100.50", "100.5");
    quantity("0.00", "0");
    quantity("-0.50", "-0.5");
    quantity("-10.00", "-10");
    quantity("999999999999.999999", "999999999999.999999");
}

void unit_row_json(void)
{
    test_types();
    test_bound();
    test_coming_days();
    test_dates();
    test_numbers();
}
