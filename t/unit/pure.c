/* SPDX-License-Identifier: Apache-2.0 */
/* Unit tests of the pure units, in TAP. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <apr_escape.h>
#include <apr_general.h>
#include <apr_strings.h>

#include "lib/api/customer.h"
#include "lib/api/list_plan.h"
#include "lib/api/plan.h"
#include "lib/api/route.h"
#include "lib/base/date.h"
#include "lib/base/decimal.h"
#include "lib/base/etag.h"
#include "lib/base/json_parse.h"
#include "lib/base/json_text.h"
#include "lib/base/urlencoded.h"
#include "lib/credential/apikey.h"
#include "lib/credential/jwt.h"
#include "lib/credential/jwt_cache.h"
#include "lib/file/cache_file.h"
#include "lib/ratelimit/fixed_window.h"
#include "lib/ratelimit/sliding_window.h"

static int count, failures;
static apr_pool_t *pool;

static void ok(int good, const char *what)
{
    printf("%sok %d - %s\n", good ? "" : "not ", ++count, what);
    failures += !good;
}

static void is(const char *got, const char *expected, const char *what)
{
    ok(strcmp(got, expected) == 0, what);
    if (strcmp(got, expected) != 0) {
        printf("#      got: %s\n# expected: %s\n", got, expected);
    }
}

/* --- decimals --- */

static void decimal(const char *text, kiss_decimal_status expected, const char *formatted)
{
    apr_int64_t v = 0;
    char out[KISS_DECIMAL_TEXT];
    kiss_decimal_status status = kiss_decimal_parse(&v, text, strlen(text), 12, 4);

    ok(status == expected, apr_psprintf(pool, "decimal '%s' is %s", text, formatted));
    if (status == KISS_DECIMAL_OK) {
        kiss_decimal_format(out, v, 4);
        is(out, formatted, "and keeps its digits");
    }
}

static void discount(const char *price, const char *percent, const char *expected)
{
    apr_int64_t p = 0, d = 0, net = 0;
    char out[KISS_DECIMAL_TEXT];

    kiss_decimal_parse(&p, price, strlen(price), 12, 4);
    kiss_decimal_parse(&d, percent, strlen(percent), 7, 4);
    ok(kiss_decimal_discount(&net, p, d) == 0, "a discount can be computed");
    kiss_decimal_format(out, net, 4);
    is(out, expected, apr_psprintf(pool, "%s less %s %%", price, percent));
}

static void test_decimals(void)
{
    apr_int64_t net = 7;

    decimal("19.95", KISS_DECIMAL_OK, "19.9500");
    decimal("0", KISS_DECIMAL_OK, "0.0000");
    decimal("-0.5", KISS_DECIMAL_OK, "-0.5000");
    decimal("-0", KISS_DECIMAL_OK, "0.0000");
    decimal("-0.00000", KISS_DECIMAL_OK, "0.0000");
    decimal("-99999999.9999", KISS_DECIMAL_OK, "-99999999.9999");
    decimal("+7.5", KISS_DECIMAL_OK, "7.5000");
    decimal("00012", KISS_DECIMAL_OK, "12.0000");
    decimal("99999999.9999", KISS_DECIMAL_OK, "99999999.9999");
    decimal("1.10000", KISS_DECIMAL_OK, "1.1000");
    decimal("1.00001", KISS_DECIMAL_SCALE, "too fine");
    decimal("100000000", KISS_DECIMAL_RANGE, "too large");
    decimal("", KISS_DECIMAL_SYNTAX, "empty");
    decimal(".", KISS_DECIMAL_SYNTAX, "a point");
    decimal("1.", KISS_DECIMAL_SYNTAX, "cut");
    decimal("1e3", KISS_DECIMAL_SYNTAX, "an exponent");
    decimal(" 1", KISS_DECIMAL_SYNTAX, "a blank");
    decimal("1,5", KISS_DECIMAL_SYNTAX, "a comma");
    decimal("-", KISS_DECIMAL_SYNTAX, "a sign");
    discount("19.95", "7.5", "18.4538");          /* 18.45375 */
    discount("0.0001", "50", "0.0001");           /* 0.00005: half away from zero */
    discount("0.0001", "50.0001", "0.0000");
    discount("99999999.9999", "0.0001", "99999899.9999");
    discount("10", "100", "0.0000");
    discount("10", "33.3333", "6.6667");
    discount("-0.0001", "50", "-0.0001");         /* -0.00005: half away from zero, below it too */
    discount("-0.0001", "50.0001", "0.0000");     /* no negative zero */
    discount("-19.95", "7.5", "-18.4538");
    discount("-99999999.9999", "0", "-99999999.9999");
    discount("99999999.9999", "100", "0.0000");
    discount("-1.00005", "0", "0.0000");          /* refused by the parser: stays 0 */
    ok(kiss_decimal_discount(&net, APR_INT64_MAX, 0) == -1 && net == 7, "an overflow is noticed");
    ok(kiss_decimal_discount(&net, 1, 1000001) == -1, "so is more than 100 %");
}

/* --- dates --- */

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

/* --- windows --- */

/** Takes the first tag of a header. */
static kiss_etag first_tag(const char *header)
{
    kiss_etag tag = { "", 0, 0 };

    kiss_etag_next(&tag, &header);
    return tag;
}

