/* SPDX-License-Identifier: Apache-2.0 */
/**
 * setting - parsers of numbers, times, moments, URLs and key=value pairs.
 */
#include "lib/base/setting.h"

#include <apr_lib.h>
#include <apr_strings.h>

#include <string.h>

#include "lib/base/date.h"

#define MAX_NUMBER 1000000              /* in any unit of time */

const char *kiss_setting_number(apr_int64_t *value, const char *text, apr_int64_t low, apr_int64_t high, apr_pool_t *p)
{
    apr_int64_t n = 0;
    const char *c;

    for (c = text; apr_isdigit(*c) && n <= high; c++) {
        n = n * 10 + (*c - '0');
    }
    if (c == text || *c || n < low || n > high) {
        return apr_psprintf(p, "'%s' is not a whole number from %" APR_INT64_T_FMT " to %" APR_INT64_T_FMT, text, low,
                            high);
    }
    *value = n;
    return NULL;
}

/* Units of time, from the longest; "s" is also the unit of a number without one. */
static const struct {
    const char *name;
    apr_interval_time_t length;
} units[] = { { "d", KISS_D(1) }, { "h", KISS_MI(60) }, { "mi", KISS_MI(1) }, { "min", KISS_MI(1) }, { "s", KISS_S(1) },
              { "", KISS_S(1) }, { "ms", KISS_MS(1) } };

#define UNITS (sizeof(units) / sizeof(units[0]))

/** A time as a directive would be written. */
static const char *time_text(apr_interval_time_t time, apr_pool_t *p)
{
    apr_size_t i = 0;

    while (i < UNITS - 1 && time % units[i].length != 0) {
        i++;
    }
    return apr_psprintf(p, "%" APR_INT64_T_FMT "%s", (apr_int64_t)(time / units[i].length), units[i].name);
}

/* httpd's own parser accepts "2sx" as two seconds. */
const char *kiss_setting_time(apr_interval_time_t *value, const char *text, apr_interval_time_t low,
                              apr_interval_time_t high, apr_pool_t *p)
{
    const char *unit = text + strspn(text, "0123456789");
    apr_interval_time_t time;
    apr_int64_t n = 0;
    apr_size_t i;

    for (i = 0; i < UNITS && strcmp(unit, units[i].name) != 0; i++) {
        continue;
    }
    if (i == UNITS || kiss_setting_number(&n, apr_pstrmemdup(p, text, (apr_size_t)(unit - text)), 0, MAX_NUMBER, p)) {
        return apr_psprintf(p, "'%s' is not a time: write seconds (2), or a number with ms, s, mi, h or d", text);
    }
    time = n * units[i].length;
    if (time < low || time > high) {
        return apr_psprintf(p, "'%s' is %s than %s", text, time < low ? "less" : "more",
                            time_text(time < low ? low : high, p));
    }
    *value = time;
    return NULL;
}

const char *kiss_setting_moment(apr_time_t *value, const char *text, apr_pool_t *p)
{
    apr_time_exp_t t = { 0 };
    kiss_date date;
    const char *reason = kiss_date_reason(kiss_date_parse(&date, text, strlen(text), 0));

    if (reason) {
        return apr_psprintf(p, "'%s' %s: write 2027-06-30, or 2027-06-30T22:00:00Z", text, reason);
    }
    t.tm_year = date.year - 1900;
    t.tm_mon = date.month - 1;
    t.tm_mday = date.day;
    t.tm_hour = date.hour;
    t.tm_min = date.minute;
    t.tm_sec = date.second;
    if (date.year < 1970 || apr_time_exp_gmt_get(value, &t) != APR_SUCCESS) {
        return apr_psprintf(p, "'%s' is before 1970", text);
    }
    return NULL;
}

const char *kiss_setting_url(const char *text, apr_pool_t *p)
{
    const char *host = strncmp(text, "https://", 8) == 0 ? text + 8 : strncmp(text, "http://", 7) == 0 ? text + 7 : "";
    const char *c;

    for (c = text; *c > ' ' && *c <= '~' && !strchr("<>\"\\^`{|}", *c); c++) {
        continue;
    }
    return *c || strcspn(host, "/?#") == 0 ? apr_psprintf(p, "'%s' is not a URL: write https://HOST/PATH", text) : NULL;
}

const char *kiss_setting_pair(const char **key, const char **value, const char **args, kiss_setting_word *next_word,
                              const char *name, apr_pool_t *p)
{
    apr_size_t n = strcspn(*args, "= \t\"'");
    char quote = (*args)[n] == '=' ? (*args)[n + 1] : '\0', *word, *equals;

    if (n > 0 && (quote == '"' || quote == '\'') && strchr(*args + n + 2, quote)) {
        *key = apr_pstrmemdup(p, *args, n);
        *args += n + 1;
        *value = next_word(p, args);
        return NULL;
    }
    word = next_word(p, args);
    equals = strchr(word, '=');
    if (!equals || equals == word) {
        return apr_psprintf(p, "'%s' is not key=value", word);
    }
    *equals = '\0';
    *key = word;
    *value = equals + 1;
    /* The quote would become part of a name that is not found at run time. */
    return strpbrk(*value, "\"'")
        ? apr_psprintf(p, "%s: %s: a quote stands in the value: write %s=\"...\", or no quotes", name, word, word) : NULL;
}
