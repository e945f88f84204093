/* SPDX-License-Identifier: Apache-2.0 */
/**
 * slots - a table of callers and their rate windows in a block of memory of fixed size. Pure: memory, time and lock are
 * provided by the calling unit, which holds the lock in every call.
 *
 * Nothing is stored twice, and a slot is free while it is prepared for another caller: a process that is killed during
 * a call leaves a consistent table.
 */
#ifndef KISS_SLOTS_H
#define KISS_SLOTS_H

#include <apr.h>

#include "lib/ratelimit/fixed_window.h"
#include "lib/ratelimit/sliding_window.h"

/** Bytes of the digest that identifies a caller. */
#define KISS_SLOT_ID 16

/**
 * Rank of a slot, by which slots are evicted: a name that anybody may have invented, an address that failed to
 * authenticate, an authenticated caller (or the one anonymous caller).
 */
enum { KISS_RANK_GUESS, KISS_RANK_ADDRESS, KISS_RANK_CALLER };

/** One caller. Position independent, since processes may map the memory at different addresses. */
typedef struct {
    unsigned char id[KISS_SLOT_ID];         /**< digest of zone, kind and name; all zero: a free slot */
    kiss_fixed_window window[KISS_WINDOWS];
    apr_int64_t own_limit[KISS_WINDOWS];    /**< the customer's own limits as of policy_time; -1: none */
    apr_int64_t policy_time;                /**< when they were read; 0: never */
    apr_int64_t used;                       /**< time of the last request */
    apr_uint32_t rank;                      /**< the lowest, KISS_RANK_GUESS, is evicted first */
} kiss_slot;

/** A caller with an API key; its window is at the same index of another array. */
typedef struct {
    unsigned char id[KISS_SLOT_ID];         /**< as in a slot */
    unsigned char proof[KISS_SLOT_ID];      /**< keyed digest of the key that was verified last; all zero: none */
    apr_int64_t used;                       /**< time of the last request; 0: free, and never used */
} kiss_key_slot;

/** The table. */
typedef struct {
    kiss_slot *slots;
    apr_uint32_t sets;                      /**< sets of neighbouring slots */
    kiss_key_slot *keys;
    kiss_sliding_window *sliding;                  /**< their windows, apart, so that a search reads only the ids */
    apr_uint32_t nkeys;
} kiss_slots;

/** Slots of a table for `clients` callers: a little more. */
apr_uint32_t kiss_slots_clients(apr_uint32_t clients);

/** Bytes of a table. */
apr_size_t kiss_slots_size(apr_uint32_t clients, apr_uint32_t keys);

/** Finds the parts of a table in its memory, which is zero initially. */
void kiss_slots_init(kiss_slots *t, void *memory, apr_uint32_t clients, apr_uint32_t keys);

/**
 * The slot of a caller. If there is none and `make` is set, one of its set is evicted: one whose windows are over, else
 * the least recently used of the lowest rank.
 *
 * @param rank of the caller; a slot keeps the highest that it ever had
 * @param lost receives 1 when the windows of an authenticated caller are evicted for it; else unchanged
 * @return NULL when there is none and none is to be created
 */
kiss_slot *kiss_slots_find(const kiss_slots *t, const unsigned char id[KISS_SLOT_ID], apr_int64_t now, int make,
                           apr_uint32_t rank, int *lost);

/**
 * The index of an API key; if it has none, the least recently used key is evicted.
 *
 * @param lost receives 1 when requests of the last hour are evicted with that key; else unchanged
 */
apr_uint32_t kiss_slots_find_key(const kiss_slots *t, const unsigned char id[KISS_SLOT_ID], apr_int64_t now, int *lost);

/** The API key with this id, or NULL. */
kiss_key_slot *kiss_slots_known_key(const kiss_slots *t, const unsigned char id[KISS_SLOT_ID]);

#endif
