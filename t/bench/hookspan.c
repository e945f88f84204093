/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hookspan - a module of httpd for t/bench/metrics --hook: the time from a function of the hook log_transaction that runs
 * before mod_kiss' one to another that runs after it, which is that of counting a request. Each child adds a line to the
 * file HOOKSPAN_FILE when it ends: number, mean, median, 99th percentile in nanoseconds.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <httpd.h>
#include <http_config.h>
#include <http_protocol.h>

#define STEP  16                /* nanoseconds of a bucket */
#define STEPS 4096

static __thread apr_int64_t begun;
static apr_uint64_t bucket[STEPS], count, sum;

static apr_int64_t now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * APR_INT64_C(1000000000) + t.tv_nsec;
}

static int enter(request_rec *r)
{
    (void)r;
    begun = now();
    return DECLINED;
}

static int leave(request_rec *r)
{
    apr_int64_t time = now() - begun;

    (void)r;
    __atomic_fetch_add(&bucket[time / STEP < STEPS ? time / STEP : STEPS - 1], 1, __ATOMIC_RELAXED);
    __atomic_fetch_add(&count, 1, __ATOMIC_RELAXED);
    __atomic_fetch_add(&sum, (apr_uint64_t)time, __ATOMIC_RELAXED);
    return DECLINED;
}

/** The time that so many of a hundred requests do not exceed. */
static int percentile(unsigned percent)
{
    apr_uint64_t n = 0;
    int i;

    for (i = 0; i < STEPS - 1 && (n += bucket[i]) * 100 < count * percent; i++) {
        continue;
    }
    return (i + 1) * STEP;
}

static apr_status_t report(void *unused)
{
    const char *name = getenv("HOOKSPAN_FILE");
    FILE *f = count && name ? fopen(name, "a") : NULL;

    (void)unused;
    if (f) {
        fprintf(f, "%llu %llu %d %d\n", (unsigned long long)count, (unsigned long long)(sum / count), percentile(50),
                percentile(99));
        fclose(f);
    }
    return APR_SUCCESS;
}

static void child(apr_pool_t *p, server_rec *s)
{
    (void)s;
    apr_pool_cleanup_register(p, NULL, report, apr_pool_cleanup_null);
}

static void hooks(apr_pool_t *p)
{
    static const char *const kiss[] = {"mod_kiss.c", NULL};

    (void)p;
    ap_hook_log_transaction(enter, NULL, kiss, APR_HOOK_MIDDLE);
    ap_hook_log_transaction(leave, kiss, NULL, APR_HOOK_MIDDLE);
    ap_hook_child_init(child, NULL, NULL, APR_HOOK_MIDDLE);
}

AP_DECLARE_MODULE(hookspan) = {STANDARD20_MODULE_STUFF, NULL, NULL, NULL, NULL, NULL, hooks};
