/* SPDX-License-Identifier: Apache-2.0 */
/**
 * db_revision - reads the revision of a database once for all requests that wait for it.
 */
#include "db/db_revision.h"

#include <ap_mpm.h>
#include <apr_atomic.h>
#include <apr_thread_cond.h>
#include <apr_thread_mutex.h>

#include <sched.h>
#include <string.h>

#include "core/verified.h"
#include "db/db_deadline.h"
#include "db/db_run.h"
#include "lib/base/clock.h"

/* The sum has at most 41 digits (DECIMAL, of BIGINT); the greatest revision 20, and so has their number. */
#define MAX_TEXT 96

/* Up to this number of concurrent requests each reads the revision with its rows; a query that serves more of them costs
   less. */
#define FEW 2

/* Reads in progress at the same time. Requests that arrive meanwhile wait for the next one, and share it. Measured with 16
   connections and two children, two by one: /auth/token under worker 0 to 47 % more answers in four runs, for the same
   processor time; under event, whose listener passes requests on in batches, none for 11 % more; pages, which come here
   after their rows, none for 3 to 5 % more. */
#define READS 2

/* Reads of which requests may be waiting: those in progress, and the next one. */
#define AWAITED (READS + 1)

#define SECOND APR_INT64_C(1000000)

/* Least time between two messages that answers of KissServeStale begin: a database may be busy now and then. */
#define QUIET 60                            /* seconds */

/* Belongs to one database in this child; the text is valid until a newer one is read. */
struct kiss_db_revision {
    const kiss_database_conf *database;
    volatile apr_uint32_t noted;        /* second in which a revision was stored for KissServeStale */
    apr_thread_mutex_t *mutex;
    apr_thread_cond_t *done[AWAITED];   /* signalled when the read whose number has this remainder has ended */
    apr_uint64_t started;               /* number of the last read that was started */
    apr_uint64_t ended;                 /* the highest number of a read that has ended */
    int running;                        /* reads in progress */
    int gathering;                      /* 1: one of them has not been sent yet: requests may still join it */
    int joined[AWAITED];                /* requests that wait for the read with this remainder */
    int reads;                          /* how many may be started: 1, or READS */
    apr_int64_t start_time[AWAITED];    /* when the last one with this remainder was started */
    int postponed;                      /* requests whose reads are postponed */
    kiss_db_status status;              /* result of the read `ended` */
    int given_up;                       /* 1: it ended at the deadline of the request that read */
    char text[MAX_TEXT];
};

static kiss_db_revision_also *also_before, *also_after;

void kiss_db_revision_do_also(kiss_db_revision_also *before, kiss_db_revision_also *after)
{
    also_before = before;
    also_after = after;
}

