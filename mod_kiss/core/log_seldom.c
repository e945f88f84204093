/* SPDX-License-Identifier: Apache-2.0 */
/**
 * log_seldom - a timestamp for each kind of message in shared memory.
 */
#include "core/log_seldom.h"

#include <apr_atomic.h>
#include <apr_shm.h>

#include "lib/base/clock.h"

#define SECOND APR_INT64_C(1000000)
#define PAUSE  60                       /* seconds */

/* Second of kiss_clock in which each kind was logged last, plus one; 0: never. */
static volatile apr_uint32_t own[KISS_LOG_SELDOMS];
static volatile apr_uint32_t *last = own;

void kiss_log_seldom_create(apr_pool_t *pconf)
{
    apr_shm_t *shm;

    last = own;
    if (apr_shm_create(&shm, sizeof(own), NULL, pconf) == APR_SUCCESS) {
        last = apr_shm_baseaddr_get(shm);       /* anonymous, and zero initially */
    }
}

int kiss_log_seldom_due(kiss_log_seldom kind)
{
    apr_uint32_t now = (apr_uint32_t)(kiss_clock_now() / SECOND) + 1, before = apr_atomic_read32(&last[kind]);

    /* Of several processes that check at the same time one succeeds. */
    return (!before || now - before >= PAUSE) && apr_atomic_cas32(&last[kind], now, before) == before;
}
