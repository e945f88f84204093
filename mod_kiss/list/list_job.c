/* SPDX-License-Identifier: Apache-2.0 */
/**
 * list_job - threads that build, compress or compare a list, chained by their sources.
 */
#include "list/list_job.h"

#include <string.h>

#include "caller/caller.h"
#include "core/config.h"
#include "core/error.h"
#include "core/log_seldom.h"
#include "core/verified.h"
#include "db/db_pool.h"
#include "lib/base/clock.h"
#include "lib/base/decimal.h"
#include "lib/base/thread.h"
#include "lib/file/delta.h"
#include "lib/file/gzip.h"
#include "lib/file/list_states.h"
#include "list/list_base.h"
#include "list/list_cache.h"
#include "list/list_cache_map.h"
#include "list/list_reader.h"

/* How long a request waits for others that build the same list and its variants, in all. */
#define LOCK_WAIT apr_time_from_sec(30)

struct kiss_list_job {
    apr_pool_t *pool;           /* owns it; the thread's while there is one; has its own allocator */
    apr_pool_t *lock;           /* holds the lock */
    kiss_req k;                 /* the request without its request_rec */
    kiss_progress *progress;
    apr_thread_t *thread;       /* NULL when there is none, or no more */
    kiss_list_variant variant;  /* what is built */
    kiss_list_job *source;      /* what it is built from; NULL for the list itself, which is read from the database */
    kiss_list_cache_entry found;    /* the cache entry, if there was one; else it has no file */
    const kiss_list_cache_map *base;    /* what the list was derived from, or NULL */
    kiss_work work;             /* of this job alone */
    apr_int64_t asked;          /* when the database was asked, by kiss_clock_now() */
    const kiss_error *error;    /* set when the thread has ended */
};

/** Waits for the thread. */
static void join(kiss_list_job *m)
{
    apr_status_t ignored;

    if (m->thread) {
        apr_thread_join(&ignored, m->thread);
        m->thread = NULL;
    }
}

static apr_status_t destroy(void *job)
{
    kiss_list_job *m = job;

    if (m) {
        join(m);
        destroy(m->source);         /* after the thread that reads it */
        apr_pool_destroy(m->pool);
    }
    return APR_SUCCESS;
}

static kiss_list_job *create(const kiss_req *k, const kiss_list_variant *variant)
{
    kiss_list_job *m;
    apr_pool_t *pool;

    /* Not a child of the request's pool, which belongs to the request's thread. */
    if (apr_pool_create_unmanaged_ex(&pool, NULL, NULL) != APR_SUCCESS) {
        return NULL;
    }
    m = apr_pcalloc(pool, sizeof(*m));
    if (apr_pool_create(&m->lock, pool) != APR_SUCCESS || kiss_progress_create(&m->progress, pool) != APR_SUCCESS) {
        apr_pool_destroy(pool);
        return NULL;
    }
    m->pool = pool;
    m->k = *k;
    m->k.r = NULL;
    m->k.pool = pool;
    m->k.principal = apr_pstrdup(pool, k->principal);
    m->k.rows = 0;
    m->k.db_time = 0;
    memset(&m->k.tally, 0, sizeof(m->k.tally));
    m->variant.gzip = variant->gzip;
    m->variant.base = apr_pstrdup(pool, variant->base);
    m->work = KISS_WORK_HIT;
    return m;
}

/* --- cache --- */

/** Opens the cache entry, if there is one: then there is nothing to do. @return 1 when there is */
static int find(kiss_list_job *m, const char *tag)
{
    const char *name = kiss_list_variant_name(&m->variant, &m->k, tag, m->pool);
    apr_array_header_t *chunks;
    kiss_list_cache_entry entry;

    if (!kiss_list_cache_is_sound(kiss_list_cache_open(&entry, kiss_config_cache_dir(m->k.server), name, m->pool), &m->k,
                                  name)
        || kiss_list_cache_chunks(&chunks, &entry, m->pool) != APR_SUCCESS) {
        return 0;
    }
    kiss_progress_name(m->progress, apr_pstrdup(m->pool, tag));
    m->found = entry;
    kiss_progress_complete(m->progress, &entry.stored, chunks);
    return 1;
}

