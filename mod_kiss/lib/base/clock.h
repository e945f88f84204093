/* SPDX-License-Identifier: Apache-2.0 */
/** clock - the monotonic clock. */
#ifndef KISS_CLOCK_H
#define KISS_CLOCK_H

#include <apr.h>

#include <time.h>

/**
 * Microseconds of the monotonic clock, which cannot be set and never jumps; never 0, which means "never". The same
 * in all processes of a host.
 */
static inline apr_int64_t kiss_clock_now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (apr_int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000 + 1;
}

#endif
