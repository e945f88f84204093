/* SPDX-License-Identifier: Apache-2.0 */
/**
 * sliding_window - the arithmetic of a sliding rate window (KSS API, section 2 "Rate limit" and "Left open" 9). Pure:
 * time is an argument.
 *
 * A request counts for exactly the window's length after it was allowed; one that is refused does not count. Up to
 * KISS_SLIDING_ENTRIES requests in the window each have an entry with their own time; under a higher limit neighbours
 * share an entry, which leaves with the last of them: then recovery is a little later, and still never more than
 * `limit` requests are allowed in any window.
 *
 * A process may be killed between any two stores to shared memory: the number of requests is never stored, it is
 * derived from the entries, and one store adds or removes an entry.
 */
#ifndef KISS_SLIDING_WINDOW_H
#define KISS_SLIDING_WINDOW_H

#include <apr.h>

#include "lib/ratelimit/fixed_window.h"

/** Entries of one window. */
#define KISS_SLIDING_ENTRIES 2048

/** The requests of one caller. All zero is a window without requests. */
typedef struct {
    apr_uint64_t first;         /**< number of the oldest entry; numbers start at 0 and only grow */
    apr_uint64_t next;          /**< number of the next new entry */
    struct {
        apr_int64_t at;         /**< microseconds of the monotonic clock */
        apr_uint32_t upto;      /**< requests since number 0 up to this entry; it wraps around, differences stay right */
    } entry[KISS_SLIDING_ENTRIES + 1];  /**< index: number modulo size; that before the oldest is kept for its `upto` */
} kiss_sliding_window;

/**
 * Allows a request at `now` if fewer than `limit` count in the `length` before it, and counts it then.
 *
 * @return the state; `wait` is the time until the remaining number grows: until the oldest request leaves, or, where
 *         the limit was lowered, as many as exceed it
 */
kiss_fixed_window_state kiss_sliding_window_take(kiss_sliding_window *s, apr_int64_t now, apr_int64_t length,
                                                 apr_uint32_t limit);

/** 1 when kiss_sliding_window_take() would refuse a request at `now`. Counts nothing. */
int kiss_sliding_window_is_full(const kiss_sliding_window *s, apr_int64_t now, apr_int64_t length, apr_uint32_t limit);

/** 1 when nothing counts at `now`. */
int kiss_sliding_window_over(const kiss_sliding_window *s, apr_int64_t now, apr_int64_t length);

/** Forgets all requests, by one store. */
void kiss_sliding_window_clear(kiss_sliding_window *s);

#endif
