/* SPDX-License-Identifier: Apache-2.0 */
/**
 * ratelimit_memory - shared memory and mutex of the rate limiter.
 */
#include "caller/ratelimit_memory.h"

#include <unixd.h>
#include <util_mutex.h>

#include <string.h>
#include <unistd.h>

#include "core/config.h"
#include "core/log_seldom.h"
#include "lib/base/crypto.h"

#define MUTEX_TYPE "kiss-limit"
#define RETAINED   "mod_kiss-limit-5"       /* changes with the layout of the segment: an old one is not used then */

kiss_ratelimit_segment *kiss_ratelimit_counters;

apr_status_t kiss_ratelimit_memory_register(apr_pool_t *pconf)
{
#if APR_HAS_PROC_PTHREAD_SERIALIZE
    /* Without contention it needs no system call, and it is released when its owner dies. */
    return ap_mutex_register(pconf, MUTEX_TYPE, NULL, APR_LOCK_PROC_PTHREAD, 0);
#else
    return ap_mutex_register(pconf, MUTEX_TYPE, NULL, APR_LOCK_DEFAULT, 0);
#endif
}

/** Tries to open the mutex as the user of the children, who must open it where it uses flock(). @return the error */
static apr_status_t try_as_child(apr_global_mutex_t *mutex, apr_pool_t *p)
{
    const char *path = apr_global_mutex_lockfile(mutex);
    apr_status_t rv = APR_SUCCESS;
    apr_file_t *file;

    if (geteuid() != 0 || !path || strcmp(apr_global_mutex_name(mutex), "flock") != 0
        || seteuid(ap_unixd_config.user_id) != 0) {
        return APR_SUCCESS;
    }
    rv = apr_file_open(&file, path, APR_FOPEN_WRITE, APR_OS_DEFAULT, p);
    if (rv == APR_SUCCESS) {
        apr_file_close(file);
    }
    if (seteuid(0) != 0) {
        exit(APEXIT_CHILDFATAL);
    }
    return rv;
}

/** A POSIX semaphore is the only kind of mutex that stays locked when the process that has it is killed. */
static void warn_of_mutex(apr_global_mutex_t *mutex, server_rec *s)
{
    if (strcmp(apr_global_mutex_name(mutex), "posixsem") == 0) {
        ap_log_error(APLOG_MARK, APLOG_WARNING, 0, s, KISS_LOGNO(0686) "Mutex posixsem: if a process is killed while it has "
                     "the mutex '" MUTEX_TYPE "', every request waits for it until httpd is stopped and started. Use "
                     "another kind: 'Mutex default " MUTEX_TYPE "'");
    }
}

/** Creates segment and mutex. @return NULL, or what could not be created; `rv` is the cause, if it is known */
static const char *create_segment(kiss_ratelimit_segment *created, server_rec *s, apr_status_t *rv)
{
    apr_uint32_t clients = (apr_uint32_t)kiss_config_limit_clients(s), keys = (apr_uint32_t)kiss_config_limit_keys(s);
    apr_pool_t *process = s->process->pool;
    char *base;

    /* Anonymous: a killed server leaves no file or key, and no other process can attach it. It is zero initially, and
     * pages use memory only when they are written to. */
    *rv = apr_shm_create(&created->shm, sizeof(kiss_ratelimit_header) + kiss_slots_size(clients, keys), NULL, process);
    if (*rv != APR_SUCCESS) {
        return "shared memory cannot be had (KissLimitClients and KissLimitKeys say how much)";
    }
    *rv = ap_global_mutex_create(&created->mutex, NULL, MUTEX_TYPE, NULL, s, process, 0);
    if (*rv != APR_SUCCESS) {
        return "the mutex '" MUTEX_TYPE "' cannot be made (the Mutex directive says of which kind)";
    }
    *rv = try_as_child(created->mutex, process);
    if (*rv != APR_SUCCESS) {
        return "the user of the child processes cannot open the mutex '" MUTEX_TYPE "' (the Mutex directive "
               "says where it is)";
    }
    warn_of_mutex(created->mutex, s);
    if (kiss_crypto_random(created->key, sizeof(created->key)) != APR_SUCCESS) {
        return "the system has no random bytes";
    }
    base = apr_shm_baseaddr_get(created->shm);
    kiss_slots_init(&created->table, base + sizeof(kiss_ratelimit_header), clients, keys);
    created->clients = clients;
    created->shared = (kiss_ratelimit_header *)base;
    return NULL;
}

int kiss_ratelimit_memory_create(server_rec *s, int first)
{
    kiss_ratelimit_segment *retained = ap_retained_data_get(RETAINED);
    const char *what;
    apr_status_t rv;

    kiss_ratelimit_counters = NULL;
    if (!retained) {
        retained = ap_retained_data_create(RETAINED, sizeof(*retained));
    }
    if (!retained->shared && (what = create_segment(retained, s, &rv))) {
        ap_log_error(APLOG_MARK, (first ? APLOG_STARTUP : 0) | APLOG_CRIT, rv, s, KISS_LOGNO(0301) "rate limits cannot be "
                     "counted: %s. %s", what, first ? "The server does not start without them"
                     : "Data requests are not limited, and no token is issued");
        return first ? -1 : 0;
    }
    if (retained->clients != (apr_uint32_t)kiss_config_limit_clients(s)
        || retained->table.nkeys != (apr_uint32_t)kiss_config_limit_keys(s)) {
        ap_log_error(APLOG_MARK, APLOG_NOTICE, 0, s, KISS_LOGNO(0302) "KissLimitClients and KissLimitKeys take effect when "
                     "httpd is stopped and started; until then %u callers and %u keys are counted",
                     kiss_slots_clients(retained->clients), retained->table.nkeys);
    }
    kiss_ratelimit_counters = retained;
    return 0;
}

void kiss_ratelimit_memory_attach(server_rec *s, apr_pool_t *pchild)
{
    if (kiss_ratelimit_counters) {
        apr_global_mutex_t **mutex = &kiss_ratelimit_counters->mutex;
        apr_status_t rv = apr_global_mutex_child_init(mutex, apr_global_mutex_lockfile(*mutex), pchild);

        if (rv != APR_SUCCESS) {
            ap_log_error(APLOG_MARK, APLOG_CRIT, rv, s, KISS_LOGNO(0303) "cannot use the mutex of the rate limits: data "
                         "requests of this child are not limited, and it issues no token");
            kiss_ratelimit_counters = NULL;
        }
    }
}

int kiss_ratelimit_lock(kiss_req *k)
{
    apr_status_t rv = kiss_ratelimit_counters ? apr_global_mutex_lock(kiss_ratelimit_counters->mutex) : APR_SUCCESS;

    if (kiss_ratelimit_counters && rv == APR_SUCCESS) {
        return 1;
    }
    KISS_LOG_SELDOM(KISS_LOG_SELDOM_LIMITS, k, APLOG_WARNING, rv,
                    KISS_LOGNO(0304) "rate limits cannot be counted: requests pass "
                    "without them");
    return 0;
}

void kiss_ratelimit_unlock(void)
{
    apr_global_mutex_unlock(kiss_ratelimit_counters->mutex);
}
