#include "kiss_window.h"

#define SECOND APR_INT64_C(1000000)

const apr_int64_t kiss_window_length[KISS_WINDOWS] = { 60 * SECOND, 3600 * SECOND };
const char *const kiss_window_name[KISS_WINDOWS] = { "1m", "1h" };
const char *const kiss_window_policy[KISS_WINDOWS] = { "min", "hour" };

int kiss_window_over(const kiss_window *w, apr_int64_t now, apr_int64_t length)
{
    return w->count == 0 || now - w->start >= length;
}

kiss_window_state kiss_window_take(kiss_window *w, apr_int64_t now, apr_int64_t length, apr_uint32_t limit)
{
    kiss_window_state state;

    if (kiss_window_over(w, now, length)) {
        w->start = now;
        w->count = 0;
    }
    if (w->count < APR_UINT32_MAX) {
        w->count++;
    }
    state.limit = limit;
    state.exceeded = w->count > limit;
    state.remaining = state.exceeded ? 0 : limit - w->count;
    state.wait = w->start + length - now;
    return state;
}

apr_int64_t kiss_window_seconds(apr_int64_t wait)
{
    return (wait + SECOND - 1) / SECOND;
}
