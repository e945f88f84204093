/* SPDX-License-Identifier: Apache-2.0 */
/**
 * cache_warmer - builds the most used lists after each change of their database.
 */
#include "worker/cache_warmer.h"

#include <apr_atomic.h>
#include <apr_portable.h>

#include <fcntl.h>
#include <string.h>

#include "caller/caller.h"
#include "core/config.h"
#include "core/database_counters.h"
#include "core/error.h"
#include "db/db_revision.h"
#include "lib/base/clock.h"
#include "lib/base/plural.h"
#include "list/list_cache.h"
#include "list/list_job.h"
#include "list/list_shared.h"
#include "list/list_usage.h"

#define SECOND APR_INT64_C(1000000)

/* Interval after which another child replaces one that died. */
#define TRY_AGAIN (5 * SECOND)

/* Maximum of the pause between two attempts while the database is away; it is doubled each time. */
#define MAX_PAUSE (60 * SECOND)

/* Pause after a pass, as a multiple of its time. */
#define REST 3

#define DECAY_INTERVAL (60 * SECOND)

/** A database, and the pass over its lists. */
typedef struct {
    const kiss_config_location *location;   /* a location that uses it */
    const char *revision;               /* text of db/db_revision.h at the start of the last pass; "" initially */
    const apr_array_header_t *pass;     /* of kiss_list_usage: the lists of the current pass, or NULL */
    kiss_list_shared *shared;           /* what these have in common; NULL without a pass, or when there is no memory */
    apr_pool_t *pool;                   /* owns all three */
    int at;                             /* index of the next list of the pass */
    int built;                          /* lists built in the pass */
    apr_int64_t spent;                  /* time spent in the pass */
    apr_int64_t next;                   /* when to continue, or to check again */
    apr_int64_t pause;                  /* the last pause while the database is away */
} watched;

struct kiss_cache_warmer {
    server_rec *server;
    volatile apr_uint32_t *stop;
    const apr_array_header_t *locations;   /* of kiss_config_location: every location */
    apr_array_header_t *databases;         /* of watched */
    int leads;
    apr_int64_t decayed;                   /* when the counts of use were last decayed */
};

/* --- which child is the warmer --- */

/* An unlinked file that all children inherit from their parent. It is locked by fcntl(), whose locks belong to a
 * process. */
static apr_file_t *lead_lock;

void kiss_cache_warmer_prepare(server_rec *s, apr_pool_t *pconf)
{
    const char *dir;
    char *name = NULL;
    apr_status_t rv;

    lead_lock = NULL;
    if (!kiss_config_warm(s)) {
        return;
    }
    /* Not in KissCacheDir, where another user controls the names: this may be root. */
    rv = apr_temp_dir_get(&dir, pconf);
    if (rv == APR_SUCCESS) {
        name = apr_pstrcat(pconf, dir, "/kiss-warm.XXXXXX", NULL);
        rv = apr_file_mktemp(&lead_lock, name, APR_FOPEN_CREATE | APR_FOPEN_READ | APR_FOPEN_WRITE | APR_FOPEN_EXCL, pconf);
    }
    if (rv != APR_SUCCESS) {
        ap_log_error(APLOG_MARK, APLOG_WARNING, rv, s, KISS_LOGNO(0711) "no lock file in the system's temporary directory: "
                     "KissWarm does nothing");
        lead_lock = NULL;
        return;
    }
    apr_file_remove(name, pconf);
}

/** Acquires or releases the lock. The kernel releases it when the process dies. @return 1 on success */
static int set_lock(short type)
{
    struct flock lock = { .l_type = type, .l_whence = SEEK_SET };
    apr_os_file_t fd;

    return lead_lock && apr_os_file_get(&fd, lead_lock) == APR_SUCCESS && fcntl(fd, F_SETLK, &lock) == 0;
}

/* --- one list --- */

/** A kiss_req without a request. */
static kiss_req request(const kiss_cache_warmer *w, const kiss_config_location *location, apr_pool_t *p)
{
    /* What is set for the server: that of a location is not known without a request. */
    const core_dir_config *core = ap_get_core_module_config(location->server->lookup_defaults);
    kiss_req k = {
        .server = location->server,
        .may_map = core->enable_mmap != ENABLE_MMAP_OFF,
        .pool = p,
        .conf = location->conf,
        .api = location->conf->plan->api,
        .db = location->database->db,
        .revision = location->database->revision,
        .stop = w->stop
    };

    return k;
}

static const kiss_endpoint *endpoint_of(const kiss_api *api, const char *name)
{
    const kiss_endpoint *e;

    for (e = api->endpoints; e->path; e++) {
        if (e->run == KISS_RUN_LIST && strcmp(e->name, name) == 0) {
            return e;
        }
    }
    return NULL;
}

/** What became of a list, and whether it is to be tried again. */
typedef struct {
    kiss_warmed was;
    int again;                          /* KISS_WARMED_FAILED: the database is away, or busy */
} outcome;

static outcome end(kiss_warmed was)
{
    const outcome o = { was, 0 };

    return o;
}