/** A job that waits for its lock, or for what is built under it. */
typedef struct {
    kiss_list_job *m;
    const char *tag;            /* the version that it wants, or a newer one that was found */
    const char *last;           /* the version that was recorded last when it began to wait; NULL before */
    int found;                  /* 1 when the list was found */
    apr_pool_t *scratch;
} waiter;

/** Finds a cache entry that others may have published. @return 1 when there is one */
static int find_published(const waiter *w, const char *tag)
{
    const kiss_list_job *m = w->m;

    return kiss_list_cache_exists(kiss_config_cache_dir(m->k.server),
                                  kiss_list_variant_name(&m->variant, &m->k, tag, w->scratch), w->scratch)
           && find(w->m, tag);
}

/** Finds what others have built while it waited: the version that it wants, or a newer one. */
static void find_built(waiter *w)
{
    const apr_array_header_t *versions;
    int i;

    apr_pool_clear(w->scratch);
    w->found = find_published(w, w->tag);
    versions = w->found ? NULL : kiss_base_newer(&w->m->k, w->last, w->scratch);
    for (i = 0; !w->found && i < versions->nelts; i++) {
        const char *tag = APR_ARRAY_IDX(versions, i, kiss_list_state).tag;

        w->found = find_published(w, tag);
        if (w->found) {
            w->tag = apr_pstrdup(w->m->pool, tag);
            KISS_LOG(&w->m->k, APLOG_DEBUG, 0, KISS_LOGNO(0831) "%s: %s was built meanwhile, which is newer than what was "
                     "waited for", w->m->k.endpoint->name, tag);
        }
    }
}

/** @return 1 to wait no longer: it was found, or this child ends, and what it would build is refused at once */
static int look(void *baton)
{
    waiter *w = baton;

    if (kiss_db_pool_ends(&w->m->k)) {
        return 1;
    }
    if (w->last) {
        find_built(w);
    }
    else {
        KISS_LOG(&w->m->k, APLOG_DEBUG, 0, KISS_LOGNO(0830) "%s: waits for a version that is being built",
                 w->m->k.endpoint->name);
        w->last = kiss_base_last(&w->m->k, w->m->pool);
    }
    return w->found;
}

/** Makes the current version the one that is wanted: so what is built after a wait suits all who wait. */
static void renew(waiter *w)
{
    kiss_list_job *m = w->m;
    const char *wanted = kiss_list_variant_lock(&m->variant, &m->k, m->pool);
    const kiss_caller *now;
    kiss_db_status status;
    kiss_req k = m->k;

    if (k.as_of) {
        return;
    }
    status = kiss_caller_read(&now, &k, k.principal);
    m->k.db_waited = k.db_waited;
    if (status != KISS_DB_OK || !now->code || !now->enabled) {
        return;                         /* who builds reads it again, and answers with the error */
    }
    k.caller = now;
    if (strcmp(kiss_list_variant_lock(&m->variant, &k, m->pool), wanted) == 0) {
        m->k = k;
        w->tag = kiss_caller_etag(now, k.api, k.endpoint, m->pool);
    }
}

/**
 * Finds the cache entry, or takes its build lock, or waits for either. Nobody waits for more builds than the one that goes
 * on, one more that was asked for before, and the one after that, whose version suits all who wait by then.
 *
 * @param tag   its ETag; after a wait it may be a newer one
 * @param until when it waits no more, by kiss_clock_now()
 * @param found receives 1 when there is nothing to build
 * @return NULL; 503
 */
static const kiss_error *find_or_lock(kiss_list_job *m, const char **tag, apr_int64_t until, int *found)
{
    waiter w = { m, *tag, NULL, find(m, *tag), NULL };
    apr_status_t rv = APR_SUCCESS;

    if (!w.found) {
        if (apr_pool_create(&w.scratch, m->lock) != APR_SUCCESS) {
            return &kiss_error_internal;
        }
        rv = kiss_list_cache_lock(kiss_config_cache_dir(m->k.server), kiss_list_variant_lock(&m->variant, &m->k, m->pool),
                                  until - kiss_clock_now(), look, &w, m->lock);
        /* Another one may have been faster. Without a lock (as with a full disk) each request builds its own. */
        if (rv == APR_SUCCESS && w.last) {
            find_built(&w);
        }
        if (rv == APR_SUCCESS && w.last && !w.found) {
            renew(&w);
        }
        w.found = w.found || (rv == APR_SUCCESS && find(m, w.tag));
        if (w.found) {
            apr_pool_clear(m->lock);
        }
    }
    *tag = w.tag;
    *found = w.found;
    return rv == APR_TIMEUP ? &kiss_error_busy : NULL;
}

