/* SPDX-License-Identifier: Apache-2.0 */
/**
 * shared - immutable objects that several threads use, each in a pool of its own that is destroyed with the last
 * reference.
 *
 * A shared struct starts with a kiss_shared. Its pool has no parent, so that a thread can release it at any time, no
 * matter which other pools are already destroyed. Pure.
 */
#ifndef KISS_SHARED_H
#define KISS_SHARED_H

#include <apr_pools.h>

/** The first member of a shared struct. */
typedef struct {
    apr_pool_t *pool;                       /**< holds the object and what belongs to it */
    volatile apr_uint32_t references;       /**< their number; atomic */
} kiss_shared;

/**
 * Creates an object of `size` bytes, all zero except its kiss_shared, with one reference. NULL when there is no memory.
 */
void *kiss_shared_create(apr_size_t size);

/** Releases a reference. */
void kiss_shared_release(void *object);

/** Releases a reference when `p` is cleared or destroyed. */
void kiss_shared_release_with(void *object, apr_pool_t *p);

/** For a kiss_lru_type whose values are pointers to such objects. */
void kiss_shared_hold_value(void *value);
void kiss_shared_release_value(void *value);

#endif
