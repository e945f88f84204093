/* SPDX-License-Identifier: Apache-2.0 */
/* Unit test: dates and times in the ways they may be written, the ends of the calendar, and days by their number. */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <apr_strings.h>

#include "lib/base/date.h"
#include "unit.h"

static void date_as(const char *text, int flags, const char *expected)
{
    kiss_date d;
    kiss_date_status status = kiss_date_parse(&d, text, strlen(text), flags);
    char out[KISS_DATE_TEXT];

    if (status != KISS_DATE_OK) {
        is(kiss_date_reason(status), expected, apr_psprintf(pool, "'%s' is refused", text));
        return;
    }
    is(kiss_date_text(out, &d, 6), expected, apr_psprintf(pool, "'%s' is %s", text, expected));
}

static void date(const char *text, const char *expected)
{
    date_as(text, 0, expected);
}

static void test_dates_taken(void)
{
    date("2026-06-15", "2026-06-15 00:00:00.000000");
    date("2024-02-29", "2024-02-29 00:00:00.000000");
    date("2000-02-29", "2000-02-29 00:00:00.000000");
    date("0001-01-01", "0001-01-01 00:00:00.000000");
    date("0001-01-01T00:00:00", "0001-01-01 00:00:00.000000");
    date("9999-12-31", "9999-12-31 00:00:00.000000");
    date("9999-12-31T23:59:59Z", "9999-12-31 23:59:59.000000");
    date("9999-12-31T23:59:59.9999999", "9999-12-31 23:59:59.999999");
    date("2026-01-01T10:00", "2026-01-01 10:00:00.000000");
    date("2026-01-01T10:00Z", "2026-01-01 10:00:00.000000");
    date("2026-01-01t10:00:01z", "2026-01-01 10:00:01.000000");
    date("2026-01-01 10:00:01", "2026-01-01 10:00:01.000000");
    date("2026-01-01T10:00:01.5", "2026-01-01 10:00:01.500000");
    date("2026-01-01T10:00:01.123456789012345678901Z", "2026-01-01 10:00:01.123456");
    date("2026-01-01T10:00:00+02:00", "2026-01-01 08:00:00.000000");
    date("2026-01-01T10:00:00+0200", "2026-01-01 08:00:00.000000");
    date("2026-01-01T10:00+02", "2026-01-01 08:00:00.000000");
    date("2026-01-01 10:00:00 +0200", "2026-01-01 08:00:00.000000");
    date("2026-01-01 10:00:00 Z", "2026-01-01 10:00:00.000000");
    date("2026-01-01T00:30:00+01:00", "2025-12-31 23:30:00.000000");
    date("2024-02-28T23:30:00-01:00", "2024-02-29 00:30:00.000000");
    date("2023-02-28T23:30:00-01:00", "2023-03-01 00:30:00.000000");
    date("2026-12-31T12:00:00-23:59", "2027-01-01 11:59:00.000000");
    date("0001-01-02T00:00:00+14:00", "0001-01-01 10:00:00.000000");
    date("2016-12-31T23:59:60Z", "2016-12-31 23:59:59.999999");
    date("2016-12-31T18:59:60.25-05:00", "2016-12-31 23:59:59.999999");
    date("9999-12-31T23:59:60Z", "9999-12-31 23:59:59.999999");
    date_as("2026-01-01T10:00:00 02:00", KISS_DATE_BLANK_IS_PLUS, "2026-01-01 08:00:00.000000");
    date_as("2026-01-01 10:00  0200", KISS_DATE_BLANK_IS_PLUS, "2026-01-01 08:00:00.000000");
    date_as("2026-01-01 10:00 +0200", KISS_DATE_BLANK_IS_PLUS, "2026-01-01 08:00:00.000000");
}

