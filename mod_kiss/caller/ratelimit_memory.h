/* SPDX-License-Identifier: Apache-2.0 */
/**
 * ratelimit_memory - the counters of the rate limiter: shared memory that belongs to the parent process, and its mutex.
 * Used by caller/ratelimit.c only.
 */
#ifndef KISS_RATELIMIT_MEMORY_H
#define KISS_RATELIMIT_MEMORY_H

#include <apr_shm.h>

#include "core/kiss.h"
#include "lib/ratelimit/slots.h"

/** The header of the segment; the table of callers follows it. */
typedef struct {
    volatile apr_uint32_t failed;           /**< second of kiss_clock in which a login failed last, from any address */
    apr_uint32_t lost_clients;              /**< callers whose windows were evicted for lack of room */
    apr_uint32_t lost_keys;
    apr_uint32_t unused;                    /**< padding: what follows is aligned to 64 bits */
} kiss_ratelimit_header;

/** State that survives a reload. Lives in the process pool, like segment and mutex. */
typedef struct {
    apr_shm_t *shm;
    apr_global_mutex_t *mutex;
    kiss_ratelimit_header *shared;                         /**< NULL until all is created */
    kiss_slots table;
    apr_uint32_t clients;                   /**< KissLimitClients when it was created */
    unsigned char key[KISS_SLOT_ID];        /**< random: nobody can choose names whose ids collide */
} kiss_ratelimit_segment;

/** The counters, mapped in this process; NULL when they could not be created. */
extern kiss_ratelimit_segment *kiss_ratelimit_counters;

/** Announces the mutex "kiss-limit" to the Mutex directive. In pre_config. */
apr_status_t kiss_ratelimit_memory_register(apr_pool_t *pconf);

/**
 * Creates the shared memory and the mutex, or finds those from before the reload. In post_config.
 *
 * @param first 1 at the start of the server, which a failure stops; a reload continues without limits
 * @return 0, or -1 when the start must fail, which was logged
 */
int kiss_ratelimit_memory_create(server_rec *main_server, int first);

/** Attaches a child process. In child_init. */
void kiss_ratelimit_memory_attach(server_rec *main_server, apr_pool_t *pchild);

/** Locks the counters. @return 1; or 0 where they cannot be counted, which is logged once a minute */
int kiss_ratelimit_lock(kiss_req *k);

/** Unlocks them. */
void kiss_ratelimit_unlock(void);

#endif
