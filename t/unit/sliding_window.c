/* SPDX-License-Identifier: Apache-2.0 */
/* Unit test: the sliding hour against a model that remembers every request, and that its Retry-After is true. */
#include <stdlib.h>
#include <string.h>

#include <apr_strings.h>

#include "lib/ratelimit/fixed_window.h"
#include "lib/ratelimit/sliding_window.h"
#include "unit.h"

#define HOUR (APR_INT64_C(3600) * 1000000)
#define MINUTE (APR_INT64_C(60) * 1000000)
#define SECOND APR_INT64_C(1000000)

/** Retry-After, in whole seconds, of a sliding hour with limits from 1 to `high` that are changed. */
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
        late += kiss_sliding_window_take(copy, now + seconds * SECOND, kiss_fixed_window_length[KISS_WINDOW_HOUR],
                                         limit).exceeded;
        memcpy(copy, s, sizeof(*s));
        early += !kiss_sliding_window_take(copy, now + (seconds - 1) * SECOND, kiss_fixed_window_length[KISS_WINDOW_HOUR],
                                           limit).exceeded;
    }
    ok(late == 0 && early == 0, apr_psprintf(pool, "Retry-After of a sliding hour, limits up to %u: of %d waits %d were too "
                                             "short and %d too long", high, refused, late, early));
    ok(lowered > 0 && lowered < refused, apr_psprintf(pool, "... among them %d under a limit that was lowered", lowered));
    free(s);
    free(copy);
}

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
        int before, full;

        now += !dice(4 * high) ? (apr_int64_t)dice(90) * 60000000 : dice(8) ? dice(pause) : 0;
        limit = dice(200) ? limit : low + dice(high - low + 1);
        before = in_last_hour(&h, now);
        full = kiss_sliding_window_is_full(s, now, HOUR, limit);
        state = kiss_sliding_window_take(s, now, HOUR, limit);
        if (!state.exceeded) {
            remember(&h, now);
        }
        wrong = full != state.exceeded ? "it is not full when it refuses"
            : disagreement(&state, &h, before, limit, now, exact);
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

void unit_sliding_window(void)
{
    sliding_retry_after(20, 200000);
    sliding_retry_after(1000, 400000);
    sliding_retry_after(9000, 600000);
    test_sliding();
}
