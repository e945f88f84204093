/* SPDX-License-Identifier: Apache-2.0 */
/**
 * fixed_window - the arithmetic of fixed rate windows (contract section 4 and "Left open" 13). Pure: time is an argument.
 *
 * A window starts with the first request and lasts its length; every request counts, refused ones too. Times are
 * microseconds of the monotonic clock.
 */
#ifndef KISS_FIXED_WINDOW_H
#define KISS_FIXED_WINDOW_H

#include <apr.h>

/** The counter of one window. All zero is a window without requests. */
typedef struct {
    apr_int64_t start;      /**< when its first request came */
    apr_uint32_t count;     /**< requests since then */
} kiss_fixed_window;

/** The two windows that the contract publishes. */
enum { KISS_WINDOW_MINUTE, KISS_WINDOW_HOUR, KISS_WINDOWS };

/** Length of each window in microseconds. */
extern const apr_int64_t kiss_fixed_window_length[KISS_WINDOWS];

/** Name of each window in X-Rate-Limit-Limit and in the 429 body: "1m", "1h". */
extern const char *const kiss_fixed_window_name[KISS_WINDOWS];

/** Name of each window in RateLimit and RateLimit-Policy. */
extern const char *const kiss_fixed_window_policy[KISS_WINDOWS];

/** State of a window after a request was counted. */
typedef struct {
    apr_uint32_t limit;         /**< requests allowed in the window */
    apr_uint32_t remaining;     /**< requests still allowed */
    apr_int64_t wait;           /**< microseconds until more are allowed: a fixed window's end */
    int exceeded;               /**< this request exceeded the limit */
} kiss_fixed_window_state;

/**
 * Counts a request at `now`, in a window of `length` that allows `limit` requests. A process that is killed during the
 * call leaves in shared memory a window without this request, or an empty one; never one with more than was counted.
 */
kiss_fixed_window_state kiss_fixed_window_take(kiss_fixed_window *w, apr_int64_t now, apr_int64_t length,
                                               apr_uint32_t limit);

/** The state of a window without counting: `exceeded` when the next request would exceed the limit. */
kiss_fixed_window_state kiss_fixed_window_peek(const kiss_fixed_window *w, apr_int64_t now, apr_int64_t length,
                                               apr_uint32_t limit);

/**
 * Which of the windows that count a request refuses it: of the exhausted ones the one that ends last, since until then
 * the next request would be refused, too.
 *
 * @return its index among `n`, or -1 when none was exceeded
 */
int kiss_fixed_window_hit(const kiss_fixed_window_state *states, int n);

/** 1 when the window has ended, so that its counter is obsolete. */
int kiss_fixed_window_over(const kiss_fixed_window *w, apr_int64_t now, apr_int64_t length);

/** Whole seconds after which the window has certainly ended: rounded up. */
apr_int64_t kiss_fixed_window_seconds(apr_int64_t wait);

#endif
