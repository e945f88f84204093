#include "kiss_making.h"

#include <apr_allocator.h>
#include <apr_thread_proc.h>
#include <http_connection.h>
#include <mpm_common.h>

#include <string.h>

#include "kiss_build.h"
#include "kiss_caller.h"
#include "kiss_config.h"
#include "kiss_error.h"
#include "kiss_gzip.h"
#include "kiss_out.h"
#include "kiss_snapshot.h"

/* How long a request waits for another one that makes the same list. */
#define LOCK_WAIT apr_time_from_sec(30)

struct kiss_making {
    apr_pool_t *pool;           /* owns it; the thread's while there is one; has its own allocator */
    apr_pool_t *lock;           /* holds the lock */
    kiss_req k;                 /* the request without its client */
    kiss_growing *growing;
    apr_thread_t *thread;       /* NULL when there is none, or no more */
    kiss_making *source;        /* what is compressed */
    const char *work;
    const kiss_error *error;    /* once the thread has ended */
};

/** Waits for the thread. */
static void join(kiss_making *m)
{
    apr_status_t ignored;

    if (m->thread) {
        apr_thread_join(&ignored, m->thread);
        m->thread = NULL;
    }
}

static apr_status_t destroy(void *making)
{
    kiss_making *m = making;

    if (m) {
        join(m);
        destroy(m->source);         /* after the thread that reads it */
        apr_pool_destroy(m->pool);
    }
    return APR_SUCCESS;
}

static kiss_making *create(const kiss_req *k)
{
    kiss_making *m;
    apr_pool_t *pool;

    /* Not below the request's pool: that belongs to the request's thread. */
    if (apr_pool_create_unmanaged_ex(&pool, NULL, NULL) != APR_SUCCESS) {
        return NULL;
    }
    m = apr_pcalloc(pool, sizeof(*m));
    if (apr_pool_create(&m->lock, pool) != APR_SUCCESS || kiss_growing_create(&m->growing, pool) != APR_SUCCESS) {
        apr_pool_destroy(pool);
        return NULL;
    }
    m->pool = pool;
    m->k = *k;
    m->k.r = NULL;
    m->k.pool = pool;
    m->k.customer = apr_pstrdup(pool, k->customer);
    m->k.rows = 0;
    m->k.db_time = 0;
    m->work = "hit";
    return m;
}

static const char *gzip_tag(const char *tag, apr_pool_t *p)
{
    return apr_pstrcat(p, tag, KISS_OUT_GZIP, NULL);
}

/* --- finding --- */

/** Opens the snapshot with this tag, if there is one: then there is nothing to do. @return 1 when there is */
static int find(kiss_making *m, const char *coded, const char *tag)
{
    kiss_snapshot snapshot;

    if (!kiss_snapshot_is_sound(kiss_snapshot_open(&snapshot, kiss_config_cache_dir(m->k.server), coded, m->pool), &m->k, coded)) {
        return 0;
    }
    kiss_growing_name(m->growing, apr_pstrdup(m->pool, tag));
    kiss_growing_advance(m->growing, snapshot.file, snapshot.size);
    kiss_growing_end(m->growing, APR_SUCCESS);
    return 1;
}

/** Finds the snapshot, or takes the right to make it. @return NULL when it was found or may be made; 503 */
static const kiss_error *find_or_lock(kiss_making *m, const char *coded, const char *tag, int *found)
{
    *found = find(m, coded, tag);
    if (!*found) {
        apr_status_t rv = kiss_snapshot_lock(kiss_config_cache_dir(m->k.server), coded, LOCK_WAIT, m->lock);

        if (rv == APR_TIMEUP) {
            return &kiss_error_busy;
        }
        /* Another one may have been quicker. Without a lock (no space, say) each makes its own. */
        *found = rv == APR_SUCCESS && find(m, coded, tag);
        if (*found) {
            apr_pool_clear(m->lock);
        }
    }
    return NULL;
}

/* --- making --- */

/** Makes a spool the snapshot with this tag. A failure costs the next request the same work; this one has its answer. */
static apr_status_t keep(kiss_making *m, kiss_spool *spool, const char *coded, const char *coding)
{
    const char *dir = kiss_config_cache_dir(m->k.server);
    apr_status_t rv = kiss_spool_flush(spool, 1);

    if (rv == APR_SUCCESS) {
        kiss_snapfile_label label = kiss_caller_label(m->k.caller, m->k.endpoint, coded, coding, m->k.conf->base, m->pool);
        apr_status_t kept = kiss_snapshot_publish(spool, dir, &label, m->pool);

        if (kept != APR_SUCCESS) {
            KISS_LOG(&m->k, APLOG_WARNING, kept, KISS_LOGNO(0607) "the answer could not be kept in %s (KissCacheDir): is it "
                     "full, or not writable for the server's user?", dir);
        }
    }
    return rv;
}

