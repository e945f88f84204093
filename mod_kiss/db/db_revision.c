/* SPDX-License-Identifier: Apache-2.0 */
/**
 * db_revision - reads the revision of a database once for all requests that wait for it.
 */
#include "db/db_revision.h"

#include <apr_thread_cond.h>
#include <apr_thread_mutex.h>

#include <string.h>

#include "core/config.h"
#include "lib/base/clock.h"

/* The sum has at most 41 digits (DECIMAL, of BIGINT); the greatest revision 20, and so has their number. */
#define MAX_TEXT 96

/* Up to this number of concurrent requests each reads the revision with its rows; a query that serves more of them costs
   less. */
#define FEW 2

/* Belongs to one database in this child; the text is valid until a newer one is read. */
struct kiss_db_revision {
    apr_thread_mutex_t *mutex;
    apr_thread_cond_t *done[2];         /* signalled when a read with an even, an odd number has ended */
    apr_uint64_t started;               /* number of the last read that was started */
    apr_uint64_t ended;                 /* number of the last read that ended; one less than `started` during a read */
    apr_int64_t start_time[2];          /* when the last one with an even, an odd number was started */
    int postponed;                      /* requests whose reads are postponed */
    kiss_db_status status;              /* its result */
    char text[MAX_TEXT];
};

apr_status_t kiss_db_revision_create(kiss_db_revision **revision, apr_pool_t *p)
{
    kiss_db_revision *created = apr_pcalloc(p, sizeof(*created));
    apr_status_t rv = apr_thread_mutex_create(&created->mutex, APR_THREAD_MUTEX_DEFAULT, p);

    if (rv == APR_SUCCESS) {
        rv = apr_thread_cond_create(&created->done[0], p);
    }
    if (rv == APR_SUCCESS) {
        rv = apr_thread_cond_create(&created->done[1], p);
    }
    if (rv == APR_SUCCESS) {
        *revision = created;
    }
    return rv;
}

/** A read in progress. */
typedef struct {
    kiss_req *k;
    char text[MAX_TEXT];
} revision_read;

static kiss_db_status query(kiss_db_conn *conn, void *baton)
{
    revision_read *r = baton;
    const kiss_value *row;
    kiss_db_status status = kiss_db_row(&row, conn, r->k->conf->plan->fixed[KISS_SQL_STATE], NULL, r->k->pool);

    if (status != KISS_DB_OK || !row || !row[0].data || row[0].len >= MAX_TEXT) {
        return status == KISS_DB_OK ? KISS_DB_FAILED : status;
    }
    memcpy(r->text, row[0].data, row[0].len);
    r->text[row[0].len] = '\0';
    return KISS_DB_OK;
}

/**
 * Reads for all requests that wait. Called with the mutex held, and releases it.
 *
 * Requests that came too late for this read wait on the other condition and are not woken in vain: one of them is
 * signalled, to do the next read. The mutex is released before, since the woken threads need it at once.
 */
static kiss_db_status read_for_all(kiss_db_revision *s, const char **text, kiss_req *k)
{
    revision_read r = { k, "" };
    apr_uint64_t mine = ++s->started;
    kiss_db_status status;

    s->start_time[mine & 1] = kiss_clock_now();
    apr_thread_mutex_unlock(s->mutex);
    status = kiss_db_run(k, query, &r);
    apr_thread_mutex_lock(s->mutex);
    s->ended = mine;
    s->status = status;
    memcpy(s->text, r.text, sizeof(s->text));
    apr_thread_mutex_unlock(s->mutex);
    apr_thread_cond_broadcast(s->done[mine & 1]);
    apr_thread_cond_signal(s->done[(mine + 1) & 1]);
    *text = apr_pstrdup(k->pool, r.text);
    return status;
}

/** The number of the read that a request which arrives now needs. Called with the mutex held. */
static apr_uint64_t needed(const kiss_db_revision *s, const kiss_req *k)
{
    apr_interval_time_t freshness = kiss_config_freshness(k->conf);
    apr_int64_t oldest = kiss_clock_now() - freshness;

    if (freshness > 0 && s->ended && s->status == KISS_DB_OK && s->start_time[s->ended & 1] > oldest) {
        return s->ended;
    }
    if (freshness > 0 && s->started > s->ended && s->start_time[s->started & 1] > oldest) {
        return s->started;
    }
    /* One in progress may have started before a change that this request must see. */
    return s->started + 1;
}

/**
 * Ends the postponement of a read: stores what was read with the rows, as the result of the last read that has ended, where
 * it is newer. Called with the mutex held.
 */
static void end_postponed(kiss_db_revision *s, kiss_req *k)
{
    const char *text = k->postponed.text;

    s->postponed--;
    k->postponed.pending = 0;
    if (text && strlen(text) < MAX_TEXT && s->started == s->ended && s->start_time[s->ended & 1] < k->postponed.time) {
        s->start_time[s->ended & 1] = k->postponed.time;
        s->status = KISS_DB_OK;
        strcpy(s->text, text);
    }
}

kiss_db_status kiss_db_revision_read(const char **text, kiss_req *k)
{
    kiss_db_revision *s = k->revision;
    kiss_db_status status;
    apr_uint64_t need;

    /* A read that may be aborted is not shared. */
    if (!s || k->stop || apr_thread_mutex_lock(s->mutex) != APR_SUCCESS) {
        revision_read r = { k, "" };

        status = kiss_db_run(k, query, &r);
        *text = apr_pstrdup(k->pool, r.text);
        return status;
    }
    if (k->postponed.pending) {
        end_postponed(s, k);
    }
    need = needed(s, k);
    while (s->ended < need && !k->postponed.text) {
        if (s->started == s->ended) {
            return read_for_all(s, text, k);
        }
        apr_thread_cond_wait(s->done[need & 1], s->mutex);  /* bounded by the timeouts of the thread that reads */
    }
    status = k->postponed.text ? KISS_DB_OK : s->status;
    *text = k->postponed.text ? k->postponed.text : apr_pstrdup(k->pool, s->text);
    apr_thread_mutex_unlock(s->mutex);
    return status;
}

int kiss_db_revision_postpone(kiss_req *k)
{
    kiss_db_revision *s = k->revision;

    if (!s || k->stop || apr_thread_mutex_lock(s->mutex) != APR_SUCCESS) {
        return 0;
    }
    if (needed(s, k) > s->started) {        /* else KissFreshness allows one that costs nothing */
        k->postponed.pending = 1;
        k->postponed.time = kiss_clock_now();
        k->postponed.with_rows = s->postponed++ < FEW;
    }
    apr_thread_mutex_unlock(s->mutex);
    return k->postponed.pending;
}

void kiss_db_revision_cancel(kiss_req *k)
{
    if (k->postponed.pending && apr_thread_mutex_lock(k->revision->mutex) == APR_SUCCESS) {
        end_postponed(k->revision, k);
        apr_thread_mutex_unlock(k->revision->mutex);
    }
}
