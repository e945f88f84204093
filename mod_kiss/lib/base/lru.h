/* SPDX-License-Identifier: Apache-2.0 */
/**
 * lru - a cache in a process' memory with keys of a fixed size: a fixed number of entries; the least recently used one
 * is evicted. Pure, thread-safe.
 *
 * An entry is found by an equal key only, with an equal state (all else that its value depends on), and before it
 * expires. All memory is allocated when the table is created. A value is copied into the table and out of it; where
 * values refer to counted objects, `hold` and `release` count the references.
 */
#ifndef KISS_LRU_H
#define KISS_LRU_H

#include <apr_pools.h>

/** What a table holds. Keys, states and values are compared and copied as bytes: zero their padding. */
typedef struct {
    apr_size_t key_size;            /**< bytes of a key */
    apr_size_t state_size;          /**< bytes of a state, or 0 */
    apr_size_t value_size;          /**< bytes of a value */
    int entries;                    /**< maximum number of entries, at least 1 */
    apr_size_t weight;              /**< maximum of all entries together; 0: no limit */
    void (*hold)(void *value);      /**< counts one reference more, or NULL; called under the table's mutex */
    void (*release)(void *value);   /**< counts one less, or NULL; called under the table's mutex */
} kiss_lru_type;

/** A table. */
typedef struct kiss_lru kiss_lru;

/**
 * Creates a table in `p`, which must live as long as it is used. Its values are released when `p` is cleared or
 * destroyed.
 */
apr_status_t kiss_lru_create(kiss_lru **lru, const kiss_lru_type *type, apr_pool_t *p);

/**
 * Finds a value.
 *
 * @param state the state that it must have; NULL: any
 * @param now   time of the same clock as `until`
 * @param value receives a copy, with a reference more
 * @return 1 when it was found
 */
int kiss_lru_get(kiss_lru *lru, const void *key, const void *state, apr_int64_t now, void *value);

/**
 * Stores a copy of a value, with a reference more; it replaces the previous value of the key. Does nothing when the
 * value weighs more than the table may hold.
 *
 * @param until  when it expires, or 0: never
 * @param weight its share of the table's weight
 */
void kiss_lru_put(kiss_lru *lru, const void *key, const void *state, apr_int64_t until, apr_size_t weight,
                  const void *value);

#endif
