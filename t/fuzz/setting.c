/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzz target: the texts of a configuration. Numbers and times are computed once more, with 128 bits. */
#include <string.h>
#include <time.h>

#include <apr_lib.h>
#include <apr_strings.h>

#include "fuzz.h"
#include "lib/base/date.h"
#include "lib/base/setting.h"

#define UNTOUCHED 4711

/** Digits up to `end` as a number, or -1; no more than 10^30. */
static __int128 digits(const char *text, const char *end)
{
    __int128 n = 0, most = 1000000000000000;            /* squared below */

    if (text == end) {
        return -1;
    }
    for (most *= most; text < end; text++) {
        if (*text < '0' || *text > '9') {
            return -1;
        }
        n = n * 10 + (*text - '0') < most ? n * 10 + (*text - '0') : most;
    }
    return n;
}

static void check_sentence(const char *sentence, const char *text)
{
    MUST(*sentence && strstr(sentence, text));
}

static void check_number(const char *text, apr_int64_t low, apr_int64_t high, apr_pool_t *p)
{
    apr_int64_t value = UNTOUCHED;
    const char *wrong = kiss_setting_number(&value, text, low, high, p);
    __int128 n = digits(text, text + strlen(text));

    MUST((wrong == NULL) == (n >= low && n <= high && n >= 0));
    MUST(wrong ? value == UNTOUCHED : value == n);
    if (wrong) {
        check_sentence(wrong, text);
    }
}

static void check_time(const char *text, apr_int64_t low, apr_int64_t high, apr_pool_t *p)
{
    static const struct {
        const char *name;
        apr_int64_t length;
    } units[] = { { "ms", 1000 }, { "s", 1000000 }, { "", 1000000 }, { "mi", 60000000 }, { "min", 60000000 },
                  { "h", APR_INT64_C(3600000000) }, { "d", APR_INT64_C(86400000000) } };
    const char *unit = text + strspn(text, "0123456789");
    __int128 n = digits(text, unit), expected = -1;
    apr_interval_time_t value = UNTOUCHED;
    const char *wrong;
    size_t i;

    for (i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
        if (strcmp(unit, units[i].name) == 0 && n >= 0 && n <= 1000000) {
            expected = n * units[i].length;
        }
    }
    wrong = kiss_setting_time(&value, text, low, high, p);
    MUST((wrong == NULL) == (expected >= 0 && expected >= low && expected <= high));
    MUST(wrong ? value == UNTOUCHED : value == expected);
    if (wrong) {
        check_sentence(wrong, text);
    }
}

static void check_moment(const char *text, apr_pool_t *p)
{
    apr_time_t value = UNTOUCHED;
    const char *wrong = kiss_setting_moment(&value, text, p);
    kiss_date date;
    struct tm t;

    if (kiss_date_parse(&date, text, strlen(text), 0) != KISS_DATE_OK || date.year < 1970) {
        MUST(wrong && value == UNTOUCHED);
        check_sentence(wrong, text);
        return;
    }
    memset(&t, 0, sizeof(t));
    t.tm_year = date.year - 1900;
    t.tm_mon = date.month - 1;
    t.tm_mday = date.day;
    t.tm_hour = date.hour;
    t.tm_min = date.minute;
    t.tm_sec = date.second;
    MUST(!wrong && value == (apr_time_t)timegm(&t) * 1000000);
}

static void check_url(const char *text, apr_pool_t *p)
{
    const char *wrong = kiss_setting_url(text, p);

    if (wrong) {
        check_sentence(wrong, text);
        return;
    }
    MUST(strncmp(text, "http", 4) == 0 && strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                                     "-._~:/?#[]@!$&'()*+,;=%") == strlen(text));
}

/** Words as ap_getword_conf() reads them: quoted, with a backslash before a quote or a backslash; or up to a blank. */
static char *word(apr_pool_t *p, const char **args)
{
    char *out = apr_palloc(p, strlen(*args) + 1), *to = out, quote = '\0';
    const char *at = *args;

    while (apr_isspace(*at)) {
        at++;
    }
    if (*at == '"' || *at == '\'') {
        quote = *at++;
    }
    while (*at && (quote ? *at != quote : !apr_isspace(*at))) {
        at += *at == '\\' && (at[1] == '\\' || (quote && at[1] == quote));
        *to++ = *at++;
    }
    *to = '\0';
    at += quote && *at == quote;
    while (apr_isspace(*at)) {
        at++;
    }
    *args = at;
    return out;
}

/** Each pair of a text ends after it began, and has a key; where nothing is quoted the value is in the text as it is. */
static void check_pairs(const char *text, apr_pool_t *p)
{
    const char *at = text, *key = NULL, *value = NULL, *before, *wrong = NULL;

    while (*at && !wrong) {
        before = at;
        wrong = kiss_setting_pair(&key, &value, &at, word, "NAME", p);
        MUST(at > before && at <= text + strlen(text));
        MUST(wrong ? *wrong != '\0' : *key != '\0' && !strchr(key, '=') && value);
        MUST(wrong || strpbrk(text, "\\\"'") || (strstr(text, value) && !strpbrk(value, " \t")));
    }
}

/** A value that is written in quotes is read again. */
static void check_quoted(const char *text, apr_pool_t *p)
{
    const char *at = apr_pstrcat(p, "first=\"", text, "\" second=x", NULL), *key, *value;

    if (!strpbrk(text, "\"\\")) {
        MUST(!kiss_setting_pair(&key, &value, &at, word, "NAME", p));
        MUST(strcmp(key, "first") == 0 && strcmp(value, text) == 0);
        MUST(!kiss_setting_pair(&key, &value, &at, word, "NAME", p));
        MUST(strcmp(key, "second") == 0 && strcmp(value, "x") == 0);
        MUST(*at == '\0');
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    apr_pool_t *p = fuzz_pool();
    const char *text = apr_pstrmemdup(p, (const char *)data, size);
    apr_int64_t low = size % 7, high = low + (apr_int64_t)size * (size % 2 ? 1 : 100000000000);

    check_number(text, 0, 1000000, p);
    check_number(text, low, high, p);
    check_time(text, low, high, p);
    check_time(text, 0, KISS_D(1000000), p);
    check_moment(text, p);
    check_url(text, p);
    check_pairs(text, p);
    check_quoted(text, p);
    apr_pool_clear(p);
    return 0;
}
