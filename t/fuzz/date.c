/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzz target: dates and times. Input: a byte with the flags, then the text. */
#include <string.h>
#include <time.h>

#include "fuzz.h"
#include "lib/base/date.h"

/** Seconds since 1970 of a day and a time, by the C library, which knows nothing of our calendar code. */
static long long seconds(int year, int month, int day, int hour, int minute, int second)
{
    struct tm t;

    memset(&t, 0, sizeof(t));
    t.tm_year = year - 1900;
    t.tm_mon = month - 1;
    t.tm_mday = day;
    t.tm_hour = hour;
    t.tm_min = minute;
    t.tm_sec = second;
    return (long long)timegm(&t);
}

/** The offset that stands at the end of a text which has been taken, in seconds. */
static int offset_of(const char *text, size_t len)
{
    int digits = 0, value, i;

    /* Behind the day, a sign or blank with 2 digits, with 4, or with 2, a colon and 2. */
    for (i = (int)len; i > 16 && ((text[i - 1] >= '0' && text[i - 1] <= '9') || (text[i - 1] == ':' && digits == 2)); i--) {
        digits += text[i - 1] != ':';
    }
    if (i <= 16 || (digits != 2 && digits != 4) || !strchr("+- ", text[i - 1])) {
        return 0;
    }
    value = ((text[i] - '0') * 10 + text[i + 1] - '0') * 60;
    value += digits == 4 ? (text[len - 2] - '0') * 10 + text[len - 1] - '0' : 0;
    return text[i - 1] == '-' ? -value * 60 : value * 60;
}

/** What was written, moved by its offset, is what was read. */
static void check_moment(const kiss_date *d, const char *text, size_t len)
{
    int year, month, day, hour = 0, minute = 0, second = 0;

    MUST(memcmp(d->written, text, 10) == 0 && d->written[10] == '\0');
    MUST(sscanf(d->written, "%4d-%2d-%2d", &year, &month, &day) == 3);
    MUST(d->timed == (len > 10));
    if (d->timed) {
        char rest[9];

        memcpy(rest, text + 11, len < 19 ? len - 11 : 8);
        rest[len < 19 ? len - 11 : 8] = '\0';
        if (sscanf(rest, "%2d:%2d:%2d", &hour, &minute, &second) < 3) {
            second = 0;
        }
    }
    if (second == 60) {
        MUST(d->hour == 23 && d->minute == 59 && d->second == 59 && d->micro == 999999);
        second = 59;
    }
    MUST(seconds(d->year, d->month, d->day, d->hour, d->minute, d->second)
         == seconds(year, month, day, hour, minute, second) - (d->timed ? offset_of(text, len) : 0));
    MUST(d->midnight == (hour == 0 && minute == 0 && second == 0 && d->micro == 0));
}

/** Written and read again it is the same, and texts of equal length sort as their moments do. */
static void check_text(const kiss_date *d)
{
    char text[KISS_DATE_TEXT], cut[KISS_DATE_TEXT], day[KISS_DATE_DAY];
    kiss_date again;
    int decimals;

    kiss_date_text(text, d, 6);
    MUST(strlen(text) == KISS_DATE_TEXT - 1);
    MUST(kiss_date_parse(&again, text, strlen(text), 0) == KISS_DATE_OK);
    MUST(again.year == d->year && again.month == d->month && again.day == d->day && again.hour == d->hour
         && again.minute == d->minute && again.second == d->second && again.micro == d->micro);
    for (decimals = 0; decimals <= 6; decimals++) {
        kiss_date_text(cut, d, decimals);
        MUST(strlen(cut) == (size_t)(decimals ? 20 + decimals : 19) && memcmp(cut, text, strlen(cut)) == 0);
    }
    MUST(memcmp(kiss_date_day(day, d), text, 10) == 0 && day[10] == '\0');
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *text = (const char *)data + 1;
    kiss_date d, untouched;
    kiss_date_status status;

    if (size < 1) {
        return 0;
    }
    memset(&d, 0x55, sizeof(d));
    untouched = d;
    status = kiss_date_parse(&d, text, size - 1, data[0] & KISS_DATE_BLANK_IS_PLUS);
    MUST((status == KISS_DATE_OK) == !kiss_date_reason(status));
    if (status == KISS_DATE_OK || status == KISS_DATE_BEYOND) {
        MUST(size - 1 >= 10 && d.year >= 1 && d.year <= 9999);
        check_text(&d);
    }
    else {
        MUST(memcmp(&d, &untouched, sizeof(d)) == 0);
    }
    if (status == KISS_DATE_OK) {
        check_moment(&d, text, size - 1);
    }
    if (status == KISS_DATE_BEYOND) {
        MUST((d.year == 1 && d.month == 1 && d.day == 1 && d.hour == 0 && d.minute == 0 && d.micro == 0)
             || (d.year == 9999 && d.month == 12 && d.day == 31 && d.hour == 23 && d.minute == 59 && d.micro == 999999));
    }
    return 0;
}
