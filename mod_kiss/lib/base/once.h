/* SPDX-License-Identifier: Apache-2.0 */
/**
 * once - a pointer to what a process creates when it is first needed, and keeps for the rest of its life. Several threads
 * may create it at the same time: the first one to set it has done so, and the others destroy what they have.
 */
#ifndef KISS_ONCE_H
#define KISS_ONCE_H

#include <stddef.h>

/** What was created, complete; NULL when it was not yet. Thread-safe, without a lock. */
static inline void *kiss_once_get(void **place)
{
    return __atomic_load_n(place, __ATOMIC_ACQUIRE);
}

/** Sets what was created. Thread-safe. @return 0 when another thread was faster, or `created` is NULL */
static inline int kiss_once_set(void **place, void *created)
{
    void *none = NULL;

    return created && __atomic_compare_exchange_n(place, &none, created, 0, __ATOMIC_RELEASE, __ATOMIC_RELAXED);
}

#endif
