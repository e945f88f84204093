/**
 * kiss_sliding - the arithmetic of a sliding rate window (KSS API, section 2 "Rate limit" and "Left open" 9). Pure: time is
 * an argument.
 *
 * A request counts for exactly the window's length after it was let through; one that is refused does not count. Every
 * request is remembered by its own time up to KISS_SLIDING_ENTRIES in the window; under a higher limit neighbours share
 * an entry, which leaves with the last of them: then recovery is a little later, and still never more than `limit`
 * requests pass in any window.
 */
#ifndef KISS_SLIDING_H
#define KISS_SLIDING_H

#include <apr.h>

#include "kiss_window.h"

/** Times that one window remembers. */
#define KISS_SLIDING_ENTRIES 2048

/** The requests of one caller. All zero is a window in which nothing happened. */
typedef struct {
    apr_uint32_t total;         /**< requests in the window */
    apr_uint32_t head;          /**< index of the oldest entry */
    apr_uint32_t used;          /**< entries in use */
    struct {
        apr_int64_t at;         /**< microseconds of a clock that never jumps */
        apr_uint32_t count;     /**< requests */
    } entry[KISS_SLIDING_ENTRIES];
} kiss_sliding;

/**
 * Lets a request through at `now` if fewer than `limit` count in the `length` before it, and counts it then.
 *
 * @return the state; `wait` is the time until the oldest request leaves, when the remaining number grows
 */
kiss_window_state kiss_sliding_take(kiss_sliding *s, apr_int64_t now, apr_int64_t length, apr_uint32_t limit);

#endif
