#include "kiss_sliding.h"

#define MILLISECOND APR_INT64_C(1000)

/* Times are kept in 32 bits: before they would not fit, `base` is moved. */
#define MAX_AT 0x7fffffffu

static apr_int64_t time_of(const kiss_sliding *s, apr_uint32_t index)
{
    return s->base + (apr_int64_t)s->entry[index].at * MILLISECOND;
}

/** Drops what is older than the window. */
static void expire(kiss_sliding *s, apr_int64_t now, apr_int64_t length)
{
    while (s->used && now - time_of(s, s->head) >= length) {
        s->total -= s->entry[s->head].count;
        s->head = (s->head + 1) % KISS_SLIDING_ENTRIES;
        s->used--;
    }
}

/** Makes `now` expressible. */
static void rebase(kiss_sliding *s, apr_int64_t now)
{
    if (s->used == 0) {
        s->base = now;
        s->total = 0;
        s->head = 0;
    }
    else if ((now - s->base) / MILLISECOND >= MAX_AT) {
        apr_uint32_t shift = s->entry[s->head].at, i;

        for (i = 0; i < s->used; i++) {
            s->entry[(s->head + i) % KISS_SLIDING_ENTRIES].at -= shift;
        }
        s->base += (apr_int64_t)shift * MILLISECOND;
    }
}

static void add(kiss_sliding *s, apr_int64_t now, apr_uint32_t limit)
{
    apr_uint32_t at = (apr_uint32_t)((now - s->base + MILLISECOND - 1) / MILLISECOND);
    apr_uint32_t share = limit / KISS_SLIDING_ENTRIES + (limit % KISS_SLIDING_ENTRIES != 0);
    apr_uint32_t last = (s->head + s->used + KISS_SLIDING_ENTRIES - 1) % KISS_SLIDING_ENTRIES;

    if (s->used && (s->entry[last].count < share || s->used == KISS_SLIDING_ENTRIES)) {
        s->entry[last].at = at;
        s->entry[last].count++;
    }
    else {
        last = (s->head + s->used++) % KISS_SLIDING_ENTRIES;
        s->entry[last].at = at;
        s->entry[last].count = 1;
    }
    s->total++;
}

kiss_window_state kiss_sliding_take(kiss_sliding *s, apr_int64_t now, apr_int64_t length, apr_uint32_t limit)
{
    kiss_window_state state;

    expire(s, now, length);
    rebase(s, now);
    state.limit = limit;
    state.exceeded = s->total >= limit;
    if (!state.exceeded) {
        add(s, now, limit);
    }
    state.remaining = limit > s->total ? limit - s->total : 0;
    state.wait = s->used ? time_of(s, s->head) + length - now : length;
    return state;
}
