/* SPDX-License-Identifier: Apache-2.0 */
/**
 * lru - what a process remembers by keys of a fixed size: a fixed number of entries, of which the least recently used makes
 * room. Pure, thread-safe.
 *
 * An entry is found again by the same key only, in the same state (whatever else its value depends on), and before it expires.
 * All memory is allocated when the table is made. A value is copied into the table and out of it; one that refers to something
 * else says by `hold` and `release` how references are counted.
 */
#ifndef KISS_LRU_H
#define KISS_LRU_H

#include <apr_pools.h>

/** What a table holds. Keys, states and values are compared and copied as bytes: zero their padding. */
typedef struct {
    apr_size_t key_size;            /**< bytes of a key */
    apr_size_t state_size;          /**< bytes of a state, or 0 */
    apr_size_t value_size;          /**< bytes of a value */
    int entries;                    /**< how many at most, from 1 */
    apr_size_t weight;              /**< of all entries together at most; 0: any */
    void (*hold)(void *value);      /**< counts a reference more, or NULL; called under the table's mutex */
    void (*release)(void *value);   /**< counts one less, or NULL; called under the table's mutex */
} kiss_lru_type;

/** A table. */
typedef struct kiss_lru kiss_lru;

/**
 * Makes a table in `p`, which must live as long as it is used. Its values are released when `p` is cleared or destroyed.
 */
apr_status_t kiss_lru_create(kiss_lru **lru, const kiss_lru_type *type, apr_pool_t *p);

/**
 * Finds a value.
 *
 * @param state what it must depend on; NULL with a state_size of 0
 * @param now   by the clock of `until`
 * @param value receives a copy, held once more
 * @return 1 when there is one
 */
int kiss_lru_get(kiss_lru *lru, const void *key, const void *state, apr_int64_t now, void *value);

/**
 * Keeps a copy of a value, held once more, in place of the one that the key has had. Does nothing when it weighs more than the
 * table may hold.
 *
 * @param until  when it expires, or 0: never
 * @param weight what it takes of the table's weight
 */
void kiss_lru_put(kiss_lru *lru, const void *key, const void *state, apr_int64_t until, apr_size_t weight, const void *value);

#endif