/** What a job that has ended without an error has done. */
static kiss_warmed done(const kiss_list_job *job)
{
    kiss_work work = kiss_list_job_work(job);

    return work == KISS_WORK_BUILT ? KISS_WARMED_BUILT : work == KISS_WORK_PATCHED ? KISS_WARMED_PATCHED
           : work == KISS_WORK_COMPRESSED ? KISS_WARMED_COMPRESSED : KISS_WARMED_CACHED;
}

/** Builds the list with this tag, unless it is cached, or a version of it is built now by another process. */
static outcome build(kiss_req *k, const char *tag, int gzip)
{
    const char *dir = kiss_config_cache_dir(k->server);
    const kiss_list_variant variant = { NULL, gzip };
    const char *coded = kiss_list_variant_name(&variant, k, tag, k->pool);
    const kiss_error *e;
    kiss_list_job *job;
    apr_pool_t *lock;
    apr_status_t rv;

    if (kiss_list_cache_exists(dir, coded, k->pool)) {
        return end(KISS_WARMED_CACHED);
    }
    if (apr_pool_create(&lock, k->pool) != APR_SUCCESS) {
        return end(KISS_WARMED_FAILED);
    }
    rv = kiss_list_cache_lock(dir, kiss_list_variant_lock(&variant, k, lock), 0, NULL, NULL, lock);
    apr_pool_destroy(lock);
    if (rv != APR_SUCCESS) {
        return end(KISS_WARMED_BUSY);
    }
    e = kiss_list_job_begin(&job, k, tag, &variant);
    e = e ? e : kiss_list_job_end(job, k);
    if (e) {
        const outcome failed = { KISS_WARMED_FAILED, e == &kiss_error_unavailable || e == &kiss_error_busy };

        return failed;
    }
    return end(done(job));
}

/** Builds a list of the counts of use. */
static outcome build_used(const kiss_cache_warmer *w, const kiss_config_location *location, const kiss_list_usage *u,
                          kiss_list_shared *shared, apr_pool_t *p)
{
    kiss_req k = request(w, location, p);

    k.shared = shared;
    k.endpoint = endpoint_of(k.api, u->endpoint);
    k.principal = u->customer;
    if (!k.endpoint) {
        return end(KISS_WARMED_GONE);
    }
    if (kiss_caller_read(&k.caller, &k, u->customer) != KISS_DB_OK) {
        const outcome failed = { KISS_WARMED_FAILED, 1 };

        return failed;
    }
    /* The customer may be deleted, or have other terms by now: the next request for that list counts with another
     * customer. */
    if (!k.caller->code || !k.caller->enabled || kiss_list_usage_key(&k) != u->key) {
        kiss_list_usage_forget(u->key);
        return end(KISS_WARMED_GONE);
    }
    return build(&k, kiss_caller_etag(k.caller, k.api, k.endpoint, p), u->gzip);
}

/* --- passes --- */

/** The location of a list, if it uses this database. */
static const kiss_config_location *location_of(const kiss_cache_warmer *w, const kiss_list_usage *u,
                                               const kiss_database_conf *database)
{
    int i;

    for (i = 0; i < w->locations->nelts; i++) {
        const kiss_config_location *location = &APR_ARRAY_IDX(w->locations, i, kiss_config_location);

        if (location->database == database && kiss_list_usage_location(location->conf, location->server) == u->location) {
            return location;
        }
    }
    return NULL;
}

/** 1 when a list was built, wholly or from an earlier version. */
static int is_new(kiss_warmed was)
{
    return was == KISS_WARMED_BUILT || was == KISS_WARMED_PATCHED || was == KISS_WARMED_COMPRESSED;
}

static void count(kiss_counter *counter, apr_int64_t n)
{
    kiss_counter_add(counter, n > 0 ? (apr_uint64_t)n : 0);
}

/**
 * Builds the next missing list of a pass.
 *
 * @return 1 when one was built; 0 when nothing is missing any more; -1 when the database is away
 */
static int build_next(kiss_cache_warmer *w, watched *d, apr_pool_t *scratch)
{
    kiss_database_counters *counters = d->location->database->counters;
    apr_int64_t start = kiss_clock_now(), time;
    int max = kiss_config_warm(w->server), result = 0;

    while (result == 0 && d->at < d->pass->nelts && d->at < max && !apr_atomic_read32(w->stop)) {
        const kiss_list_usage *u = &APR_ARRAY_IDX(d->pass, d->at++, kiss_list_usage);
        const kiss_config_location *location = location_of(w, u, d->location->database);

        outcome o;

        if (!location) {
            continue;                   /* a list of another database */
        }
        apr_pool_clear(scratch);
        o = build_used(w, location, u, d->shared, scratch);
        result = is_new(o.was) ? 1 : o.again ? -1 : 0;
        if (counters && !(o.again && apr_atomic_read32(w->stop))) {
            count(&counters->warmed[o.was], 1);
        }
    }
    time = kiss_clock_now() - start;
    d->built += result > 0;
    d->spent += time;
    if (counters) {
        count(&counters->pass_time, time);
    }
    return result;
}