static void test_etags(void)
{
    static const char bare[] = "AAAAAAAAAAAAAAAAAAAA-_";
    static const char *const of_the_content[] = { "\"AAAAAAAAAAAAAAAAAAAA-_\"", "W/\"AAAAAAAAAAAAAAAAAAAA-_-gzip\"",
                                                  "\"AAAAAAAAAAAAAAAAAAAA-_--br\"", " , \"AAAAAAAAAAAAAAAAAAAA-_-x1\"" };
    static const char *const others[] = { "\"AAAAAAAAAAAAAAAAAAAA-\"", "\"AAAAAAAAAAAAAAAAAAAA-_-\"",
                                          "\"AAAAAAAAAAAAAAAAAAAA-_--\"",
                                          "\"AAAAAAAAAAAAAAAAAAAA-_gzip\"", "\"AAAAAAAAAAAAAAAAAAAA-_-gzip-gzip\"",
                                          "\"AAAAAAAAAAAAAAAAAAAA-_---br\"", "\"AAAAAAAAAAAAAAAAAAAA-_-a234567890123456x\"",
                                          "\"../AAAAAAAAAAAAAAAAA-_\"", "\"\"", "AAAAAAAAAAAAAAAAAAAA-_",
                                          "\"AAAAAAAAAAAAAAAAAAAA-_" };
    const char *list = "\"a\",W/\"b\" , nonsense \"c";
    kiss_etag tag;
    apr_size_t i;

    for (i = 0; i < sizeof(of_the_content) / sizeof(of_the_content[0]); i++) {
        tag = first_tag(of_the_content[i]);
        ok(kiss_etag_stands_for(&tag, bare) && kiss_etag_bare(&tag, 22) == 22, of_the_content[i]);
    }
    for (i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        tag = first_tag(others[i]);
        ok(!kiss_etag_stands_for(&tag, bare) && kiss_etag_bare(&tag, 22) == 0, others[i]);
    }
    ok(kiss_etag_next(&tag, &list) && !tag.weak && kiss_etag_is(&tag, "a"), "first of a list");
    ok(kiss_etag_next(&tag, &list) && tag.weak && !kiss_etag_is(&tag, "b"), "a weak tag is no strong match");
    ok(!kiss_etag_next(&tag, &list) && !list && !kiss_etag_next(&tag, &list), "what has no end is none");
    ok(kiss_etag_is_any("*") && kiss_etag_is_any(" * ") && !kiss_etag_is_any("*x") && !kiss_etag_is_any("\"*\""), "any");
}

static void test_windows(void)
{
    const apr_int64_t minute = kiss_fixed_window_length[KISS_WINDOW_MINUTE];
    kiss_fixed_window w = { 0, 0 };
    kiss_fixed_window_state s;
    int i, passed = 0;

    for (i = 0; i < 100; i++) {
        passed += !kiss_fixed_window_take(&w, 1000 + i, minute, 60).exceeded;
    }
    ok(passed == 60, "sixty of a hundred pass");
    s = kiss_fixed_window_take(&w, 1000 + minute - 1, minute, 60);
    ok(s.exceeded && s.wait == 1 && kiss_fixed_window_seconds(s.wait) == 1, "one microsecond before its end it is still shut");
    s = kiss_fixed_window_take(&w, 1000 + minute, minute, 60);
    ok(!s.exceeded && s.remaining == 59 && s.wait == minute, "at its end a new one begins with this request");
    w.count = APR_UINT32_MAX;
    s = kiss_fixed_window_take(&w, 1001 + minute, minute, 60);
    ok(s.exceeded && w.count == APR_UINT32_MAX, "the counter does not wrap");
    ok(kiss_fixed_window_seconds(1000001) == 2 && kiss_fixed_window_seconds(1000000) == 1, "seconds are rounded up");
}

/* --- Retry-After, in whole seconds, whatever the history and however often the limits were changed --- */

#define MINUTE (APR_INT64_C(60) * 1000000)
#define SECOND APR_INT64_C(1000000)

static apr_uint64_t seed = 20261121;

static apr_uint32_t dice(apr_uint32_t below)
{
    seed = seed * APR_UINT64_C(6364136223846793005) + APR_UINT64_C(1442695040888963407);
    return (apr_uint32_t)(seed >> 33) % below;
}

/** A request in both windows. @return what is refused, or -1 */
static int ask(kiss_fixed_window w[KISS_WINDOWS], apr_int64_t now, const apr_uint32_t limit[KISS_WINDOWS],
               kiss_fixed_window_state state[KISS_WINDOWS])
{
    int i;

    for (i = 0; i < KISS_WINDOWS; i++) {
        state[i] = kiss_fixed_window_take(&w[i], now, kiss_fixed_window_length[i], limit[i]);
    }
    return kiss_fixed_window_hit(state, KISS_WINDOWS);
}

/** What is wrong with the wait that a refused client was told, or NULL. It is tried on copies. */
static const char *wrong_wait(const kiss_fixed_window w[KISS_WINDOWS], apr_int64_t now, const apr_uint32_t limit[KISS_WINDOWS],
                              apr_int64_t seconds)
{
    kiss_fixed_window early[KISS_WINDOWS], late[KISS_WINDOWS];
    kiss_fixed_window_state state[KISS_WINDOWS];

    memcpy(early, w, sizeof(early));
    memcpy(late, w, sizeof(late));
    if (seconds < 1 || seconds > 3600) {
        return "it is not from 1 to 3600 seconds";
    }
    if (ask(late, now + seconds * SECOND, limit, state) >= 0) {
        return "after it the request is refused";
    }
    return ask(early, now + (seconds - 1) * SECOND, limit, state) < 0 ? "a second before, the request passes" : NULL;
}

