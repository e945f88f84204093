/* SPDX-License-Identifier: Apache-2.0 */
/**
 * list_job - a job builds, compares or compresses a list in a thread of its own. The request reads what the job has
 * written: its client may be slow, but neither the job nor the database ever waits for a client.
 *
 * A job holds a lock that is exclusive among all processes; it is released as soon as the list is cached.
 */
#ifndef KISS_LIST_JOB_H
#define KISS_LIST_JOB_H

#include "lib/file/progress.h"
#include "list/list_cache.h"

/** A job, or a list that was found in the cache. */
typedef struct kiss_list_job kiss_list_job;

/**
 * Finds a variant of a list, or starts the job that builds it: k->endpoint for k->principal. Waits for a job that
 * builds it already, no longer than 30 s.
 *
 * @param job receives it, unless there is an error; it ends with k->pool, which waits for its thread
 * @param tag    the list's ETag
 * @return NULL; 500, 503
 */
const kiss_error *kiss_list_job_begin(kiss_list_job **job, const kiss_req *k, const char *tag,
                                      const kiss_list_variant *variant);

/**
 * The list's bytes as they are written. Its tag is that of the snapshot that was read: it may differ from the one
 * requested.
 */
kiss_progress *kiss_list_job_progress(kiss_list_job *job);

/** The variant that is built. */
const kiss_list_variant *kiss_list_job_variant(const kiss_list_job *job);

/** The job that it is built from, or NULL: it can be sent instead when this one has failed. */
kiss_list_job *kiss_list_job_source(kiss_list_job *job);

/** The kind of work, KISS_WORK_HIT for none. Known only after a wait for the bytes of the list. */
kiss_work kiss_list_job_work(const kiss_list_job *job);

/**
 * 1 when the list was found in the cache, or derived from one that was, and the file of that was altered since. It must not
 * be sent. Known only at the end of the list.
 */
int kiss_list_job_is_altered(const kiss_list_job *job);

/** Waits until the work is done. Adds its rows and its time with the database to those of `k`. @return NULL, or the error */
const kiss_error *kiss_list_job_end(kiss_list_job *job, kiss_req *k);

#endif