/* --- work --- */

/** "7.5" */
static const char *percentage(apr_int64_t discount, apr_pool_t *p)
{
    char text[KISS_DECIMAL_TEXT];
    int n = kiss_decimal_format(text, discount, KISS_DISCOUNT_SCALE);

    while (text[n - 1] == '0') {
        n--;
    }
    return apr_pstrmemdup(p, text, (apr_size_t)(text[n - 1] == '.' ? n - 1 : n));
}

/** The label of a cached list: what its ETag is a digest of, as text. */
static kiss_cache_file_label label_of(const kiss_req *k, const char *name, int gzip, const char *base)
{
    const kiss_terms terms = kiss_caller_terms(k->caller, k->endpoint);
    const char *price_list = terms.term[KISS_TERM_PRICE_LIST], *warehouse = terms.term[KISS_TERM_WAREHOUSE];
    kiss_cache_file_label label = {
        .tag = name,
        .cache_key = kiss_caller_cache_key(k->caller, k->api, k->endpoint, k->pool),
        .endpoint = k->endpoint->name,
        .location = *k->conf->base ? k->conf->base : "/",
        .coding = gzip ? "gzip" : "identity",
        .price_list = price_list ? price_list : "",
        .discount = terms.discount ? percentage(*terms.discount, k->pool) : "",
        .warehouse = warehouse ? warehouse : "",
        .customer = k->caller->code,
        .base = base
    };

    return label;
}

/** Publishes the list in the cache. After a failure the next request has to do the same work; this one has its answer. */
static apr_status_t publish(kiss_list_job *m, kiss_spool *spool, const char *tag)
{
    const char *dir = kiss_config_cache_dir(m->k.server);
    apr_status_t rv = kiss_spool_flush(spool, 1);

    if (rv == APR_SUCCESS) {
        const char *name = kiss_list_variant_name(&m->variant, &m->k, tag, m->pool);
        kiss_cache_file_label label = label_of(&m->k, name, m->variant.gzip, spool->base_name);
        apr_status_t kept = kiss_list_cache_publish(spool, dir, &label, m->pool);

        if (kept != APR_SUCCESS) {
            KISS_LOG_SELDOM(KISS_LOG_SELDOM_NOT_KEPT, &m->k, APLOG_WARNING, kept, KISS_LOGNO(0607) "the answer could not be "
                            "cached in %s (KissCacheDir): is it full, or not writable for the server's user?", dir);
        }
        else if (!m->source) {
            kiss_base_record(&m->k, tag);
            kiss_verified_put(KISS_VERIFIED_LIST, kiss_db_origin(m->k.db), label.cache_key, m->asked, tag, strlen(tag));
        }
    }
    return rv;
}

static void build(kiss_list_job *m)
{
    kiss_list_reader_result built;
    apr_status_t rv = APR_SUCCESS;

    m->asked = kiss_clock_now();
    m->error = kiss_list_reader_run(&built, &m->k, m->progress);
    if (!m->error) {
        m->k.caller = built.caller;         /* its terms are consistent with the rows */
        m->base = built.base;
        m->work = built.base ? KISS_WORK_PATCHED : m->work;
        rv = publish(m, built.spool, built.tag);
    }
    if (rv != APR_SUCCESS) {
        KISS_LOG_SELDOM(KISS_LOG_SELDOM_LAST_PART, &m->k, APLOG_ERR, rv,
                        KISS_LOGNO(0612) "cannot write the end of the answer "
                        "in %s (KissCacheDir): is it full?", kiss_config_cache_dir(m->k.server));
        m->error = &kiss_error_unavailable;
    }
    apr_pool_clear(m->lock);
    if (!m->error && built.spool->extents) {
        const kiss_stored stored = kiss_spool_stored(built.spool);

        kiss_progress_complete(m->progress, &stored, built.spool->chunks);
        return;
    }
    kiss_progress_end(m->progress, m->error ? APR_EGENERAL : APR_SUCCESS);
}

