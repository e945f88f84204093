/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/cache_warmer.h"

#include <apr_atomic.h>
#include <apr_portable.h>

#include <fcntl.h>
#include <string.h>

#include "caller/caller.h"
#include "core/config.h"
#include "core/error.h"
#include "db/db_revision.h"
#include "lib/base/clock.h"
#include "list/list_cache.h"
#include "list/list_job.h"
#include "list/list_usage.h"

#define SECOND APR_INT64_C(1000000)

/* How soon another child takes over from one that died. */
#define TRY_AGAIN (5 * SECOND)

/* While the database is away it is asked less and less often, down to this. */
#define MAX_PAUSE (60 * SECOND)

/* After building for some time it rests so many times as long. */
#define REST 3

#define FADE_AFTER (60 * SECOND)

/** A database and what was last seen of it. */
typedef struct {
    const kiss_config_location *location;     /* a location that is served from it */
    const char *state;                  /* as of db/db_revision.h, when the last round began; "" at first */
    const apr_array_header_t *pass;    /* of kiss_list_usage: the lists of a round that is not at its end, or NULL */
    apr_pool_t *pool;                   /* owns both */
    int at;                             /* the next one of the round */
    int built;                           /* how many have been made in it */
    apr_int64_t spent;                  /* time that it has taken */
    apr_int64_t next;                   /* when to go on, or to look again */
    apr_int64_t pause;                  /* while the database is away: how long the last one was */
} watched;

struct kiss_cache_warmer {
    server_rec *server;
    volatile apr_uint32_t *stop;
    const apr_array_header_t *locations;   /* of kiss_config_location: every location */
    apr_array_header_t *databases;      /* of watched */
    int leads;
    apr_int64_t fade;                   /* when to let the counts fade */
};

/* --- whose turn it is --- */

/* A file without a name that all children have from their parent. Its lock is fcntl()'s: it belongs to a process. */
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
    /* Not in KissCacheDir, where another user says what a name means: this may be root. */
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

/** Takes or gives back the lock. The kernel gives it back when the process dies. @return 1 when done */
static int set_lock(short type)
{
    struct flock lock = { .l_type = type, .l_whence = SEEK_SET };
    apr_os_file_t fd;

    return lead_lock && apr_os_file_get(&fd, lead_lock) == APR_SUCCESS && fcntl(fd, F_SETLK, &lock) == 0;
}

/* --- one list --- */