static void test_retry_after(void)
{
    kiss_fixed_window w[KISS_WINDOWS] = { { 0, 0 }, { 0, 0 } };
    kiss_fixed_window_state state[KISS_WINDOWS];
    apr_uint32_t limit[KISS_WINDOWS] = { 5, 20 };
    apr_int64_t now = 1000;
    int i, refused = 0, hours = 0, both = 0;
    const char *wrong = NULL;

    for (i = 0; i < 300000 && !wrong; i++) {
        int hit;

        now += dice(20) ? dice(3000000) : dice(4) ? dice(90) * SECOND : (apr_int64_t)dice(90) * MINUTE;
        if (!dice(10)) {
            limit[0] = 1 + dice(12);
            limit[1] = 1 + dice(60);
        }
        hit = ask(w, now, limit, state);
        if (hit >= 0) {
            refused++;
            hours += hit == KISS_WINDOW_HOUR;
            both += state[KISS_WINDOW_MINUTE].exceeded && !state[KISS_WINDOW_HOUR].exceeded && hit == KISS_WINDOW_HOUR;
            wrong = wrong_wait(w, now, limit, kiss_fixed_window_seconds(state[hit].wait));
        }
    }
    ok(!wrong, apr_psprintf(pool, "Retry-After of two windows: %d requests, %d refused, %d by the hour: %s", i, refused, hours,
                            wrong ? wrong : "true"));
    ok(both > 0 && hours < refused, "a minute that was exceeded in an hour that has just nothing left was among them");
}

/** The same of a sliding hour with limits from 1 to `high`. */
static void sliding_retry_after(apr_uint32_t high, int steps)
{
    kiss_sliding_window *s = calloc(1, sizeof(*s)), *copy = malloc(sizeof(*copy));
    apr_uint32_t limit = high, pause = (apr_uint32_t)(MINUTE * 60 / high);
    apr_int64_t now = 1000, seconds;
    int i, refused = 0, lowered = 0, late = 0, early = 0;

    for (i = 0; i < steps; i++) {
        kiss_fixed_window_state state;

        now += !dice(4 * high) ? (apr_int64_t)dice(90) * MINUTE : dice(8) ? dice(pause) : 0;
        limit = dice(100) ? limit : 1 + dice(high);
        state = kiss_sliding_window_take(s, now, kiss_fixed_window_length[KISS_WINDOW_HOUR], limit);
        if (!state.exceeded || dice(20)) {
            continue;
        }
        refused++;
        lowered += s->next - s->first > limit;
        seconds = kiss_fixed_window_seconds(state.wait);
        memcpy(copy, s, sizeof(*s));
        late += kiss_sliding_window_take(copy, now + seconds * SECOND, kiss_fixed_window_length[KISS_WINDOW_HOUR], limit).exceeded;
        memcpy(copy, s, sizeof(*s));
        early += !kiss_sliding_window_take(copy, now + (seconds - 1) * SECOND, kiss_fixed_window_length[KISS_WINDOW_HOUR], limit).exceeded;
    }
    ok(late == 0 && early == 0, apr_psprintf(pool, "Retry-After of a sliding hour, limits up to %u: of %d waits %d were too "
                                             "short and %d too long", high, refused, late, early));
    ok(lowered > 0 && lowered < refused, apr_psprintf(pool, "... among them %d under a limit that was lowered", lowered));
    free(s);
    free(copy);
}

/* --- the sliding window, against a model that remembers every request --- */

#define HOUR (APR_INT64_C(3600) * 1000000)

/** Times of all requests that were let through, oldest first. */
typedef struct {
    apr_int64_t *at;
    int first, n, room;
} history;

static void remember(history *h, apr_int64_t at)
{
    if (h->n == h->room) {
        h->room = h->room ? 2 * h->room : 1024;
        h->at = realloc(h->at, (size_t)h->room * sizeof(*h->at));
    }
    h->at[h->n++] = at;
}

static int in_last_hour(history *h, apr_int64_t now)
{
    while (h->first < h->n && now - h->at[h->first] >= HOUR) {
        h->first++;
    }
    return h->n - h->first;
}

/** What the model finds wrong with one step, or NULL. Up to KISS_SLIDING_ENTRIES the window must be exact. */
static const char *disagreement(const kiss_fixed_window_state *s, const history *h, int before, apr_uint32_t limit,
                                apr_int64_t now, int exact)
{
    apr_uint32_t after = (apr_uint32_t)before + !s->exceeded;

    if (!s->exceeded && (apr_uint32_t)before >= limit) {
        return "more than the limit passed in an hour";
    }
    if (s->wait < 1 || s->wait > HOUR) {
        return "the wait is not within the hour";
    }
    if (s->remaining > limit || (exact && s->remaining != (limit > after ? limit - after : 0))) {
        return "the remaining number is wrong";
    }
    if (exact && s->exceeded && (apr_uint32_t)before < limit) {
        return "refused though there was room";
    }
    /* Until more remain: the oldest leaves, or as many as are too many under a limit that was lowered. */
    return exact && after && s->wait != h->at[h->first + (after > limit ? (int)(after - limit) : 0)] + HOUR - now
           ? "the wait is not that of the request with which there is room" : NULL;
}