/** Opens a cached list, and its text. @return as kiss_list_cache_map_open() */
static apr_status_t open_whole(kiss_list_cache_map **map, const kiss_list_text **text, const kiss_list_job *m,
                               const char *tag)
{
    const kiss_list_variant whole = { NULL, 0 };
    apr_status_t rv = kiss_list_cache_map_open(map, kiss_config_cache_dir(m->k.server),
                                               kiss_list_variant_name(&whole, &m->k, tag, m->pool));

    *text = rv == APR_SUCCESS ? kiss_list_cache_map_text(*map) : NULL;
    return rv;
}

/**
 * Writes what has changed since the base: by the log of changes, even if the base is not cached any more; otherwise both
 * versions are compared.
 *
 * @return APR_ENOENT when neither is possible
 */
static apr_status_t compare(kiss_list_job *m, kiss_spool *spool, const char *tag)
{
    kiss_list_cache_map *before = NULL, *now = NULL;
    const apr_array_header_t *skus;
    const kiss_list_text *old, *new;
    const char *why;
    apr_status_t rv = kiss_progress_wait(m->source->progress, KISS_PROGRESS_WHOLE).result, kept;

    if (rv == APR_SUCCESS && (rv = open_whole(&now, &new, m, tag)) == APR_SUCCESS) {
        kept = open_whole(&before, &old, m, m->variant.base);
        skus = kiss_base_changes(&m->k, m->variant.base, &why);
        if (skus) {
            rv = kiss_delta_write_some(spool, old, new, skus);
        }
        else {
            KISS_LOG(&m->k, APLOG_DEBUG, 0, KISS_LOGNO(0617) "%s: the changes since %s are unknown (%s)%s",
                     m->k.endpoint->name,
                     m->variant.base, why, kept == APR_SUCCESS ? ": it is compared" : "");
            rv = kept == APR_SUCCESS ? kiss_delta_write(spool, old, new) : APR_ENOENT;
        }
        if (rv == APR_SUCCESS && (!kiss_list_cache_map_is_unaltered(now)
                                  || (before && !kiss_list_cache_map_is_unaltered(before)))) {
            rv = APR_EMISMATCH;
        }
    }
    kiss_list_cache_map_release(before);
    kiss_list_cache_map_release(now);
    return rv;
}

/**
 * Opens an earlier compressed version of the list, the newest, whose chunks can be copied.
 *
 * @param entry receives its cache entry; its `base` is the name of the file that the new version may refer to
 * @return 0 when none is cached
 */
static int open_compressed(kiss_gzipped *old, kiss_list_cache_entry *entry, const kiss_list_job *m)
{
    const apr_array_header_t *versions = kiss_base_versions(&m->k);
    const kiss_list_variant compressed = { NULL, 1 };
    apr_array_header_t *chunks;
    int i;

    for (i = versions->nelts - 1; i >= 0; i--) {
        const char *name = kiss_list_variant_name(&compressed, &m->k, APR_ARRAY_IDX(versions, i, kiss_list_state).tag,
                                                  m->pool);

        if (kiss_list_cache_exists(kiss_config_cache_dir(m->k.server), name, m->pool)
            && kiss_list_cache_is_sound(kiss_list_cache_open(entry, kiss_config_cache_dir(m->k.server), name, m->pool),
                                        &m->k, name)
            && kiss_list_cache_chunks(&chunks, entry, m->pool) == APR_SUCCESS) {
            old->stored = entry->stored;
            old->chunks = chunks;
            entry->base = entry->base ? entry->base : name;
            return 1;
        }
    }
    return 0;
}

