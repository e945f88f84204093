/* SPDX-License-Identifier: Apache-2.0 */
/**
 * sliding_window - counts requests by their times in a ring of entries.
 */
#include "lib/ratelimit/sliding_window.h"

#include "lib/ratelimit/store_order.h"

#define RING (KISS_SLIDING_ENTRIES + 1)

/** Requests since the beginning up to the entry before number `n`. */
static apr_uint32_t before(const kiss_sliding_window *s, apr_uint64_t n)
{
    return n ? s->entry[(n - 1) % RING].upto : 0;
}

static apr_int64_t time_of(const kiss_sliding_window *s, apr_uint64_t n)
{
    return s->entry[n % RING].at;
}

static apr_uint32_t total(const kiss_sliding_window *s)
{
    return before(s, s->next) - before(s, s->first);
}

/** Drops what is older than the window. */
static void expire(kiss_sliding_window *s, apr_int64_t now, apr_int64_t length)
{
    apr_uint64_t first = s->first;

    while (first != s->next && now - time_of(s, first) >= length) {
        first++;
    }
    if (first != s->first) {
        s->first = first;
        KISS_ORDER();
    }
}

/** Counts a request in the last entry, whose time becomes later: it leaves the window later, never earlier. */
static void add_to_last(kiss_sliding_window *s, apr_int64_t now)
{
    s->entry[(s->next - 1) % RING].at = now;
    KISS_ORDER();
    s->entry[(s->next - 1) % RING].upto++;
    KISS_ORDER();
}

static void add_entry(kiss_sliding_window *s, apr_int64_t now)
{
    s->entry[s->next % RING].at = now;
    KISS_ORDER();
    s->entry[s->next % RING].upto = before(s, s->next) + 1;
    KISS_ORDER();
    s->next++;                      /* this store makes it count */
    KISS_ORDER();
}

static void add(kiss_sliding_window *s, apr_int64_t now, apr_uint32_t limit)
{
    apr_uint32_t share = limit / KISS_SLIDING_ENTRIES + (limit % KISS_SLIDING_ENTRIES != 0);
    apr_uint64_t used = s->next - s->first;

    if (used == 0 || (before(s, s->next) - before(s, s->next - 1) >= share && used < KISS_SLIDING_ENTRIES)) {
        add_entry(s, now);
    }
    else {
        add_to_last(s, now);
    }
}

/** The entry with which the oldest `n` requests have left the window; s->next when there are fewer. */
static apr_uint64_t leaving(const kiss_sliding_window *s, apr_uint32_t n)
{
    apr_uint64_t low = s->first, high = s->next;
    apr_uint32_t base = before(s, s->first);

    while (low < high) {
        apr_uint64_t middle = low + (high - low) / 2;

        if (before(s, middle + 1) - base >= n) {
            high = middle;
        }
        else {
            low = middle + 1;
        }
    }
    return low;
}

kiss_fixed_window_state kiss_sliding_window_take(kiss_sliding_window *s, apr_int64_t now, apr_int64_t length,
                                                 apr_uint32_t limit)
{
    kiss_fixed_window_state state;
    apr_uint32_t n;
    apr_uint64_t entry;

    /* A process that read the clock first may arrive second: no entry may be older than its predecessor. */
    if (s->next != s->first && now < time_of(s, s->next - 1)) {
        now = time_of(s, s->next - 1);
    }
    expire(s, now, length);
    state.limit = limit;
    state.exceeded = total(s) >= limit;
    if (!state.exceeded) {
        add(s, now, limit);
    }
    n = total(s);
    state.remaining = limit > n ? limit - n : 0;
    entry = leaving(s, n < limit ? 1 : n - limit + 1);
    state.wait = entry != s->next ? time_of(s, entry) + length - now : length;
    return state;
}

int kiss_sliding_window_is_full(const kiss_sliding_window *s, apr_int64_t now, apr_int64_t length, apr_uint32_t limit)
{
    apr_uint64_t first = s->first;

    while (first != s->next && now - time_of(s, first) >= length) {
        first++;
    }
    return before(s, s->next) - before(s, first) >= limit;
}

int kiss_sliding_window_over(const kiss_sliding_window *s, apr_int64_t now, apr_int64_t length)
{
    return s->next == s->first || now - time_of(s, s->next - 1) >= length;
}

void kiss_sliding_window_clear(kiss_sliding_window *s)
{
    s->first = s->next;
    KISS_ORDER();
}
