/* SPDX-License-Identifier: Apache-2.0 */
/**
 * store_state - what all processes know of the Redis server of KissLimitStore: whether it counts, and since when; what was
 * counted there.
 */
#ifndef KISS_STORE_STATE_H
#define KISS_STORE_STATE_H

#include "core/counter.h"
#include "core/kiss.h"

/** Why a request was counted by its host alone. */
typedef enum {
    KISS_STORE_LOST_AWAY,               /**< the server is away, and was not asked */
    KISS_STORE_LOST_FAILED,             /**< it was asked, and failed */
    KISS_STORE_LOST_KEY,                /**< the key of this caller's counters holds something else */
    KISS_STORE_LOSTS
} kiss_store_lost;

/** Values of the label. */
extern const char *const kiss_store_lost_name[KISS_STORE_LOSTS];

/** Length of the text that says why the server does not count. */
#define KISS_STORE_REASON 160

/** In shared memory; counters are kept through reloads. */
typedef struct {
    volatile apr_uint32_t retry;        /**< millisecond of kiss_clock at which to try again; 0: the server works */
    volatile apr_time_t since;          /**< when it was last found away; 0: never */
    char reason[KISS_STORE_REASON];     /**< why; written by whoever finds it away */
    kiss_counter counted;               /**< requests that were counted there */
    kiss_counter lost[KISS_STORE_LOSTS];/**< requests that were counted by their host alone */
    kiss_counter trips;                 /**< round trips */
    kiss_counter wait_time;             /**< microseconds that requests waited for them */
    kiss_counter errors;                /**< those that failed, attempts to connect included */
    kiss_counter connections;           /**< that were opened */
} kiss_store_state;

/** The state; NULL without KissLimitStore. Set in post_config. */
extern kiss_store_state *kiss_store;

/** Creates it, or finds it from before a reload. In post_config. */
void kiss_store_state_create(server_rec *main_server);

/** 1 when the server is to be asked: it works, or this request is the one that tries again. */
int kiss_store_state_may_ask(void);

/** 1 when the last one that asked the server found that it does not count. */
int kiss_store_state_is_away(void);

/** Records that the server does not count, and why; the first one logs it. */
void kiss_store_state_away(kiss_req *k, const char *address, const char *why);

/** Records that it counts; the first one after it was away logs it. */
void kiss_store_state_works(kiss_req *k, const char *address);

#endif