/** Compresses what has changed since the base: mostly in memory. */
static apr_status_t compress_changes(kiss_list_job *m, kiss_spool *spool, const char *tag)
{
    kiss_spool *changes;
    apr_status_t rv = kiss_spool_create(&changes, kiss_config_cache_dir(m->k.server), m->pool);

    rv = rv == APR_SUCCESS ? compare(m, changes, tag) : rv;
    if (rv == APR_SUCCESS && !changes->file) {
        return kiss_gzip_text(spool, changes->buffer->buf, (apr_size_t)changes->buffer->bpos, m->pool);
    }
    rv = rv == APR_SUCCESS ? kiss_spool_flush(changes, 1) : rv;
    if (rv == APR_SUCCESS) {
        kiss_progress *written;
        const kiss_stored stored = kiss_spool_stored(changes);

        rv = kiss_progress_create(&written, m->pool);
        if (rv == APR_SUCCESS) {
            kiss_progress_complete(written, &stored, NULL);
            rv = kiss_gzip(spool, written, NULL, m->pool);
        }
    }
    return rv;
}

/** Lets the compressed list refer to an earlier one, if the list itself does: then most of it is the same. */
static void refer_to(kiss_spool *spool, const kiss_list_job *m, const kiss_list_cache_entry *entry)
{
    const kiss_progress_view list = kiss_progress_wait(m->source->progress, 0);
    const kiss_stored *old = &entry->stored;

    if (list.ended && list.stored.extents
        && kiss_list_cache_may_refer(m->k.server, old->size, old->extents ? kiss_extents_own(old->extents) : 0,
                                     old->extents ? old->extents->nelts : 1)) {
        spool->progress = NULL;         /* it is published when it is complete */
        kiss_spool_refer_to(spool, old->base ? old->base : old->file, entry->base);
    }
}

/** Compresses what the source builds. */
static apr_status_t compress(kiss_list_job *m, kiss_spool *spool)
{
    kiss_gzipped old = { .chunks = NULL };
    kiss_list_cache_entry entry;
    int is_base = open_compressed(&old, &entry, m);
    apr_status_t rv;

    if (is_base) {
        refer_to(spool, m, &entry);
    }
    rv = kiss_gzip(spool, m->source->progress, is_base ? &old : NULL, m->pool);
    if (rv == APR_SUCCESS && ((is_base && !kiss_list_cache_is_unaltered(&entry))
                              || kiss_list_job_is_altered(m->source))) {
        rv = APR_EMISMATCH;
    }
    if (rv == APR_SUCCESS && spool->chunks->nelts) {
        KISS_LOG(&m->k, APLOG_DEBUG, 0,
                 KISS_LOGNO(0618) "%s: of %d chunks %d were compressed, the others copied from an earlier "
                 "version", m->k.endpoint->name, spool->chunks->nelts, spool->chunks->nelts - old.copied);
    }
    return rv;
}

/** Builds one variant of a list from another one, and publishes it. */
static apr_status_t build_from_source(kiss_list_job *m)
{
    kiss_progress *source = m->source->progress;
    kiss_progress_view start = kiss_progress_wait(source, 0);
    kiss_spool *spool;
    apr_status_t rv = !start.ended || start.result == APR_SUCCESS
        ? kiss_list_cache_begin(&spool, kiss_config_cache_dir(m->k.server), m->pool)
        : APR_EGENERAL;

    if (rv != APR_SUCCESS) {
        return rv;
    }
    m->k.caller = m->source->k.caller;
    kiss_progress_name(m->progress, start.tag);
    spool->progress = m->progress;
    rv = !m->variant.base ? compress(m, spool) : m->variant.gzip ? compress_changes(m, spool, start.tag)
         : compare(m, spool, start.tag);
    rv = rv == APR_SUCCESS ? publish(m, spool, start.tag) : rv;
    if (rv == APR_SUCCESS && spool->extents) {
        const kiss_stored stored = kiss_spool_stored(spool);

        kiss_progress_complete(m->progress, &stored, NULL);
    }
    return rv;
}

