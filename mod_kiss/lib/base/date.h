/* SPDX-License-Identifier: Apache-2.0 */
/**
 * date - dates and times as clients and files write them (ISO 8601, RFC 3339, and what .NET, SQL and Ruby print).
 * Pure: no I/O, no pools, thread-safe.
 *
 * Accepts:  YYYY-MM-DD, alone or followed by ('T' | 't' | blank) HH:MM [ :SS [ .digits ] ] [ [blank] zone ],
 *           zone being 'Z', 'z', ±HH:MM, ±HHMM or ±HH up to 23:59; without a zone it is UTC.
 * Calendar: the proleptic Gregorian one, 0001-01-01 to 9999-12-31, as .NET and the database have it.
 * Choices:  digits after the microseconds are cut, never rounded up into the next second or day; 24:00 is refused;
 *           second 60 is accepted where a leap second can be, at 23:59 in UTC, and is held as that minute's last
 *           microsecond, so that it stays in its day.
 */
#ifndef KISS_DATE_H
#define KISS_DATE_H

#include <apr.h>

/** Room for "YYYY-MM-DD" with its NUL. */
#define KISS_DATE_DAY 11

/** Room for "YYYY-MM-DD hh:mm:ss.ffffff" with its NUL. */
#define KISS_DATE_TEXT 27

/** A '+' of a query that its client did not encode has become a blank: take a blank for the sign of the offset. */
#define KISS_DATE_BLANK_IS_PLUS 1

/** What kiss_date_parse() found. */
typedef enum {
    KISS_DATE_OK = 0,
    KISS_DATE_SYNTAX,           /**< none of the formats above */
    KISS_DATE_DAY_RANGE,        /**< month or day that the calendar does not have, or year 0 */
    KISS_DATE_CLOCK_RANGE,      /**< hour, minute or second out of range */
    KISS_DATE_ZONE_RANGE,       /**< offset of more than 23 hours or 59 minutes */
    KISS_DATE_BEYOND            /**< good, but in UTC before the year 1 or after 9999 */
} kiss_date_status;

/** A date, or a moment in UTC. */
typedef struct {
    int year, month, day;       /**< in UTC; of a date: as written */
    int hour, minute, second;   /**< in UTC; of a date: 0 */
    int micro;                  /**< microseconds */
    int timed;                  /**< a time of day was written */
    int midnight;               /**< none was, or midnight: only `written` tells which */
    char written[KISS_DATE_DAY];    /**< the day as written, in its own zone */
} kiss_date;

/**
 * Reads a date or a time.
 *
 * @param date  receives it when OK; when BEYOND, the nearest moment within the calendar; else untouched
 * @param text  `len` bytes, need not end with NUL
 * @param flags 0 or KISS_DATE_BLANK_IS_PLUS
 */
kiss_date_status kiss_date_parse(kiss_date *date, const char *text, apr_size_t len, int flags);

/** Why it is refused, as the end of a sentence: "is no day of the calendar". NULL for KISS_DATE_OK. Static. */
const char *kiss_date_reason(kiss_date_status status);

/** Writes the day in UTC, YYYY-MM-DD. @return out */
char *kiss_date_day(char out[KISS_DATE_DAY], const kiss_date *date);

/** Writes the day with this number, counted from 1970-01-01, as YYYY-MM-DD. For years 0 to 9999. @return out */
char *kiss_date_of_day_number(char out[KISS_DATE_DAY], apr_int64_t number);

/**
 * Writes the moment in UTC for the database, "YYYY-MM-DD hh:mm:ss", with `decimals` (0 to 6) digits of the second after
 * a point; finer ones are cut.
 *
 * @return out
 */
char *kiss_date_text(char out[KISS_DATE_TEXT], const kiss_date *date, int decimals);

#endif
