/* SPDX-License-Identifier: Apache-2.0 */
#include "db/db_revision.h"

#include <apr_thread_cond.h>
#include <apr_thread_mutex.h>

#include <string.h>

#include "core/config.h"
#include "lib/base/clock.h"

/* The sum has at most 41 digits: DECIMAL, of BIGINT; the greatest 20, and so has the number. */
#define MAX_TEXT 96

/* Belongs to one database in this child; what it remembers depends on nothing else but the time. */
struct kiss_db_revision {
    apr_thread_mutex_t *mutex;
    apr_thread_cond_t *done[2];         /* a read with an even, an odd number has ended */
    apr_uint64_t start;                 /* number of the last read that began */
    apr_uint64_t ended;                 /* number of the last read that ended; one less than `begun` while one is under way */
    apr_int64_t asked[2];               /* when the last one with an even, an odd number began */
    kiss_db_status status;              /* what came of it */
    char text[MAX_TEXT];
};

apr_status_t kiss_db_revision_create(kiss_db_revision **state, apr_pool_t *p)
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
        *state = created;
    }
    return rv;
}

/** A read under way. */
typedef struct {
    kiss_req *k;
    char text[MAX_TEXT];
} reading;

static kiss_db_status query(kiss_db_conn *conn, void *baton)
{
    reading *r = baton;
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
 * Reads for all who have come by now. Called with the mutex, and gives it up.
 *
 * Who came too late for this read waits behind the other condition, and is not woken for nothing: only one of them is, to
 * read next. They are woken without the mutex, which would stop them at once.
 */
static kiss_db_status lead(kiss_db_revision *s, const char **text, kiss_req *k)
{
    reading r = { k, "" };
    apr_uint64_t mine = ++s->start;
    kiss_db_status status;

    s->asked[mine & 1] = kiss_clock_now();
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

/** The number of the read that a request needs which comes now. Called with the mutex. */
static apr_uint64_t needed(const kiss_db_revision *s, const kiss_req *k)
{
    apr_interval_time_t freshness = kiss_config_freshness(k->conf);
    apr_int64_t oldest = kiss_clock_now() - freshness;

    if (freshness > 0 && s->ended && s->status == KISS_DB_OK && s->asked[s->ended & 1] > oldest) {
        return s->ended;
    }
    if (freshness > 0 && s->start > s->ended && s->asked[s->start & 1] > oldest) {
        return s->start;
    }
    /* One that is under way may have begun before a change that this request must see. */
    return s->start + 1;
}

kiss_db_status kiss_db_revision_read(const char **text, kiss_req *k)
{
    kiss_db_revision *s = k->revision;
    kiss_db_status status;
    apr_uint64_t need;

    /* A read that may be given up is nobody else's. */
    if (!s || k->stop || apr_thread_mutex_lock(s->mutex) != APR_SUCCESS) {
        reading r = { k, "" };

        status = kiss_db_run(k, query, &r);
        *text = apr_pstrdup(k->pool, r.text);
        return status;
    }
    need = needed(s, k);
    while (s->ended < need) {
        if (s->start == s->ended) {
            return lead(s, text, k);
        }
        apr_thread_cond_wait(s->done[need & 1], s->mutex);  /* bounded: whoever reads is, by the database's timeouts */
    }
    status = s->status;
    *text = apr_pstrdup(k->pool, s->text);
    apr_thread_mutex_unlock(s->mutex);
    return status;
}