/** A request that nobody made. */
static kiss_req request(const kiss_cache_warmer *w, const kiss_config_location *location, apr_pool_t *p)
{
    kiss_req k = {
        .server = location->server,
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

/**
 * Makes the list with this tag, unless it is there, or somebody makes it now.
 *
 * @return 1 when it was made; 0 when there is nothing to do, or that would not help; -1 when it is to be tried again
 */
static int make(kiss_req *k, const char *tag, int gzip)
{
    const char *dir = kiss_config_cache_dir(k->server);
    const kiss_list_variant variant = { NULL, gzip };
    const char *coded = kiss_list_variant_name(&variant, k, tag, k->pool);
    const kiss_error *e;
    kiss_list_job *making;
    apr_pool_t *lock;
    apr_status_t rv;

    if (kiss_list_cache_exists(dir, coded, k->pool) || apr_pool_create(&lock, k->pool) != APR_SUCCESS) {
        return 0;
    }
    rv = kiss_list_cache_lock(dir, coded, 0, lock);
    apr_pool_destroy(lock);
    if (rv != APR_SUCCESS) {
        return 0;
    }
    e = kiss_list_job_begin(&making, k, tag, &variant);
    e = e ? e : kiss_list_job_end(making, k);
    return !e ? 1 : e == &kiss_error_unavailable || e == &kiss_error_busy ? -1 : 0;
}

/** Makes the list of a scope. @return as make() */
static int warm(const kiss_cache_warmer *w, const kiss_config_location *location, const kiss_list_usage *u, apr_pool_t *p)
{
    kiss_req k = request(w, location, p);

    k.endpoint = endpoint_of(k.api, u->endpoint);
    k.principal = u->customer;
    if (!k.endpoint || kiss_caller_read(&k.caller, &k, u->customer) != KISS_DB_OK) {
        return k.endpoint ? -1 : 0;
    }
    /* The customer may be gone, or have other terms by now: from the next request on somebody else stands for the scope. */
    if (!k.caller->code || !k.caller->enabled || kiss_list_usage_key(&k) != u->key) {
        kiss_list_usage_forget(u->key);
        return 0;
    }
    return make(&k, kiss_caller_etag(k.caller, k.api, k.endpoint, p), u->gzip);
}

/* --- rounds --- */

/** The location of a scope, if it is served from this database. */
static const kiss_config_location *location_of(const kiss_cache_warmer *w, const kiss_list_usage *u, const kiss_database_conf *database)
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

/** Makes the next list of a round that is missing. @return as make(); 0 also when nothing is missing any more */
static int make_next(kiss_cache_warmer *w, watched *d, apr_pool_t *scratch)
{
    apr_int64_t start = kiss_clock_now();
    int most = kiss_config_warm(w->server), result = 0;

    while (result == 0 && d->at < d->pass->nelts && d->at < most && !apr_atomic_read32(w->stop)) {
        const kiss_list_usage *u = &APR_ARRAY_IDX(d->pass, d->at++, kiss_list_usage);
        const kiss_config_location *location = location_of(w, u, d->location->database);

        apr_pool_clear(scratch);
        result = location ? warm(w, location, u, scratch) : 0;
    }
    d->built += result > 0;
    d->spent += kiss_clock_now() - start;
    return result;
}

/** Looks whether a database has changed: then a round begins. @return 0, or -1 when it cannot be asked */
static int check(const kiss_cache_warmer *w, watched *d, apr_pool_t *scratch)
{
    kiss_req k = request(w, d->location, scratch);
    const char *state;

    if (!k.db || kiss_db_revision_read(&state, &k) != KISS_DB_OK) {
        return -1;
    }
    if (strcmp(state, d->state) != 0) {
        apr_pool_clear(d->pool);
        d->state = apr_pstrdup(d->pool, state);
        d->pass = kiss_list_usage_list(d->pool);
        d->at = d->built = 0;
        d->spent = 0;
    }
    return 0;
}

/** The database is away: the round ends, and the next look begins another one. */
static void give_up(watched *d)
{
    d->pass = NULL;
    d->state = "";
    d->pause = d->pause * 2 < MAX_PAUSE ? d->pause * 2 : MAX_PAUSE;
    d->next = kiss_clock_now() + d->pause;
}

/** Everything of a round is there. */
static void end_round(const kiss_cache_warmer *w, watched *d)
{
    apr_int64_t rest = d->pass ? REST * d->spent : 0;

    if (d->pass && d->built) {
        ap_log_error(APLOG_MARK, APLOG_INFO, 0, w->server, KISS_LOGNO(0712) "database %s has changed: %d lists were built in "
                     "advance in %d ms", d->location->database->name, d->built, (int)(d->spent / 1000));
    }
    d->pass = NULL;
    d->pause = kiss_config_warm_interval(w->server);
    d->next = kiss_clock_now() + (rest > d->pause ? rest : d->pause);
}

/** The work on one database until its next list was made. */
static void go_on(kiss_cache_warmer *w, watched *d, apr_pool_t *scratch)
{
    int result = d->pass ? 0 : check(w, d, scratch);

    if (result == 0 && d->pass) {
        result = make_next(w, d, scratch);
    }
    if (apr_atomic_read32(w->stop)) {
        return;                         /* another child goes on: what is missing is not all there */
    }
    if (result < 0) {
        give_up(d);
    }
    else if (result == 0) {
        end_round(w, d);
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
        watched d = { .location = location, .state = "", .pause = kiss_config_warm_interval(s) };

        for (j = 0; j < w->databases->nelts; j++) {
            if (APR_ARRAY_IDX(w->databases, j, watched).location->database == location->database) {
                break;
            }
        }
        if (j == w->databases->nelts && kiss_config_has_lists(location->conf) && apr_pool_create(&d.pool, p) == APR_SUCCESS) {
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
    if (now - w->fade >= FADE_AFTER) {
        w->fade = now;
        kiss_list_usage_fade();
    }
    next = w->fade + FADE_AFTER;
    for (i = 0; i < w->databases->nelts && !apr_atomic_read32(w->stop); i++) {
        watched *d = &APR_ARRAY_IDX(w->databases, i, watched);

        apr_pool_clear(scratch);
        if (d->next <= now) {
            go_on(w, d, scratch);
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
