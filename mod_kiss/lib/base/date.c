/* SPDX-License-Identifier: Apache-2.0 */
/**
 * date - the parser and the writer of dates and times.
 */
#include "lib/base/date.h"

#include <string.h>

#define MINUTES_OF_DAY (24 * 60)

/* --- parsing: a cursor that moves past what it has consumed --- */

typedef struct {
    const char *at, *end;
} cursor;

static int is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/** Consumes exactly `n` digits. @return their value, or -1: there are fewer, and nothing was consumed */
static int take_number(cursor *c, int n)
{
    int value = 0, i;

    if (c->end - c->at < n) {
        return -1;
    }
    for (i = 0; i < n; i++) {
        if (!is_digit(c->at[i])) {
            return -1;
        }
        value = value * 10 + c->at[i] - '0';
    }
    c->at += n;
    return value;
}

/** Consumes one of the characters of `any`. @return it, or 0: there is another one, or none */
static char take_char(cursor *c, const char *any)
{
    return c->at < c->end && *c->at && strchr(any, *c->at) ? *c->at++ : 0;
}

/**
 * Consumes `mark` and two digits after it. @return their value, or -1: the text is different, and nothing was consumed
 */
static int take_part(cursor *c, const char *mark)
{
    const cursor before = *c;
    int value = take_char(c, mark) ? take_number(c, 2) : -1;

    if (value < 0) {
        *c = before;
    }
    return value;
}

static int days_of_month(int year, int month)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    int leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

    return days[month - 1] + (month == 2 && leap);
}

static kiss_date_status take_day(kiss_date *d, cursor *c)
{
    if ((d->year = take_number(c, 4)) < 0 || (d->month = take_part(c, "-")) < 0 || (d->day = take_part(c, "-")) < 0) {
        return KISS_DATE_SYNTAX;
    }
    return d->year >= 1 && d->month >= 1 && d->month <= 12 && d->day >= 1 && d->day <= days_of_month(d->year, d->month)
        ? KISS_DATE_OK : KISS_DATE_DAY_RANGE;
}

/** Consumes the digits after the second's point; those after the sixth are cut. @return 1, or 0: there are none */
static int take_fraction(kiss_date *d, cursor *c)
{
    int unit = 100000;

    if (c->at == c->end || !is_digit(*c->at)) {
        return 0;
    }
    for (; c->at < c->end && is_digit(*c->at); c->at++, unit /= 10) {
        d->micro += (*c->at - '0') * unit;
    }
    return 1;
}

/** Consumes HH:MM[:SS[.digits]]; ranges are checked later, when the syntax of the whole is known to be right. */
static int take_clock(kiss_date *d, cursor *c)
{
    if ((d->hour = take_number(c, 2)) < 0 || (d->minute = take_part(c, ":")) < 0) {
        return 0;
    }
    if ((d->second = take_part(c, ":")) < 0) {
        d->second = 0;
        return 1;
    }
    return !take_char(c, ".") || take_fraction(d, c);
}

/** Consumes nothing, 'Z' or an offset, with or without a blank before it. */
static kiss_date_status take_zone(int *offset, cursor *c, int flags)
{
    const char *signs = flags & KISS_DATE_BLANK_IS_PLUS ? "+- " : "+-";
    int hours, minutes;
    char sign;

    *offset = 0;
    /* "10:00 +02:00", but a blank may also be the sign itself. */
    if (c->end - c->at > 1 && *c->at == ' ' && !is_digit(c->at[1])) {
        c->at++;
    }
    if (c->at == c->end || take_char(c, "Zz")) {
        return c->at == c->end ? KISS_DATE_OK : KISS_DATE_SYNTAX;
    }
    if (!(sign = take_char(c, signs)) || (hours = take_number(c, 2)) < 0) {
        return KISS_DATE_SYNTAX;
    }
    if ((minutes = take_part(c, ":")) < 0 && (minutes = take_number(c, 2)) < 0) {
        minutes = 0;
    }
    if (c->at != c->end) {
        return KISS_DATE_SYNTAX;
    }
    *offset = (hours * 60 + minutes) * (sign == '-' ? -1 : 1);
    return hours <= 23 && minutes <= 59 ? KISS_DATE_OK : KISS_DATE_ZONE_RANGE;
}

/* --- conversion to UTC --- */

static void next_day(kiss_date *d)
{
    if (++d->day > days_of_month(d->year, d->month)) {
        d->day = 1;
        d->month = d->month == 12 ? 1 : d->month + 1;
        d->year += d->month == 1;
    }
}

static void previous_day(kiss_date *d)
{
    if (--d->day < 1) {
        d->month = d->month == 1 ? 12 : d->month - 1;
        d->year -= d->month == 12;
        d->day = days_of_month(d->year, d->month);
    }
}

/** Moves it to the first or the last moment of the calendar, if it is outside. */
static kiss_date_status clamp(kiss_date *d)
{
    const int before = d->year < 1;

    if (!before && d->year <= 9999) {
        return KISS_DATE_OK;
    }
    d->year = before ? 1 : 9999;
    d->month = before ? 1 : 12;
    d->day = before ? 1 : 31;
    d->hour = before ? 0 : 23;
    d->minute = d->second = before ? 0 : 59;
    d->micro = before ? 0 : 999999;
    return KISS_DATE_BEYOND;
}

