/* SPDX-License-Identifier: Apache-2.0 */
/** counter - numbers in shared memory that all processes add to, without a lock and without an order between them. */
#ifndef KISS_COUNTER_H
#define KISS_COUNTER_H

#include <apr.h>

/** A counter in shared memory: read it with kiss_counter_read(). */
typedef apr_uint64_t kiss_counter;

/** Reads a counter. */
static inline apr_uint64_t kiss_counter_read(const kiss_counter *counter)
{
    return __atomic_load_n(counter, __ATOMIC_RELAXED);
}

/** Adds to a counter. */
static inline void kiss_counter_add(kiss_counter *counter, apr_uint64_t n)
{
    __atomic_fetch_add(counter, n, __ATOMIC_RELAXED);
}

#endif
