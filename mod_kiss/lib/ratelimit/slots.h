/* SPDX-License-Identifier: Apache-2.0 */
/**
 * slots - a table of callers and their rate windows in a block of memory of fixed size. Pure: the memory, the time
 * and the lock are the caller's, who holds the lock in every call.
 *
 * What a slot holds is never kept in two places, and a slot belongs to nobody while it is made ready for another caller: a
 * process that dies in the middle of a call leaves a table that is whole.
 */
#ifndef KISS_SLOTS_H
#define KISS_SLOTS_H

#include <apr.h>

#include "lib/ratelimit/fixed_window.h"
#include "lib/ratelimit/sliding_window.h"

/** Bytes of the digest that names a caller. */
#define KISS_SLOT_ID 16

/** How much a slot is worth: a name that anybody may have invented, an address that failed to prove anything, a caller that
 * has proved who it is (or the one anonymous caller). */
enum { KISS_RANK_GUESS, KISS_RANK_ADDRESS, KISS_RANK_CALLER };

/** One caller. Position independent, since processes may map the memory at different addresses. */
typedef struct {
    unsigned char id[KISS_SLOT_ID];         /**< digest of zone, kind and name; all zero: nobody's */
    kiss_fixed_window window[KISS_WINDOWS];
    apr_int64_t own_limit[KISS_WINDOWS];    /**< the customer's own as of policy_time; -1: it has none */
    apr_int64_t policy_time;                /**< 0: never read */
    apr_int64_t used;                       /**< last request */
    apr_uint32_t rank;                      /**< what is given up first: KISS_RANK_GUESS */
} kiss_slot;

/** A caller with an API key; its window stands at the same index of another array. */
typedef struct {
    unsigned char id[KISS_SLOT_ID];         /**< as in a slot */
    unsigned char proof[KISS_SLOT_ID];      /**< keyed digest of the key that was found right last; all zero: none */
    apr_int64_t used;                       /**< last request; 0: nobody's, and never was */
} kiss_key_slot;

/** The table. */
typedef struct {
    kiss_slot *slots;
    apr_uint32_t sets;                      /**< groups of neighbours */
    kiss_key_slot *keys;
    kiss_sliding_window *sliding;                  /**< their windows, apart, so that a search touches no more than the ids */
    apr_uint32_t nkeys;
} kiss_slots;

/** Callers that a table for `clients` has room for: a little more. */
apr_uint32_t kiss_slots_clients(apr_uint32_t clients);

/** Bytes of a table. */
apr_size_t kiss_slots_size(apr_uint32_t clients, apr_uint32_t keys);

/** Finds the parts of a table in its memory, which is zero bytes at first. */
void kiss_slots_init(kiss_slots *t, void *memory, apr_uint32_t clients, apr_uint32_t keys);

/**
 * The slot of a caller. If there is none and `make` is set, the least useful of its neighbours is given up: one that counts
 * nothing any more, else the longest unused of the lowest rank.
 *
 * @param rank of the caller; a slot keeps the highest that it ever had
 * @param lost receives 1 when the windows of a caller that had proved who it is are forgotten for it; else it stays
 * @return NULL when there is none and none is to be made
 */
kiss_slot *kiss_slots_find(const kiss_slots *t, const unsigned char id[KISS_SLOT_ID], apr_int64_t now, int make,
                           apr_uint32_t rank, int *lost);

/**
 * The index of an API key; if it has none, that of the key that was silent for longest is given up.
 *
 * @param lost receives 1 when requests of the last hour are forgotten for it; else it stays
 */
apr_uint32_t kiss_slots_find_key(const kiss_slots *t, const unsigned char id[KISS_SLOT_ID], apr_int64_t now, int *lost);

/** The API key with this id, or NULL. */
kiss_key_slot *kiss_slots_known_key(const kiss_slots *t, const unsigned char id[KISS_SLOT_ID]);

#endif
