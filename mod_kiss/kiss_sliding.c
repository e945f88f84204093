#include "kiss_sliding.h"

static apr_uint32_t last_entry(const kiss_sliding *s)
{
    return (s->head + s->used + KISS_SLIDING_ENTRIES - 1) % KISS_SLIDING_ENTRIES;
}

/** Drops what is older than the window. */
static void expire(kiss_sliding *s, apr_int64_t now, apr_int64_t length)
{
    while (s->used && now - s->entry[s->head].at >= length) {
        s->total -= s->entry[s->head].count;
        s->head = (s->head + 1) % KISS_SLIDING_ENTRIES;
        s->used--;
    }
}

static void add(kiss_sliding *s, apr_int64_t now, apr_uint32_t limit)
{
    apr_uint32_t share = limit / KISS_SLIDING_ENTRIES + (limit % KISS_SLIDING_ENTRIES != 0);
    apr_uint32_t last = last_entry(s);

    if (s->used == 0 || (s->entry[last].count >= share && s->used < KISS_SLIDING_ENTRIES)) {
        last = (s->head + s->used++) % KISS_SLIDING_ENTRIES;
        s->entry[last].count = 0;
    }
    s->entry[last].at = now;
    s->entry[last].count++;
    s->total++;
}

kiss_window_state kiss_sliding_take(kiss_sliding *s, apr_int64_t now, apr_int64_t length, apr_uint32_t limit)
{
    kiss_window_state state;

    /* Who looked at the clock first may come here second: no entry is older than the one before it. */
    if (s->used && now < s->entry[last_entry(s)].at) {
        now = s->entry[last_entry(s)].at;
    }
    expire(s, now, length);
    state.limit = limit;
    state.exceeded = s->total >= limit;
    if (!state.exceeded) {
        add(s, now, limit);
    }
    state.remaining = limit > s->total ? limit - s->total : 0;
    state.wait = s->used ? s->entry[s->head].at + length - now : length;
    return state;
}
