/* SPDX-License-Identifier: Apache-2.0 */
/**
 * fixed_window - counts requests in windows that start with their first request.
 */
#include "lib/ratelimit/fixed_window.h"

#include "lib/ratelimit/store_order.h"

#define SECOND APR_INT64_C(1000000)

const apr_int64_t kiss_fixed_window_length[KISS_WINDOWS] = { 60 * SECOND, 3600 * SECOND };
const char *const kiss_fixed_window_name[KISS_WINDOWS] = { "1m", "1h" };
const char *const kiss_fixed_window_policy[KISS_WINDOWS] = { "min", "hour" };

int kiss_fixed_window_over(const kiss_fixed_window *w, apr_int64_t now, apr_int64_t length)
{
    return w->count == 0 || now - w->start >= length;
}

/** The state with `count` requests counted. */
static kiss_fixed_window_state state_of(const kiss_fixed_window *w, apr_uint32_t count, apr_int64_t now, apr_int64_t length,
                                        apr_uint32_t limit)
{
    kiss_fixed_window_state state;

    state.limit = limit;
    state.exceeded = count > limit;
    state.remaining = state.exceeded ? 0 : limit - count;
    state.wait = w->start + length - now;
    return state;
}

kiss_fixed_window_state kiss_fixed_window_take(kiss_fixed_window *w, apr_int64_t now, apr_int64_t length, apr_uint32_t limit)
{
    if (kiss_fixed_window_over(w, now, length)) {
        w->count = 0;               /* first: an old count in a new window would refuse a caller without requests */
        KISS_ORDER();
        w->start = now;
        KISS_ORDER();
    }
    if (w->count < APR_UINT32_MAX) {
        w->count++;
        KISS_ORDER();
    }
    return state_of(w, w->count, now, length, limit);
}

kiss_fixed_window_state kiss_fixed_window_peek(const kiss_fixed_window *w, apr_int64_t now, apr_int64_t length,
                                               apr_uint32_t limit)
{
    apr_uint32_t count = kiss_fixed_window_over(w, now, length) ? 0 : w->count;
    kiss_fixed_window_state state = state_of(w, count, now, length, limit);

    state.exceeded = count >= limit;
    return state;
}

int kiss_fixed_window_hit(const kiss_fixed_window_state *states, int n)
{
    int i, hit = -1, refused = 0;

    for (i = 0; i < n; i++) {
        refused |= states[i].exceeded;
        if (states[i].remaining == 0 && (hit < 0 || states[i].wait > states[hit].wait)) {
            hit = i;
        }
    }
    return refused ? hit : -1;
}

apr_int64_t kiss_fixed_window_seconds(apr_int64_t wait)
{
    return (wait + SECOND - 1) / SECOND;
}