apr_status_t kiss_db_revision_create(kiss_db_revision **revision, const kiss_database_conf *database, apr_pool_t *p)
{
    kiss_db_revision *created = apr_pcalloc(p, sizeof(*created));
    apr_status_t rv = apr_thread_mutex_create(&created->mutex, APR_THREAD_MUTEX_DEFAULT, p);
    int is_async = 0, i;

    created->database = database;
    created->reads = ap_mpm_query(AP_MPMQ_IS_ASYNC, &is_async) == APR_SUCCESS && is_async ? 1 : READS;

    for (i = 0; i < AWAITED && rv == APR_SUCCESS; i++) {
        rv = apr_thread_cond_create(&created->done[i], p);
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
    return kiss_db_note_state(conn, r->text);
}

static apr_uint32_t second(apr_int64_t time)
{
    return (apr_uint32_t)(time / SECOND) + 1;
}

/** Logs that the database answers again, where it was logged that it does not. */
static void note_current(const kiss_req *k)
{
    const kiss_database_conf *d = k->revision->database;

    if (d->stale && apr_atomic_read32(d->stale) && apr_atomic_cas32(d->stale, 0, 1) == 1) {
        KISS_LOG(k, APLOG_NOTICE, 0, KISS_LOGNO(0709) "database %s answers again: lists are current, %u s "
                 "after it was logged that they are not", d->name,
                 second(kiss_clock_now()) - apr_atomic_read32(d->stale_since));
    }
}

/** Reads the revision, and stores for KissServeStale, once a second, that it was current. */
static kiss_db_status ask(revision_read *r)
{
    const apr_int64_t asked = kiss_clock_now();
    kiss_db_status status = kiss_db_run(r->k, query, r);
    kiss_db_revision *s = r->k->revision;

    if (status == KISS_DB_OK && s && kiss_verified_is_on()) {
        apr_uint32_t noted = apr_atomic_read32(&s->noted);

        note_current(r->k);
        if (noted != second(asked) && apr_atomic_cas32(&s->noted, second(asked), noted) == noted) {
            kiss_verified_put(KISS_VERIFIED_DATABASE, kiss_db_origin(r->k->db), "", asked, r->text, strlen(r->text));
        }
    }
    return status;
}

void kiss_db_revision_note_stale(const kiss_req *k)
{
    const kiss_database_conf *d = k->revision ? k->revision->database : NULL;
    apr_uint32_t now = second(kiss_clock_now()), before;

    if (!d || !d->stale || apr_atomic_read32(d->stale)) {
        return;
    }
    before = apr_atomic_read32(d->stale_since);
    if ((!before || now - before >= QUIET) && apr_atomic_cas32(d->stale_since, now, before) == before) {
        apr_atomic_set32(d->stale, 1);
        KISS_LOG(k, APLOG_WARNING, 0, KISS_LOGNO(0708) "database %s is away or busy: lists are served as they were when it "
                 "answered last (KissServeStale)", d->name);
    }
}

/**
 * Stores the result of a read, if no later one has ended yet. Called with the mutex held.
 *
 * @param given_up 1 when the request that read had no more time
 * @return the number of the first read whose waiting requests can go on
 */
static apr_uint64_t end_read(kiss_db_revision *s, apr_uint64_t mine, kiss_db_status status, const char *text,
                             int given_up)
{
    apr_uint64_t first = s->ended + 1;

    s->running--;
    if (mine > s->ended) {
        s->ended = mine;
        s->status = status;
        s->given_up = given_up;
        memcpy(s->text, text, sizeof(s->text));
    }
    return first;
}

/**
 * Where requests come at the same time, lets those that are on their way to this read join it: a read costs the database,
 * and Redis where there is a KissLimitStore, as much for one as for many. Called with the mutex held, which is released
 * meanwhile. Measured with 16 connections on two cores, 304s of a list: event 5 % more answers, 15 % with Redis; worker
 * 2 and 26 %; with 2 connections no difference.
 */
static void gather(kiss_db_revision *s)
{
    const int together = s->joined[s->started % AWAITED] || s->joined[(s->started + 1) % AWAITED];

    if (together) {
        s->gathering = 1;
        apr_thread_mutex_unlock(s->mutex);
        sched_yield();
        apr_thread_mutex_lock(s->mutex);
        s->gathering = 0;
    }
}

/**
 * Reads for all requests that wait. Called with the mutex held, and releases it.
 *
 * Requests that came too late for this read wait on another condition and are not woken in vain: one of them is
 * signalled, to do the next read. The mutex is released before, since the woken threads need it at once.
 */
static kiss_db_status read_for_all(kiss_db_revision *s, const char **text, kiss_req *k)
{
    revision_read r = { k, "" };
    apr_uint64_t mine, n, next;
    kiss_db_status status;

    s->running++;
    gather(s);
    mine = ++s->started;
    s->joined[(mine + 1) % AWAITED] = 0;
    s->start_time[mine % AWAITED] = kiss_clock_now();
    apr_thread_mutex_unlock(s->mutex);
    if (also_before) {
        also_before(k);
    }
    status = ask(&r);
    if (also_after) {
        also_after(k);
    }
    apr_thread_mutex_lock(s->mutex);
    n = end_read(s, mine, status, r.text, status != KISS_DB_OK && kiss_db_deadline_rest(k, s->database) <= 0);
    next = s->started + 1;
    apr_thread_mutex_unlock(s->mutex);
    for (; n <= mine; n++) {
        apr_thread_cond_broadcast(s->done[n % AWAITED]);
    }
    apr_thread_cond_signal(s->done[next % AWAITED]);
    *text = apr_pstrdup(k->pool, r.text);
    return status;
}

/** The number of the read that a request which arrives now needs. Called with the mutex held. */
static apr_uint64_t needed(const kiss_db_revision *s, const kiss_req *k)
{
    apr_interval_time_t freshness = kiss_config_freshness(k->conf);
    apr_int64_t oldest = kiss_clock_now() - freshness;

    if (freshness > 0 && s->ended && s->status == KISS_DB_OK && s->start_time[s->ended % AWAITED] > oldest) {
        return s->ended;
    }
    if (freshness > 0 && s->started > s->ended && s->start_time[s->started % AWAITED] > oldest) {
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
    if (text && strlen(text) < MAX_TEXT && !s->running && s->start_time[s->ended % AWAITED] < k->postponed.time) {
        s->start_time[s->ended % AWAITED] = k->postponed.time;
        s->status = KISS_DB_OK;
        apr_cpystrn(s->text, text, MAX_TEXT);
    }
}

/**
 * Waits for the end of a read, no longer than the request may. Called with the mutex held.
 *
 * @return 0 when it has no more time
 */
static int wait_for(kiss_db_revision *s, apr_uint64_t need, kiss_req *k)
{
    const apr_interval_time_t rest = kiss_db_deadline_rest(k, s->database);
    const apr_int64_t start = kiss_clock_now();

    if (rest <= 0) {
        apr_thread_cond_signal(s->done[need % AWAITED]);    /* it may have been this request's turn to read */
        return 0;
    }
    s->joined[need % AWAITED]++;
    apr_thread_cond_timedwait(s->done[need % AWAITED], s->mutex, rest);
    k->db_waited += kiss_clock_now() - start;
    return 1;
}

kiss_db_status kiss_db_revision_read(const char **text, kiss_req *k)
{
    kiss_db_revision *s = k->revision;
    kiss_db_status status;
    apr_uint64_t need;
    int reads;

    /* A read that may be aborted is not shared. */
    if (!s || k->stop || apr_thread_mutex_lock(s->mutex) != APR_SUCCESS) {
        revision_read r = { k, "" };

        status = ask(&r);
        *text = apr_pstrdup(k->pool, r.text);
        return status;
    }
    reads = k->postponed.pending ? 1 : s->reads;
    if (k->postponed.pending) {
        end_postponed(s, k);
    }
    need = needed(s, k);
    while ((s->ended < need || s->given_up) && !k->postponed.text) {
        /* One that another request had no more time for is no answer to this one. */
        need = s->ended < need ? need : s->started + 1;
        if (s->running < reads && s->started < need && !s->gathering) {
            return read_for_all(s, text, k);
        }
        if (!wait_for(s, need, k)) {
            apr_thread_mutex_unlock(s->mutex);
            k->tally.db_away = 1;
            return KISS_DB_AWAY;
        }
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