/** One random history under limits that change between `low` and `high`; `steps` requests. */
static void sliding(apr_uint32_t low, apr_uint32_t high, int steps, const char *what)
{
    const apr_uint32_t pause = (apr_uint32_t)(HOUR / (high < 2 ? 2 : high)) | 1;   /* about twice as many as may pass */
    int exact = high <= KISS_SLIDING_ENTRIES, refused = 0, i, waits = 0;
    kiss_sliding_window *s = calloc(1, sizeof(*s));
    apr_int64_t now = APR_INT64_C(1) + dice(1000000);
    apr_uint32_t limit = high;
    const char *wrong = NULL;
    history h = { 0 };

    for (i = 0; i < steps && !wrong; i++) {
        kiss_fixed_window_state state;
        int before;

        now += !dice(4 * high) ? (apr_int64_t)dice(90) * 60000000 : dice(8) ? dice(pause) : 0;
        limit = dice(200) ? limit : low + dice(high - low + 1);
        before = in_last_hour(&h, now);
        state = kiss_sliding_window_take(s, now, HOUR, limit);
        if (!state.exceeded) {
            remember(&h, now);
        }
        wrong = disagreement(&state, &h, before, limit, now, exact);
        refused += state.exceeded;
        if (state.exceeded && !wrong && !dice(50)) {
            /* A microsecond too early it is still shut; after the wait one passes. */
            now += state.wait;
            if (exact && !kiss_sliding_window_take(s, now - 1, HOUR, limit).exceeded) {
                wrong = "it opened too early";
            }
            before = in_last_hour(&h, now);
            state = kiss_sliding_window_take(s, now, HOUR, limit);
            wrong = wrong ? wrong : state.exceeded ? "after the wait nothing passes" : NULL;
            wrong = wrong ? wrong : (apr_uint32_t)before >= limit ? "after the wait too many pass" : NULL;
            remember(&h, now);
            waits++;
        }
    }
    ok(!wrong, apr_psprintf(pool, "sliding, %s: %d requests, %d refused, %d waits: %s", what, i, refused, waits,
                            wrong ? wrong : "as the model says"));
    ok(refused > 0 && waits > 0 && refused < steps, apr_psprintf(pool, "sliding, %s: both happened", what));
    free(h.at);
    free(s);
}

static void test_sliding(void)
{
    kiss_sliding_window *s = calloc(1, sizeof(*s));
    kiss_fixed_window_state state;
    apr_int64_t start = 1000, now;
    int i, passed = 0;

    sliding(1, 1, 20000, "limit 1");
    sliding(60, 60, 100000, "limit 60");
    sliding(1000, 1000, 100000, "limit 1000");
    sliding(2048, 2048, 100000, "limit 2048");
    sliding(2049, 2049, 100000, "limit 2049");
    sliding(5000, 5000, 200000, "limit 5000");
    sliding(100000, 100000, 1000000, "limit 100000");
    sliding(1, 2048, 200000, "a limit that changes");
    sliding(500, 100000, 1000000, "a limit that changes, entries shared");

    for (i = 0; i < 100; i++) {
        state = kiss_sliding_window_take(s, start, HOUR, 60);
        passed += !state.exceeded;
    }
    ok(passed == 60 && state.wait == HOUR && kiss_fixed_window_seconds(HOUR) == 3600, "sixty of a hundred at once pass");
    ok(kiss_sliding_window_take(s, start + HOUR - 1, HOUR, 60).exceeded, "one microsecond before the hour it is shut");
    state = kiss_sliding_window_take(s, start + HOUR, HOUR, 60);
    ok(!state.exceeded && state.remaining == 59 && state.wait == HOUR, "at the hour all have left");

    /* The clock of a machine that runs for years, never silent for an hour. */
    memset(s, 0, sizeof(*s));
    for (now = start, i = 0; now < 400 * 24 * HOUR; now += HOUR / 3, i++) {
        state = kiss_sliding_window_take(s, now, HOUR, 3);
        passed = i < 3 ? !state.exceeded : passed && !state.exceeded && state.remaining == 0;
    }
    ok(passed, "four hundred days, three an hour");
    memset(s, 0, sizeof(*s));
    kiss_sliding_window_take(s, start, HOUR, 1);
    ok(kiss_sliding_window_take(s, start + HOUR - 1, HOUR, 1).exceeded, "a day that does not end");
    ok(!kiss_sliding_window_take(s, start + 26 * 24 * HOUR, HOUR, 1).exceeded, "26 days later");
    ok(kiss_sliding_window_take(s, start + 26 * 24 * HOUR + 1, HOUR, 1).exceeded, "and it counts again");

    /* Two processes look at the clock, and the later look is counted first. */
    memset(s, 0, sizeof(*s));
    kiss_sliding_window_take(s, start + 5000000, HOUR, 2);
    state = kiss_sliding_window_take(s, start, HOUR, 2);
    ok(!state.exceeded && state.remaining == 0 && state.wait <= HOUR, "a look at the clock that comes second");
    ok(kiss_sliding_window_take(s, start + HOUR + 4999999, HOUR, 2).exceeded, "it counts for an hour of the later look");
    state = kiss_sliding_window_take(s, start + HOUR + 5000000, HOUR, 2);
    ok(!state.exceeded && state.remaining == 1, "and no longer");
    free(s);
}

/* --- JSON --- */

static void string(const char *text, apr_size_t len, const char *expected, apr_size_t bad, const char *what)
{
    struct printbuf *pb = printbuf_new();
    apr_size_t replaced = 0;

    ok(kiss_json_text_string(pb, text, len, &replaced) == 0 && replaced == bad, what);
    is(apr_pstrmemdup(pool, pb->buf, (apr_size_t)pb->bpos), expected, what);
    printbuf_free(pb);
}

