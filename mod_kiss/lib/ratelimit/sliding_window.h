/* SPDX-License-Identifier: Apache-2.0 */
/**
 * sliding_window - the arithmetic of a sliding rate window (KSS API, section 2 "Rate limit" and "Left open" 9). Pure: time is
 * an argument.
 *
 * A request counts for exactly the window's length after it was let through; one that is refused does not count. Every
 * request is remembered by its own time up to KISS_SLIDING_ENTRIES in the window; under a higher limit neighbours share
 * an entry, which leaves with the last of them: then recovery is a little later, and still never more than `limit`
 * requests pass in any window.
 *
 * In shared memory a process may die between any two stores: how many requests count is never kept, it follows from the
 * entries, and an entry appears or leaves by one store.
 */
#ifndef KISS_SLIDING_WINDOW_H
#define KISS_SLIDING_WINDOW_H

#include <apr.h>

#include "lib/ratelimit/fixed_window.h"

/** Times that one window remembers. */
#define KISS_SLIDING_ENTRIES 2048

/** The requests of one caller. All zero is a window in which nothing happened. */
typedef struct {
    apr_uint64_t first;         /**< number of the oldest entry; they are numbered from 0, for ever */
    apr_uint64_t next;          /**< number that the next new entry gets */
    struct {
        apr_int64_t at;         /**< microseconds of a clock that never jumps */
        apr_uint32_t upto;      /**< requests since number 0 up to this entry; it wraps, differences do not */
    } entry[KISS_SLIDING_ENTRIES + 1];  /**< number modulo size; the one before the oldest is still there, for its `upto` */
} kiss_sliding_window;

/**
 * Lets a request through at `now` if fewer than `limit` count in the `length` before it, and counts it then.
 *
 * @return the state; `wait` is the time until the remaining number grows: the oldest request leaves, or as many as are too
 *         many, where the limit was lowered
 */
kiss_fixed_window_state kiss_sliding_window_take(kiss_sliding_window *s, apr_int64_t now, apr_int64_t length, apr_uint32_t limit);

/** 1 when nothing counts at `now`. */
int kiss_sliding_window_over(const kiss_sliding_window *s, apr_int64_t now, apr_int64_t length);

/** Forgets all requests, by one store. */
void kiss_sliding_window_clear(kiss_sliding_window *s);

#endif