static void build(kiss_making *m)
{
    kiss_built built;
    apr_status_t rv = APR_SUCCESS;

    m->error = kiss_build_list(&built, &m->k, m->growing);
    if (!m->error && (rv = keep(m, built.spool, built.tag, "identity")) != APR_SUCCESS) {
        KISS_LOG(&m->k, APLOG_ERR, rv, KISS_LOGNO(0612) "cannot write the end of the answer in %s (KissCacheDir): is it full?",
                 kiss_config_cache_dir(m->k.server));
        m->error = &kiss_error_unavailable;
    }
    apr_pool_clear(m->lock);
    kiss_growing_end(m->growing, m->error ? APR_EGENERAL : APR_SUCCESS);
}

/** Compresses the source, and keeps what comes out. */
static apr_status_t compress_source(kiss_making *m)
{
    kiss_growing *source = m->source->growing;
    kiss_grown begun = kiss_growing_wait(source, 0);
    kiss_spool *spool = NULL;
    apr_status_t rv = begun.size ? APR_SUCCESS : APR_EGENERAL;

    if (rv == APR_SUCCESS) {
        rv = kiss_snapshot_begin(&spool, kiss_config_cache_dir(m->k.server), m->pool);
    }
    if (rv == APR_SUCCESS) {
        kiss_growing_name(m->growing, begun.tag);
        spool->growing = m->growing;
        rv = kiss_gzip(spool, source, m->pool);
    }
    return rv == APR_SUCCESS ? keep(m, spool, gzip_tag(begun.tag, m->pool), "gzip") : rv;
}

static void compress(kiss_making *m)
{
    apr_status_t rv = compress_source(m);

    join(m->source);
    if (rv != APR_SUCCESS) {
        m->error = m->source->error ? m->source->error : &kiss_error_unavailable;
    }
    if (rv != APR_SUCCESS && !m->source->error) {
        KISS_LOG(&m->k, APLOG_WARNING, rv, KISS_LOGNO(0609) "the answer could not be compressed in %s (KissCacheDir), and is "
                 "sent as it is", kiss_config_cache_dir(m->k.server));
    }
    apr_pool_clear(m->lock);
    kiss_growing_end(m->growing, rv);
}

static void *APR_THREAD_FUNC run(apr_thread_t *thread, void *making)
{
    kiss_making *m = making;

    /* The server's signals are for the threads that expect them. */
    if (thread) {
        apr_setup_signal_thread();
    }
    if (m->source) {
        compress(m);
    }
    else {
        build(m);
    }
    return NULL;
}

/** Begins the work; without a thread it is done at once. */
static void start(kiss_making *m, const char *work)
{
    m->work = work;
    if (apr_thread_create(&m->thread, NULL, run, m, m->pool) != APR_SUCCESS) {
        m->thread = NULL;
        run(NULL, m);
    }
}

/** Finds or builds a list. @param m receives it, also with an error; NULL without memory */
static const kiss_error *list(kiss_making **m, const kiss_req *k, const char *tag)
{
    const kiss_error *e;
    int found;

    *m = create(k);
    if (!*m) {
        return &kiss_error_internal;
    }
    e = find_or_lock(*m, tag, tag, &found);
    if (!e && !found) {
        start(*m, "built");
    }
    return e;
}

/** Finds or makes the compressed form. As list(). */
static const kiss_error *gzip(kiss_making **m, const kiss_req *k, const char *tag)
{
    const kiss_error *e;
    int found;

    *m = create(k);
    if (!*m) {
        return &kiss_error_internal;
    }
    e = find_or_lock(*m, gzip_tag(tag, (*m)->pool), tag, &found);
    if (!e && !found && !(e = list(&(*m)->source, k, tag))) {
        start(*m, strcmp((*m)->source->work, "built") == 0 ? "built" : "compressed");
    }
    return e;
}

const kiss_error *kiss_making_begin(kiss_making **making, const kiss_req *k, const char *tag, int compressed)
{
    const kiss_error *e = compressed ? gzip(making, k, tag) : list(making, k, tag);

    if (*making) {
        apr_pool_pre_cleanup_register(k->pool, *making, destroy);
    }
    return e;
}

/* --- for the request --- */

kiss_growing *kiss_making_growing(kiss_making *m)
{
    return m->growing;
}

kiss_making *kiss_making_source(kiss_making *m)
{
    return m->source;
}

const char *kiss_making_work(const kiss_making *m)
{
    return m->work;
}

const kiss_error *kiss_making_end(kiss_making *m, kiss_req *k)
{
    const kiss_making *builder = m->source ? m->source : m;

    join(m);
    k->rows = builder->k.rows;
    k->db_time += builder->k.db_time;
    return m->error;
}
