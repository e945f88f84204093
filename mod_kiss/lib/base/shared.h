/* SPDX-License-Identifier: Apache-2.0 */
/**
 * shared - objects that several threads use and nobody changes, each in a pool of its own that goes with the last reference.
 *
 * A struct that is shared begins with a kiss_shared. Its pool is not below any other, so that a thread can let go of it whatever
 * else has ended by then. Pure.
 */
#ifndef KISS_SHARED_H
#define KISS_SHARED_H

#include <apr_pools.h>

/** The first member of what is shared. */
typedef struct {
    apr_pool_t *pool;                       /**< holds the object and what belongs to it */
    volatile apr_uint32_t references;       /**< how many; atomic */
} kiss_shared;

/** Makes an object of `size` bytes, all zero but its kiss_shared, with one reference. NULL when there is no memory. */
void *kiss_shared_create(apr_size_t size);

/** Gives a reference up. */
void kiss_shared_release(void *object);

/** Gives a reference up when `p` is cleared or destroyed. */
void kiss_shared_release_with(void *object, apr_pool_t *p);

/** For a kiss_lru_type whose values are pointers to such objects. */
void kiss_shared_hold_value(void *value);
void kiss_shared_release_value(void *value);

#endif