static void test_dates_refused(void)
{
    static const char *const no_form[] = {
        "", "x", "2026", "2026-06", "2026-6-15", "20260615", "15.06.2026", "2026/06/15", " 2026-06-15", "2026-06-15 ",
        "-2026-06-15", "12026-06-15", "2026-06-15x", "2026-06-15T", "2026-06-15T10", "2026-06-15T10Z", "2026-06-15T1000",
        "2026-06-15T10:0", "2026-06-15T10:00:", "2026-06-15T10:00:0", "2026-06-15T10:00:00.", "2026-06-15T10:00:00.Z",
        "2026-06-15T10:00.5", "2026-06-15T10:00:00,5", "2026-06-15T10:00:00 02:00", "2026-06-15T10:00:00 ",
        "2026-06-15T10:00:00  Z", "2026-06-15T10:00:00ZZ", "2026-06-15T10:00:00Z+02:00", "2026-06-15T10:00:00+2",
        "2026-06-15T10:00:00+020", "2026-06-15T10:00:00+02:", "2026-06-15T10:00:00+02:0", "2026-06-15T10:00:00+02000",
        "2026-06-15T10:00:00 CET", "2026-06-15Z", "2026-06-15+02:00", "2026-02-30x", "2026-W25-1", "today",
    };
    const char *form = kiss_date_reason(KISS_DATE_SYNTAX), *day = "is no day of the calendar";
    const char *clock = "is no time of the day: 23:59:59 is the last one", *zone = "has an offset from UTC beyond 23:59";
    apr_size_t i;

    for (i = 0; i < sizeof(no_form) / sizeof(*no_form); i++) {
        date(no_form[i], form);
    }
    date("0000-01-01", day);
    date("2026-00-01", day);
    date("2026-13-01", day);
    date("2026-01-00", day);
    date("2026-04-31", day);
    date("2026-02-29", day);
    date("1900-02-29T10:00:00Z", day);
    date("2026-01-01T24:00:00Z", clock);
    date("2026-01-01T10:60:00Z", clock);
    date("2026-01-01T10:00:61Z", clock);
    date("2026-01-01T10:00:60Z", clock);
    date("2026-01-01T23:59:60+01:00", clock);
    date("2026-01-01T10:00:00+24:00", zone);
    date("2026-01-01T10:00:00-02:60", zone);
}

static void test_date_ends(void)
{
    static const char *const before = "0001-01-01T00:00:00+01:00", *const after = "9999-12-31T23:59:59-00:01";
    kiss_date d;
    char out[KISS_DATE_TEXT];

    ok(kiss_date_parse(&d, before, strlen(before), 0) == KISS_DATE_BEYOND, "an offset leads out of the calendar");
    is(kiss_date_text(out, &d, 6), "0001-01-01 00:00:00.000000", "... its beginning is what is nearest");
    ok(d.midnight && strcmp(d.written, "0001-01-01") == 0, "... and the day that was written is known");
    ok(kiss_date_parse(&d, after, strlen(after), 0) == KISS_DATE_BEYOND, "at the other end, too");
    is(kiss_date_text(out, &d, 3), "9999-12-31 23:59:59.999", "... its end is what is nearest");
    ok(kiss_date_parse(&d, "2026-06-15T00:00:00+02:00", 25, 0) == KISS_DATE_OK && d.midnight && d.timed
       && strcmp(d.written, "2026-06-15") == 0, "a midnight is a day, in its own zone");
    is(kiss_date_day(out, &d), "2026-06-14", "... though in UTC it is another one");
    ok(kiss_date_parse(&d, "2026-06-15T00:00:00.000001", 26, 0) == KISS_DATE_OK && !d.midnight,
       "a microsecond later it is no midnight");
}

/** All days of the calendar's ends, and one in a hundred of the others, against the C library's calendar. */
static void test_day_numbers(void)
{
    const apr_int64_t first = -719162, last = 2932896;      /* 0001-01-01, 9999-12-31 */
    apr_int64_t day;
    int wrong = 0;

    for (day = first; day <= last; day += day < first + 1500 || day > last - 1500 || (day > 10000 && day < 40000) ? 1 : 97) {
        time_t seconds = (time_t)day * 86400;
        char expected[40], text[KISS_DATE_DAY];
        struct tm tm;

        gmtime_r(&seconds, &tm);
        snprintf(expected, sizeof(expected), "%04d-%02d-%02d", tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday);
        kiss_date_of_day_number(text, day);
        wrong += strcmp(text, expected) != 0;
    }
    ok(wrong == 0 && day > last, "days, from the year 1 to 9999");
}

void unit_date(void)
{
    test_dates_taken();
    test_dates_refused();
    test_date_ends();
    test_day_numbers();
}