static void convert(kiss_list_job *m)
{
    apr_status_t rv = build_from_source(m);

    join(m->source);
    if (rv != APR_SUCCESS) {
        m->error = m->source->error ? m->source->error : &kiss_error_unavailable;
    }
    /* ENOENT: the version that the client has is not cached any more, which is no reason for a warning. */
    if (rv != APR_SUCCESS && rv != APR_ENOENT && !m->source->error) {
        KISS_LOG_SELDOM(KISS_LOG_SELDOM_VARIANT, &m->k, APLOG_WARNING, rv == APR_EGENERAL || rv == APR_EMISMATCH ? 0 : rv,
                        KISS_LOGNO(0609) "the answer could not be %s in %s (KissCacheDir)%s, and is sent as it is",
                        m->variant.gzip ? "compressed" : "compared with the one before",
                        kiss_config_cache_dir(m->k.server), rv == APR_EMISMATCH
                        ? ": a cached list was altered while it was read" : "");
    }
    apr_pool_clear(m->lock);
    kiss_progress_end(m->progress, rv);
}

static void *APR_THREAD_FUNC run(apr_thread_t *thread, void *job)
{
    kiss_list_job *m = job;

    (void)thread;
    if (m->source) {
        convert(m);
    }
    else {
        build(m);
    }
    return NULL;
}

/** Starts the work. Changes are written when their list is complete, and are few: no thread is needed; nor without one. */
static void start(kiss_list_job *m)
{
    m->work = !m->source ? KISS_WORK_BUILT : m->variant.base ? KISS_WORK_COMPARED : KISS_WORK_COMPRESSED;
    if (m->variant.base || kiss_thread_create(&m->thread, run, m, m->pool) != APR_SUCCESS) {
        m->thread = NULL;
        run(NULL, m);
    }
}

/** Finds or builds a variant, and its source. @param job receives it; NULL with an error @param until as above */
static const kiss_error *begin(kiss_list_job **job, const kiss_req *k, const char *tag, const kiss_list_variant *variant,
                               apr_int64_t until)
{
    const kiss_list_variant whole = { NULL, 0 };
    kiss_list_job *m = create(k, variant);
    const kiss_error *e;
    int found;

    *job = NULL;
    if (!m) {
        return &kiss_error_internal;
    }
    e = find_or_lock(m, &tag, until, &found);
    if (!e && !found && (variant->gzip || variant->base)) {
        e = begin(&m->source, &m->k, tag, &whole, until);
    }
    if (e) {
        destroy(m);                 /* no lock is held while the error is sent */
        return e;
    }
    if (!found) {
        start(m);
    }
    *job = m;
    return NULL;
}

const kiss_error *kiss_list_job_begin(kiss_list_job **job, const kiss_req *k, const char *tag,
                                      const kiss_list_variant *variant)
{
    const kiss_error *e = begin(job, k, tag, variant, kiss_clock_now() + LOCK_WAIT);

    if (!e) {
        apr_pool_pre_cleanup_register(k->pool, *job, destroy);
    }
    return e;
}

/* --- for the request --- */

kiss_progress *kiss_list_job_progress(kiss_list_job *m)
{
    return m->progress;
}

const kiss_list_variant *kiss_list_job_variant(const kiss_list_job *m)
{
    return &m->variant;
}

kiss_list_job *kiss_list_job_source(kiss_list_job *m)
{
    return m->source;
}

kiss_work kiss_list_job_work(const kiss_list_job *m)
{
    kiss_work work = m->source ? kiss_list_job_work(m->source) : KISS_WORK_HIT;

    return work != KISS_WORK_HIT ? work : m->work;
}

int kiss_list_job_is_altered(const kiss_list_job *m)
{
    return (m->found.stored.file && !kiss_list_cache_is_unaltered(&m->found))
           || (m->base && !kiss_list_cache_map_is_unaltered(m->base));
}

const kiss_error *kiss_list_job_end(kiss_list_job *m, kiss_req *k)
{
    kiss_list_job *at;

    join(m);
    for (at = m; at; at = at->source) {     /* their threads have ended, too */
        k->rows = at->k.rows;
        k->db_time += at->k.db_time;
        k->db_waited = k->db_waited > at->k.db_waited ? k->db_waited : at->k.db_waited;
        kiss_tally_add_database(&k->tally, &at->k.tally);
        at->k.db_time = 0;
        memset(&at->k.tally, 0, sizeof(at->k.tally));   /* added once */
    }
    return m->error;
}
