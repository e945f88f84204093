/* SPDX-License-Identifier: Apache-2.0 */
/**
 * store_state - state and counters of the Redis server of KissLimitStore, in shared memory.
 */
#include "caller/store_state.h"

#include <apr_atomic.h>
#include <apr_shm.h>

#include "core/config.h"
#include "lib/base/clock.h"

#define RETAINED "mod_kiss-store-1"         /* changes with the layout */

/* Milliseconds from one attempt to the next while the server is away. */
#define BACKOFF 1000

const char *const kiss_store_lost_name[KISS_STORE_LOSTS] = { "away", "failed", "key" };

kiss_store_state *kiss_store;

/** Survives a reload, in the process pool. */
typedef struct {
    kiss_store_state *state;
} retained_state;

void kiss_store_state_create(server_rec *s)
{
    retained_state *retained = ap_retained_data_get(RETAINED);
    apr_shm_t *shm;
    apr_status_t rv;

    kiss_store = NULL;
    if (!kiss_config_server(s)->limit_store) {
        return;
    }
    if (!retained) {
        retained = ap_retained_data_create(RETAINED, sizeof(*retained));
    }
    if (!retained->state) {
        rv = apr_shm_create(&shm, sizeof(kiss_store_state), NULL, s->process->pool);
        if (rv != APR_SUCCESS) {
            ap_log_error(APLOG_MARK, APLOG_WARNING, rv, s, KISS_LOGNO(0762) "no shared memory for KissLimitStore: each host "
                         "counts by itself");
            return;
        }
        retained->state = apr_shm_baseaddr_get(shm);
    }
    kiss_store = retained->state;
    /* Perhaps another server is configured now: it is asked at once. */
    apr_atomic_set32(&kiss_store->retry, 0);
}

static apr_uint32_t now_ms(void)
{
    return (apr_uint32_t)(kiss_clock_now() / 1000);
}

int kiss_store_state_may_ask(void)
{
    apr_uint32_t retry = apr_atomic_read32(&kiss_store->retry), now;

    if (!retry) {
        return 1;
    }
    now = now_ms();
    return (apr_int32_t)(now - retry) >= 0 && apr_atomic_cas32(&kiss_store->retry, (now + BACKOFF) | 1, retry) == retry;
}

int kiss_store_state_is_away(void)
{
    return apr_atomic_read32(&kiss_store->retry) != 0;
}

void kiss_store_state_away(kiss_req *k, const char *address, const char *why)
{
    kiss_counter_add(&kiss_store->errors, 1);
    if (apr_atomic_xchg32(&kiss_store->retry, (now_ms() + BACKOFF) | 1) == 0) {
        apr_cpystrn(kiss_store->reason, why, sizeof(kiss_store->reason));
        __atomic_store_n(&kiss_store->since, apr_time_now(), __ATOMIC_RELEASE);
        KISS_LOG(k, APLOG_WARNING, 0, KISS_LOGNO(0763) "Redis at %s does not count (%.200s): this host counts requests by "
                 "itself until it does", address, why);
    }
}

void kiss_store_state_works(kiss_req *k, const char *address)
{
    if (apr_atomic_read32(&kiss_store->retry) != 0 && apr_atomic_xchg32(&kiss_store->retry, 0) != 0) {
        KISS_LOG(k, APLOG_NOTICE, 0, KISS_LOGNO(0764) "Redis at %s counts again", address);
    }
}