/** Starts a pass if the database has changed. @return 0, or -1 when it cannot be read */
static int check(const kiss_cache_warmer *w, watched *d, apr_pool_t *scratch)
{
    kiss_req k = request(w, d->location, scratch);
    const char *revision;

    if (!k.db || kiss_db_revision_read(&revision, &k) != KISS_DB_OK) {
        return -1;
    }
    if (strcmp(revision, d->revision) != 0) {
        apr_pool_clear(d->pool);        /* without a pass: nothing is shared any more */
        d->revision = apr_pstrdup(d->pool, revision);
        d->pass = kiss_list_usage_list(d->pool);
        d->at = d->built = 0;
        d->spent = 0;
        if (kiss_list_shared_create(&d->shared, d->pool) != APR_SUCCESS) {
            d->shared = NULL;
        }
    }
    return 0;
}

/** Releases what the lists of a pass have in common. */
static void release_shared(watched *d)
{
    if (d->shared) {
        kiss_list_shared_destroy(d->shared);
        d->shared = NULL;
    }
}

/** The database is away: the pass ends, and the next check starts another one. */
static void back_off(watched *d)
{
    release_shared(d);
    d->pass = NULL;
    d->revision = "";
    d->pause = d->pause * 2 < MAX_PAUSE ? d->pause * 2 : MAX_PAUSE;
    d->next = kiss_clock_now() + d->pause;
}

/** All lists of a pass are cached. */
static void end_pass(const kiss_cache_warmer *w, watched *d)
{
    kiss_database_counters *counters = d->location->database->counters;
    apr_int64_t rest = d->pass ? REST * d->spent : 0;

    if (d->pass && counters) {
        count(&counters->passes, 1);
    }
    if (d->pass && d->built) {
        ap_log_error(APLOG_MARK, APLOG_INFO, 0, w->server,
                     KISS_LOGNO(0712) "database %s has changed: %d list%s built in "
                     "advance in %d ms", d->location->database->name, d->built,
                     KISS_PLURAL(d->built, " was", "s were"), (int)(d->spent / 1000));
    }
    release_shared(d);
    d->pass = NULL;
    d->pause = kiss_config_warm_interval(w->server);
    d->next = kiss_clock_now() + (rest > d->pause ? rest : d->pause);
}

/** Works on one database until a list is built or the pass ends. */
static void work_on(kiss_cache_warmer *w, watched *d, apr_pool_t *scratch)
{
    int result = d->pass ? 0 : check(w, d, scratch);

    if (result == 0 && d->pass) {
        result = build_next(w, d, scratch);
    }
    if (apr_atomic_read32(w->stop)) {
        return;                         /* another child continues: the pass is not complete */
    }
    if (result < 0) {
        back_off(d);
    }
    else if (result == 0) {
        end_pass(w, d);
    }
}

kiss_cache_warmer *kiss_cache_warmer_create(server_rec *s, volatile apr_uint32_t *stop, apr_pool_t *p)
{
    kiss_cache_warmer *w = apr_pcalloc(p, sizeof(*w));
    int i, j;

    if (!kiss_config_warm(s) || !lead_lock) {
        return NULL;
    }
    w->server = s;
    w->stop = stop;
    w->locations = kiss_config_locations(s, p);
    w->databases = apr_array_make(p, 2, sizeof(watched));
    for (i = 0; i < w->locations->nelts; i++) {
        const kiss_config_location *location = &APR_ARRAY_IDX(w->locations, i, kiss_config_location);
        watched d = { .location = location, .revision = "", .pause = kiss_config_warm_interval(s) };

        for (j = 0; j < w->databases->nelts; j++) {
            if (APR_ARRAY_IDX(w->databases, j, watched).location->database == location->database) {
                break;
            }
        }
        if (j == w->databases->nelts && kiss_config_has_lists(location->conf)
            && apr_pool_create(&d.pool, p) == APR_SUCCESS) {
            APR_ARRAY_PUSH(w->databases, watched) = d;
        }
    }
    return w;
}

apr_int64_t kiss_cache_warmer_step(kiss_cache_warmer *w, apr_pool_t *scratch)
{
    apr_int64_t now = kiss_clock_now(), next;
    int i;

    w->leads = w->leads || set_lock(F_WRLCK);
    if (!w->leads) {
        return TRY_AGAIN;
    }
    if (now - w->decayed >= DECAY_INTERVAL) {
        w->decayed = now;
        kiss_list_usage_decay();
    }
    next = w->decayed + DECAY_INTERVAL;
    for (i = 0; i < w->databases->nelts && !apr_atomic_read32(w->stop); i++) {
        watched *d = &APR_ARRAY_IDX(w->databases, i, watched);

        apr_pool_clear(scratch);
        if (d->next <= now) {
            work_on(w, d, scratch);
        }
        next = d->next < next ? d->next : next;
    }
    now = kiss_clock_now();
    return next > now ? next - now : 0;
}

void kiss_cache_warmer_end(kiss_cache_warmer *w)
{
    if (w->leads) {
        set_lock(F_UNLCK);
        w->leads = 0;
    }
}