static void test_json(void)
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

    string("a\"\\\n\t\x01/", 7, "\"a\\\"\\\\\\n\\t\\u0001/\"", 0, "escapes");
    string("\xc3\xa4\xe2\x82\xac\xf0\x9f\x8e\x83", 9, "\"\xc3\xa4\xe2\x82\xac\xf0\x9f\x8e\x83\"", 0, "UTF-8 as it is");
    string("\xff" "a\xc3", 3, "\"\xef\xbf\xbd" "a\xef\xbf\xbd\"", 2, "invalid bytes");
    string("\xed\xa0\x80", 3, "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"", 3, "a surrogate");
    string("\xc0\xaf", 2, "\"\xef\xbf\xbd\xef\xbf\xbd\"", 2, "an overlong form");
    string("\xf4\x90\x80\x80", 4, "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"", 4, "beyond U+10FFFF");
    terms.fragment[KISS_TERM_CURRENCY] = kiss_row_json_term("G\"P", pool);
    kiss_row_json_write(pb, w, &terms, values, NULL, &replaced, &column);
    kiss_row_json_write(pb, w, &terms, nulls, NULL, &replaced, &column);
    is(apr_pstrmemdup(pool, pb->buf, (apr_size_t)pb->bpos),
       "{\"Text\":\"x\",\"Decimal\":30.00,\"Quantity\":12,\"Price\":18.4538,\"Yes\":false,\"Date\":null,\"Term\":\"G\\\"P\"}"
       "{\"Text\":\"\",\"Decimal\":0,\"Quantity\":0,\"Price\":1.0000,\"Yes\":false,\"Date\":\"2026-06-15\","
       "\"Term\":\"G\\\"P\"}", "rows of every type, and of NULLs");
    printbuf_free(pb);
}

/** All days of the calendar's ends, and one in a hundred of the others, against the C library's calendar. */
static void test_json_days(void)
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

/** Names of kept lists, as they are given and as people see them. */
static void test_snapshot_names(void)
{
    static const char *const expected[] = {
        "PPPPPPPPPPPPPPPP@TTTTTTTTTTTTTTTTTTTTTT", "PPPPPPPPPPPPPPPP@TTTTTTTTTTTTTTTTTTTTTT-gzip",
        "PPPPPPPPPPPPPPPP@TTTTTTTTTTTTTTTTTTTTTT.BBBBBBBBBBBBBBBBBBBBBB",
        "PPPPPPPPPPPPPPPP@TTTTTTTTTTTTTTTTTTTTTT.BBBBBBBBBBBBBBBBBBBBBB-gzip"
    };
    const char *place = "PPPPPPPPPPPPPPPP", *tag = "TTTTTTTTTTTTTTTTTTTTTT", *base = "BBBBBBBBBBBBBBBBBBBBBB";
    int i, wrong = 0;

    for (i = 0; i < 4; i++) {
        const char *name = kiss_cache_file_name(place, tag, i > 1 ? base : NULL, i % 2, pool);
        const char *file = apr_pstrcat(pool, name, KISS_CACHE_FILE_SUFFIX, NULL);

        wrong += strcmp(name, expected[i]) != 0 || strlen(name) > KISS_CACHE_FILE_NAME;
        wrong += strcmp(kiss_cache_file_shown(file, pool), strchr(expected[i], 'T')) != 0;
    }
    ok(wrong == 0 && strlen(expected[3]) == KISS_CACHE_FILE_NAME, "a list, a delta, either compressed: their names");
    ok(strcmp(kiss_cache_file_shown("TTTTTTTTTTTTTTTTTTTTTT.json", pool), tag) == 0, "... and one of former versions");
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
    kiss_row_json_status status = kiss_row_json_write(pb, kiss_row_json_writer_make(columns, NULL, 0, pool), &terms, values, NULL, &replaced,
                                            &column);

    is(status == KISS_ROW_JSON_OK ? apr_pstrmemdup(pool, pb->buf, (apr_size_t)pb->bpos) : column, expected,
       apr_psprintf(pool, "%s and %s as JSON", day, time));
    printbuf_free(pb);
}

static void test_json_dates(void)
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

static void test_json_numbers(void)
{
    quantity("100", "100");
    quantity("100.00", "100");
    quantity("100.50", "100.5");
    quantity("0.00", "0");
    quantity("-0.50", "-0.5");
    quantity("-10.00", "-10");
    quantity("999999999999.999999", "999999999999.999999");
}

/* --- forms --- */

/* --- JSON that is read --- */

static void parsed(const char *text, int good)
{
    ok((kiss_json_parse(text, strlen(text), 3, pool) != NULL) == good,
       apr_psprintf(pool, "JSON %s: %s", good ? "taken" : "refused", apr_pescape_echo(pool, text, 1)));
}

/** The same with every version of json-c. */
static void test_json_parse(void)
{
    static const char *const good[] = {
        "{}", " [ ] ", "\r\n\t{ \"a\" : 1 }\n", "true", "false", "\"\"", "0", "-0", "1.50", "1e9", "-1.5E-7", "1e400",
        "9223372036854775807", "-9223372036854775808", "18446744073709551616", "-9223372036854775809", "100000000000000000000000000", "\"Z\xc3\x9c-1\"", "{\"M\xc3\x9cLLER\":\"\xf0\x9f\x8d\x8b\"}",
        "\"\\u00dc \\ud83c\\udf4b \\\" \\/ \\b\\f\\n\\r\\t\"", "[[[1]]]", "{\"a\":{\"b\":{\"c\":1}}}", "{\"a\":1,\"b\":{\"a\":1}}",
        "\"\\u0000\"", "\"\x7f\"", "{\"a\":\"\\u0000\",\"b\":1}", "{\"\\\\u0000\":1}"
    };
    static const char *const bad[] = {
        "", " ", "{", "}", "{\"a\":1", "{\"a\" 1}", "{a:1}", "{'a':1}", "{\"a\":1,}", "[1,]", "[,1]", "[1 2]", "{} {}", "{}x", "nul", "NULL", "True",
        "NaN", "nan", "Infinity", "-Infinity", "1.", ".5", "+1", "01", "-", "-01", "1e", "1e+", "0x1", "1.e3", "--1",
        "\"\n\"", "\"\t\"", "\"\x1f\"", "\"a", "\"\\x\"", "\"\\u12\"",
        "\"\\u12g4\"", "\"\\ud83c\"", "\"\\udf4b\"", "\"\\ud83c\\u0041\"", "\"\\ud83cx\"", "\"\xff\"", "\"\xc3\"", "\"\xed\xa0\x80\"", "[[[[1]]]]",
        "{\"a\":1,\"a\":2}", "{\"a\":1,\"\\u0061\":2}", "[{\"a\":{\"b\":1,\"b\":1}}]",
        "{\"a\\u0000\":1}", "{\"\\u0000\":1}", "[{\"x\":{\"a\\u0000b\":1}}]", "/* */ 1", "1 // 2", "\xef\xbb\xbf{}", "\xc2\xa0{}"
    };
    int i;

    for (i = 0; i < (int)(sizeof(good) / sizeof(*good)); i++) {
        parsed(good[i], 1);
    }
    for (i = 0; i < (int)(sizeof(bad) / sizeof(*bad)); i++) {
        parsed(bad[i], 0);
    }
    ok(!kiss_json_parse("{}\0", 3, 3, pool) && !kiss_json_parse("\"a\0b\"", 5, 3, pool), "a NUL stands nowhere");
    ok(json_object_get_int64(kiss_json_parse("100000000000000000000", 21, 3, pool)) == APR_INT64_MAX, "beyond 64 bits: the last one");
    ok(strcmp(json_object_get_string(kiss_json_parse("\"\\ud83c\\udf4b\"", 14, 3, pool)), "\xf0\x9f\x8d\x8b") == 0, "a pair is a letter");
}

static void test_forms(void)
{
    apr_pool_t *p = pool;
    apr_table_t *f;

    ok(kiss_urlencoded_parse(&f, "a=1&b=%C3%A4+x&c=&d", 19, p) == KISS_URLENCODED_OK, "a form");
    is(kiss_urlencoded_get(f, "b"), "\xc3\xa4 x", "is decoded");
    ok(!kiss_urlencoded_get(f, "c") && !kiss_urlencoded_get(f, "d") && !kiss_urlencoded_get(f, "A"), "empty is absent; names keep their case");
    ok(kiss_urlencoded_parse(&f, "a=1&a=2", 7, p) == KISS_URLENCODED_REPEATED, "a name twice");
    ok(kiss_urlencoded_parse(&f, "a=&a=2", 6, p) == KISS_URLENCODED_REPEATED, "even when one is empty");
    ok(kiss_urlencoded_parse(&f, "a=%4", 4, p) == KISS_URLENCODED_ENCODING && kiss_urlencoded_parse(&f, "a=%zz", 5, p) == KISS_URLENCODED_ENCODING
       && kiss_urlencoded_parse(&f, "a=%00", 5, p) == KISS_URLENCODED_ENCODING, "broken escapes and NUL");
    ok(kiss_urlencoded_parse(&f, "", 0, p) == KISS_URLENCODED_OK && kiss_urlencoded_parse(&f, "&&=&", 4, p) == KISS_URLENCODED_OK, "nothing");
}

/* --- secrets and tokens --- */

/** HMAC-SHA-256 of `data`, which is as published. */
static void hmac(const char *key, apr_size_t key_len, const char *data, const char *expected, const char *what)
{
    unsigned char out[KISS_SHA256_LEN];

    ok(kiss_crypto_hmac(out, key, key_len, data, strlen(data)), what);
    is(apr_pescape_hex(pool, out, sizeof(out), 0), expected, what);
}

/** RFC 4231: keys shorter and longer than a block, and what one key leaves behind for the next. */
static void test_hmac(void)
{
    char aa[131];
    int i;

    memset(aa, 0xaa, sizeof(aa));
    for (i = 0; i < 2; i++) {
        hmac("Jefe", 4, "what do ya want for nothing?", "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
             "RFC 4231, case 2");
        hmac(aa, sizeof(aa), "Test Using Larger Than Block-Size Key - Hash Key First",
             "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54", "RFC 4231, case 6");
        hmac("", 0, "", "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad", "neither key nor text");
    }
}

static void test_tokens(void)
{
    apr_pool_t *p = pool;
    const char *line = "k1 AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n", *token, *e;
    const char *other = "k2 BBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBA\n";
    kiss_jwt_policy policy = { NULL, "https://issuer", "https://issuer", 3600 }, second;
    apr_array_header_t *keys = NULL;
    kiss_jwt_claims said;
    unsigned char *bytes;
    kiss_apikey key;
    apr_size_t n;

    ok(kiss_jwt_keys_parse(&keys, line, p) == NULL && keys->nelts == 1, "a key file");
    policy.keys = keys;
    token = kiss_jwt_sign(&policy, "ACME01", 1000000, p);
    ok(token && !kiss_jwt_verify(&said, &policy, token, 1000000, p), "a token is good");
    is(said.customer, "ACME01", "and names the customer");
    ok(said.from == 999970 && said.until == 1003630, "and says when it is good");
    ok(!kiss_jwt_verify(&said, &policy, token, 1003629, p), "29 s past its end it still is");
    is(kiss_jwt_verify(&said, &policy, token, 1003630, p), "expired", "30 s past its end it is not");
    is(kiss_jwt_verify(&said, &policy, token, 999969, p), "not valid yet", "31 s before its time neither");
    ok(!kiss_jwt_sign(&policy, "\xff", 1000000, p), "none is made for a name that is not UTF-8");
    second = policy;
    second.issuer = "a \"b\" \\ \xc3\xbc";
    token = kiss_jwt_sign(&second, "\"\xc3\xbc\"\n", 1000000, p);
    ok(token && !kiss_jwt_verify(&said, &second, token, 1000000, p), "quotes are no end");
    is(said.customer, "\"\xc3\xbc\"\n", "of a name");
    token = kiss_jwt_sign(&policy, "ACME01", 1000000, p);
    second = policy;
    second.audience = "x";
    ok(kiss_jwt_verify(&said, &second, token, 1000000, p) != NULL, "for another audience");
    ok(!kiss_jwt_keys_parse(&keys, apr_pstrcat(p, "# new\n", other, line, NULL), p) && keys->nelts == 2, "two keys");
    second = policy;
    second.keys = keys;
    ok(!kiss_jwt_verify(&said, &second, token, 1000000, p), "an old key still verifies");
    kiss_jwt_keys_parse(&keys, other, p);
    second.keys = keys;
    is(kiss_jwt_verify(&said, &second, token, 1000000, p), "the key id is unknown", "until it is removed");
    e = kiss_jwt_keys_parse(&keys, "k1 AAAA\n", p);
    ok(e && strstr(e, "fewer than 256") && !strstr(e, "AAAA"), "a short key is refused, and not repeated");
    ok(kiss_jwt_keys_parse(&keys, "# none\n", p) != NULL, "an empty file is refused");
    ok(kiss_jwt_keys_parse(&keys, apr_pstrcat(p, line, line, NULL), p) != NULL, "an id twice is refused");
    ok(kiss_jwt_keys_parse(&keys, "../x AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n", p) != NULL, "an id is no path");
    ok(!kiss_crypto_unbase64url(&bytes, &n, "AAB", 3, p) && !kiss_crypto_unbase64url(&bytes, &n, "A", 1, p)
       && !kiss_crypto_unbase64url(&bytes, &n, "AA=", 3, p), "base64url is read strictly");
    ok(kiss_apikey_make(&key, p) == APR_SUCCESS && strlen(key.text) == 57 && strncmp(key.text + 5, key.prefix, 8) == 0,
       "a key has its prefix inside");
}

/** Verdicts: what was verified once is accepted again, and nothing else is. */
static void test_verdicts(void)
{
    const char *line = "k1 AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n", *customer = NULL, *token, *last = NULL;
    kiss_jwt_policy policy = { NULL, "https://issuer", "https://issuer", 3600 }, other;
    apr_array_header_t *keys = NULL, *elsewhere = NULL;
    apr_pool_t *p = pool;
    kiss_jwt_cache *v = NULL;
    int i, good = 0;

    ok(kiss_jwt_cache_create(&v, p) == APR_SUCCESS, "verdicts are made");
    kiss_jwt_keys_parse(&keys, line, p);
    kiss_jwt_keys_parse(&elsewhere, "k1 BBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBA\n", p);
    policy.keys = keys;
    token = kiss_jwt_sign(&policy, "ACME01", 1000000, p);
    ok(!kiss_jwt_cache_verify(v, &customer, &policy, token, 1000000, p), "a token is good");
    customer = NULL;
    ok(!kiss_jwt_cache_verify(v, &customer, &policy, token, 1000001, p), "and again");
    is(customer, "ACME01", "and names the customer");
    ok(!kiss_jwt_cache_verify(v, &customer, &policy, token, 1003629, p), "29 s past its end it still is");
    is(kiss_jwt_cache_verify(v, &customer, &policy, token, 1003630, p), "expired", "30 s past its end it is not");
    is(kiss_jwt_cache_verify(v, &customer, &policy, token, 999969, p), "not valid yet", "31 s before its time neither");
    other = policy;
    other.audience = "x";
    is(kiss_jwt_cache_verify(v, &customer, &other, token, 1000000, p), "meant for another audience", "another audience");
    other.audience = policy.audience;
    other.issuer = "x";
    is(kiss_jwt_cache_verify(v, &customer, &other, token, 1000000, p), "issued by another issuer", "another issuer");
    other.issuer = policy.issuer;
    other.keys = elsewhere;
    is(kiss_jwt_cache_verify(v, &customer, &other, token, 1000000, p), "the signature is wrong", "a key of the same id");
    for (i = 0; token[i]; i++) {
        char *changed = apr_pstrdup(p, token);

        changed[i] ^= 1;
        good += !kiss_jwt_cache_verify(v, &customer, &policy, changed, 1000000, p);
    }
    ok(good == 0, "no token with one character changed is good");
    for (i = 0; i < 2000; i++) {
        last = kiss_jwt_sign(&policy, apr_psprintf(p, "C%d", i), 1000000, p);
        good += !kiss_jwt_cache_verify(v, &customer, &policy, last, 1000000, p)
                && strcmp(customer, apr_psprintf(p, "C%d", i)) == 0;
    }
    ok(good == 2000, "more tokens than there is room for");
    ok(!kiss_jwt_cache_verify(v, &customer, &policy, token, 1000000, p) && strcmp(customer, "ACME01") == 0,
       "one whose place was taken is verified again");
    last = kiss_jwt_sign(&policy, apr_psprintf(p, "%0200d", 7), 1000000, p);
    ok(!kiss_jwt_cache_verify(v, &customer, &policy, last, 1000000, p)
       && !kiss_jwt_cache_verify(v, &customer, &policy, last, 1000000, p) && strlen(customer) == 200, "a long name");
    ok(!kiss_jwt_cache_verify(NULL, &customer, &policy, token, 1000000, p), "without any memory");
}

/* --- tables --- */

static void test_tables(void)
{
    apr_pool_t *p = pool;
    static const kiss_column twice[] = { { "A", KISS_TEXT, "a" }, { "A", KISS_TEXT, "b" }, { 0 } };
    static const kiss_column plain[] = { { "A", KISS_TEXT, "a" }, { 0 } };
    static const kiss_row_filter scope[] = { { "x = ?", KISS_TERM_PRICE_LIST }, { 0 } };
    static const kiss_rowset double_name = { .from = "t", .filter = scope, .key = "a", .order = "a", .columns = twice };
    static const kiss_rowset no_scope = { .from = "t", .key = "a", .order = "a", .columns = plain };
    static const kiss_rowset shared = { .from = "t", .shared = 1, .key = "a", .order = "a", .columns = plain };
    static const kiss_rowset keys = { .from = "k", .filter = scope, .key = "k", .order = "k" };
    static const kiss_rowset *const within_keys[] = { &keys, NULL }, *const within_rows[] = { &shared, NULL };
    static const kiss_rowset good = { .from = "t", .filter = scope, .key = "a", .order = "a", .columns = plain,
                                      .semi_join = within_keys, .driving_keys = &keys };
    static const kiss_rowset within_no_keys = { .from = "t", .filter = scope, .key = "a", .order = "a", .columns = plain,
                                                .semi_join = within_rows };
    static const kiss_rowset other_few = { .from = "t", .filter = scope, .key = "a", .order = "a", .columns = plain,
                                           .driving_keys = &keys, .if_short = &double_name };
    static const kiss_rowset merged_few = { .from = "t", .filter = scope, .key = "a", .order = "a", .columns = plain,
                                            .driving_keys = &keys, .if_short = &good };
    static const kiss_rowset *const unsound[] = { &double_name, &no_scope, &shared, &keys, &within_no_keys, &other_few,
                                                  &merged_few };
    kiss_endpoint endpoints[] = {
        { .name = "e", .methods = KISS_GET, .path = "/e", .auth = KISS_AUTH_CUSTOMER, .run = KISS_RUN_LIST,
          .rows = &double_name, .data = KISS_DATA_STOCK }, { 0 }
    };
    static const kiss_dataset datasets[] = {
        { "api_key" }, { "customer" }, { "k", .data = KISS_DATA_STOCK }, { "key_usage" }, { "price_list" }, { "revision" },
        { "t", .data = KISS_DATA_STOCK }, { "warehouse" }, { 0 }
    };
    kiss_api api = { .name = "test", .profile = "1", .schema_version = 1, .credential = "Authorization",
                     .endpoints = endpoints, .datasets = datasets, .statements = kiss_customer_api.statements };
    const kiss_plan *plan;
    const char *named;
    int i, allow;

    ok(kiss_plan_make(&plan, &kiss_customer_api, p) == NULL, "the Customer API's tables are sound");
    for (i = KISS_SQL_FIXED; i < plan->count; i++) {
        const kiss_statement *s = &plan->statements[i];

        ok(s->rows->shared || (s->bound > 0 && strstr(s->text, s->rows->filter[0].sql)),
           apr_psprintf(p, "rows from %.20s carry their scope", s->rows->from));
    }
    is(kiss_list_plan_find(plan, kiss_route_find(&kiss_customer_api, "/prices", KISS_GET, &allow, &named)->rows, KISS_SQL_WHOLE)->text,
       "SELECT p.sku, p.unit_price, p.discount_eligible, p.moq, p.order_multiple FROM price p FORCE INDEX (PRIMARY)"
       " WHERE 1 AND p.price_list_code = ? ORDER BY p.sku, p.moq", "the statement of /prices");
    ok(kiss_list_plan_find(plan, kiss_route_find(&kiss_customer_api, "/stock", KISS_GET, &allow, &named)->rows->semi_join[0],
                     KISS_SQL_WHOLE)->bound == 1, "/stock is within keys that are bound to the caller");
    for (i = 0; i < (int)(sizeof(unsound) / sizeof(*unsound)); i++) {
        static const char *const what[] = {
            "a name twice is refused", "rows without scope are refused", "rows for all are refused outside of other rows",
            "rows without columns are refused", "what rows are within must be keys", "few rows must have the same columns",
            "few rows are not merged"
        };

        endpoints[0].rows = unsound[i];
        ok(kiss_plan_make(&plan, &api, p) != NULL, what[i]);
    }
    endpoints[0].rows = &good;
    ok(kiss_plan_make(&plan, &api, p) == NULL, "divided rows are sound");
    is(kiss_list_plan_find(plan, &good, KISS_SQL_RANGE)->text, "SELECT a FROM t WHERE 1 AND x = ? AND a >= ? AND a < ? ORDER BY a",
       "a range of them");
    is(kiss_list_plan_find(plan, &keys, KISS_SQL_REST)->text, "SELECT k FROM k WHERE 1 AND x = ? AND k >= ? ORDER BY k",
       "what they are within, to the end");
    is(kiss_list_plan_find(plan, &keys, KISS_SQL_NEXT)->text,
       "SELECT k FROM k WHERE 1 AND x = ? AND k >= ? ORDER BY k LIMIT 1 OFFSET ?", "the end of a range");
    ok(kiss_list_plan_find(plan, &keys, KISS_SQL_NEXT)->bound == 3 && !kiss_list_plan_find(plan, &good, KISS_SQL_WHOLE),
       "... with its values; they are never read as a whole");
    ok(!kiss_route_find(&kiss_customer_api, "/products/", KISS_GET, &allow, &named) && allow == 0, "a trailing slash is another path");
    ok(!kiss_route_find(&kiss_customer_api, "/products", KISS_POST, &allow, &named) && allow == KISS_GET, "the wrong method is told");
}

int main(void)
{
    apr_initialize();
    atexit(apr_terminate);
    apr_pool_create(&pool, NULL);
    test_decimals();
    test_dates_taken();
    test_dates_refused();
    test_date_ends();
    test_etags();
    test_windows();
    test_retry_after();
    sliding_retry_after(20, 200000);
    sliding_retry_after(1000, 400000);
    sliding_retry_after(9000, 600000);
    test_sliding();
    test_json();
    test_json_days();
    test_snapshot_names();
    test_coming_days();
    test_json_dates();
    test_json_numbers();
    test_json_parse();
    test_forms();
    test_hmac();
    test_tokens();
    test_verdicts();
    test_tables();
    printf("1..%d\n", count);
    return failures != 0;
}
