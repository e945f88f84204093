/* SPDX-License-Identifier: Apache-2.0 */
/**
 * slots - finds and evicts callers in the shared table of the rate limiter.
 */
#include "lib/ratelimit/slots.h"

#include <string.h>

#include "lib/ratelimit/store_order.h"

/* A caller is in one of WAYS neighbouring slots (a set), so finding it or the slot to evict costs the same. */
#define WAYS 16

static apr_uint32_t sets_for(apr_uint32_t clients)
{
    return (clients + WAYS - 1) / WAYS;
}

apr_uint32_t kiss_slots_clients(apr_uint32_t clients)
{
    return sets_for(clients) * WAYS;
}

apr_size_t kiss_slots_size(apr_uint32_t clients, apr_uint32_t keys)
{
    return (apr_size_t)sets_for(clients) * WAYS * sizeof(kiss_slot)
           + keys * (sizeof(kiss_sliding_window) + sizeof(kiss_key_slot));
}

void kiss_slots_init(kiss_slots *t, void *memory, apr_uint32_t clients, apr_uint32_t keys)
{
    t->sets = sets_for(clients);
    t->nkeys = keys;
    t->slots = memory;
    t->sliding = (kiss_sliding_window *)(t->slots + (apr_size_t)t->sets * WAYS);
    t->keys = (kiss_key_slot *)(t->sliding + keys);
}

static apr_uint32_t hash_of(const unsigned char id[KISS_SLOT_ID])
{
    apr_uint32_t hash;

    memcpy(&hash, &id[KISS_SLOT_ID - sizeof(hash)], sizeof(hash));
    return hash;
}

/* --- two windows --- */

/** 1 when evicting the slot loses nothing. */
static int is_evictable(const kiss_slot *s, apr_int64_t now)
{
    int w;

    for (w = 0; w < KISS_WINDOWS; w++) {
        if (!kiss_fixed_window_over(&s->window[w], now, kiss_fixed_window_length[w])) {
            return 0;
        }
    }
    return 1;
}

/** Assigns a slot to another caller: it is free while it is being emptied. */
static void assign(kiss_slot *s, const unsigned char id[KISS_SLOT_ID])
{
    int w;

    memset(s->id, 0, KISS_SLOT_ID);
    KISS_ORDER();
    for (w = 0; w < KISS_WINDOWS; w++) {
        s->window[w].count = 0;
        s->own_limit[w] = -1;
    }
    s->policy_time = s->used = 0;
    s->rank = KISS_RANK_GUESS;
    KISS_ORDER();
    memcpy(s->id, id, KISS_SLOT_ID);
    KISS_ORDER();
}

/** The slot of a set to evict. */
static kiss_slot *victim_of(kiss_slot *set, apr_int64_t now, int *lost)
{
    kiss_slot *victim = &set[0];
    int i;

    for (i = 0; i < WAYS; i++) {
        kiss_slot *s = &set[i];

        if (is_evictable(s, now)) {
            return s;
        }
        if (s->rank < victim->rank || (s->rank == victim->rank && s->used < victim->used)) {
            victim = s;
        }
    }
    *lost = victim->rank == KISS_RANK_CALLER ? 1 : *lost;
    return victim;
}

kiss_slot *kiss_slots_find(const kiss_slots *t, const unsigned char id[KISS_SLOT_ID], apr_int64_t now, int make,
                           apr_uint32_t rank, int *lost)
{
    kiss_slot *set = t->slots + (apr_size_t)(hash_of(id) % t->sets) * WAYS, *s = NULL;
    int i;

    for (i = 0; i < WAYS && !s; i++) {
        s = memcmp(set[i].id, id, KISS_SLOT_ID) == 0 ? &set[i] : NULL;
    }
    if (!s && make) {
        s = victim_of(set, now, lost);
        assign(s, id);
    }
    if (s && s->rank < rank) {
        s->rank = rank;
        KISS_ORDER();
    }
    return s;
}

/* --- API keys --- */

/**
 * The index of a key, or of the slot for it (open addressing). The search starts at the slot that the key's id selects
 * and ends at one that was never used: no slot becomes free again.
 *
 * @param found receives 1 when the key is in that slot
 */
static apr_uint32_t search(const kiss_slots *t, const unsigned char id[KISS_SLOT_ID], int *found)
{
    apr_uint32_t i = hash_of(id) % t->nkeys, oldest = i, tried;

    *found = 0;
    for (tried = 0; tried < t->nkeys && t->keys[i].used; tried++) {
        if (memcmp(t->keys[i].id, id, KISS_SLOT_ID) == 0) {
            *found = 1;
            return i;
        }
        oldest = t->keys[i].used < t->keys[oldest].used ? i : oldest;
        i = i + 1 < t->nkeys ? i + 1 : 0;
    }
    return tried < t->nkeys ? i : oldest;
}

apr_uint32_t kiss_slots_find_key(const kiss_slots *t, const unsigned char id[KISS_SLOT_ID], apr_int64_t now, int *lost)
{
    int found;
    apr_uint32_t i = search(t, id, &found);
    kiss_key_slot *key = &t->keys[i];

    if (!found) {
        if (key->used && !kiss_sliding_window_over(&t->sliding[i], now, kiss_fixed_window_length[KISS_WINDOW_HOUR])) {
            *lost = 1;
        }
        memset(key->id, 0, KISS_SLOT_ID);
        KISS_ORDER();
        memset(key->proof, 0, KISS_SLOT_ID);
        kiss_sliding_window_clear(&t->sliding[i]);
        memcpy(key->id, id, KISS_SLOT_ID);
        KISS_ORDER();
    }
    key->used = now;
    KISS_ORDER();
    return i;
}

kiss_key_slot *kiss_slots_known_key(const kiss_slots *t, const unsigned char id[KISS_SLOT_ID])
{
    int found;
    apr_uint32_t i = search(t, id, &found);

    return found ? &t->keys[i] : NULL;
}