/** Applies the offset of a time, which is less than a day: the day changes by one at most. */
static kiss_date_status to_utc(kiss_date *d, int offset)
{
    int minutes = d->hour * 60 + d->minute - offset;

    if (minutes < 0) {
        minutes += MINUTES_OF_DAY;
        previous_day(d);
    }
    else if (minutes >= MINUTES_OF_DAY) {
        minutes -= MINUTES_OF_DAY;
        next_day(d);
    }
    d->hour = minutes / 60;
    d->minute = minutes % 60;
    if (d->second == 60) {
        if (minutes != MINUTES_OF_DAY - 1) {
            return KISS_DATE_CLOCK_RANGE;
        }
        d->second = 59;
        d->micro = 999999;
    }
    return clamp(d);
}

kiss_date_status kiss_date_parse(kiss_date *date, const char *text, apr_size_t len, int flags)
{
    cursor c = {text, text + len};
    kiss_date d;
    kiss_date_status day, status = KISS_DATE_OK;
    int offset = 0;

    memset(&d, 0, sizeof(d));
    if ((day = take_day(&d, &c)) == KISS_DATE_SYNTAX) {
        return day;
    }
    memcpy(d.written, text, KISS_DATE_DAY - 1);
    if (c.at != c.end) {
        d.timed = 1;
        if (!take_char(&c, "Tt ") || !take_clock(&d, &c)) {
            return KISS_DATE_SYNTAX;
        }
        status = take_zone(&offset, &c, flags);
        if (status == KISS_DATE_SYNTAX) {
            return status;
        }
    }
    if (day != KISS_DATE_OK) {
        return day;
    }
    if (d.hour > 23 || d.minute > 59 || d.second > 60) {
        return KISS_DATE_CLOCK_RANGE;
    }
    d.midnight = d.hour == 0 && d.minute == 0 && d.second == 0 && d.micro == 0;
    status = status == KISS_DATE_OK ? to_utc(&d, offset) : status;
    if (status == KISS_DATE_OK || status == KISS_DATE_BEYOND) {
        *date = d;
    }
    return status;
}

const char *kiss_date_reason(kiss_date_status status)
{
    switch (status) {
    case KISS_DATE_SYNTAX:
        return "is neither a date YYYY-MM-DD nor a time like 2026-11-02T15:30:00Z";
    case KISS_DATE_DAY_RANGE:
        return "is no day of the calendar";
    case KISS_DATE_CLOCK_RANGE:
        return "is no time of the day: 23:59:59 is the last one";
    case KISS_DATE_ZONE_RANGE:
        return "has an offset from UTC beyond 23:59";
    case KISS_DATE_BEYOND:
        return "lies in UTC outside the years 0001 to 9999";
    case KISS_DATE_OK:
    default:
        return NULL;
    }
}

/* --- writing --- */

static char *put(char *out, int value, int digits, char mark)
{
    int i;

    for (i = digits; i-- > 0; value /= 10) {
        out[i] = (char)('0' + value % 10);
    }
    out[digits] = mark;
    return out + digits + 1;
}

char *kiss_date_day(char out[KISS_DATE_DAY], const kiss_date *date)
{
    put(put(put(out, date->year, 4, '-'), date->month, 2, '-'), date->day, 2, '\0');
    return out;
}

/* The Gregorian calendar repeats after 400 years; counted from 1 March, the leap day is the last day of a year. */
#define DAYS_OF_400_YEARS 146097
#define DAYS_FROM_0000_03_01_TO_1970 719468

char *kiss_date_of_day_number(char out[KISS_DATE_DAY], apr_int64_t number)
{
    apr_int64_t since = number + DAYS_FROM_0000_03_01_TO_1970, era = since / DAYS_OF_400_YEARS;
    int of_era = (int)(since % DAYS_OF_400_YEARS);
    int year = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    int of_year = of_era - (365 * year + year / 4 - year / 100);
    int shifted = (5 * of_year + 2) / 153;              /* 0 is March */
    int month = shifted < 10 ? shifted + 3 : shifted - 9, day = of_year - (153 * shifted + 2) / 5 + 1;

    year += (int)era * 400 + (month <= 2);
    put(put(put(out, year, 4, '-'), month, 2, '-'), day, 2, '\0');
    return out;
}

char *kiss_date_text(char out[KISS_DATE_TEXT], const kiss_date *date, int decimals)
{
    char *c = put(put(put(out, date->year, 4, '-'), date->month, 2, '-'), date->day, 2, ' ');
    int micro = date->micro, i;

    c = put(put(put(c, date->hour, 2, ':'), date->minute, 2, ':'), date->second, 2, decimals > 0 ? '.' : '\0');
    for (i = 6; i > decimals; i--) {
        micro /= 10;
    }
    if (decimals > 0) {
        put(c, micro, decimals, '\0');
    }
    return out;
}
