/* SPDX-License-Identifier: Apache-2.0 */
/* Unit test: fixed windows, and that Retry-After is true whatever the history and however often the limits were changed. */
#include <string.h>

#include <apr_strings.h>

#include "lib/ratelimit/fixed_window.h"
#include "unit.h"

#define MINUTE (APR_INT64_C(60) * 1000000)
#define SECOND APR_INT64_C(1000000)

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
    ok(s.exceeded && s.wait == 1 && kiss_fixed_window_seconds(s.wait) == 1,
       "one microsecond before its end it is still shut");
    s = kiss_fixed_window_take(&w, 1000 + minute, minute, 60);
    ok(!s.exceeded && s.remaining == 59 && s.wait == minute, "at its end a new one begins with this request");
    w.count = APR_UINT32_MAX;
    s = kiss_fixed_window_take(&w, 1001 + minute, minute, 60);
    ok(s.exceeded && w.count == APR_UINT32_MAX, "the counter does not wrap");
    ok(kiss_fixed_window_seconds(1000001) == 2 && kiss_fixed_window_seconds(1000000) == 1, "seconds are rounded up");
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
static const char *wrong_wait(const kiss_fixed_window w[KISS_WINDOWS], apr_int64_t now,
                              const apr_uint32_t limit[KISS_WINDOWS],
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
    ok(!wrong, apr_psprintf(pool, "Retry-After of two windows: %d requests, %d refused, %d by the hour: %s", i, refused,
                            hours,
                            wrong ? wrong : "true"));
    ok(both > 0 && hours < refused, "a minute that was exceeded in an hour that has just nothing left was among them");
}

void unit_fixed_window(void)
{
    test_windows();
    test_retry_after();
}
