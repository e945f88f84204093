/* SPDX-License-Identifier: Apache-2.0 */
/**
 * list_job - a list that is being built, compared or compressed, in a thread of its own. The request that wants it reads along:
 * its client may be slow, but the work never waits for a client, and neither does the database.
 *
 * Who makes a list holds a lock that is taken among all processes; it is given back as soon as the list is kept.
 */
#ifndef KISS_LIST_JOB_H
#define KISS_LIST_JOB_H

#include "lib/file/progress.h"
#include "list/list_cache.h"

/** A list in the making. */
typedef struct kiss_list_job kiss_list_job;

/**
 * Finds a list in some form, or begins to make it: k->endpoint for k->customer. Waits for another request that makes it
 * already, no longer than 30 s.
 *
 * @param making receives it, unless there is an error; it ends with k->pool, which waits for its thread
 * @param tag    the list's ETag
 * @return NULL; 500, 503
 */
const kiss_error *kiss_list_job_begin(kiss_list_job **job, const kiss_req *k, const char *tag, const kiss_list_variant *variant);

/** The list's bytes as they come. The tag there is that of the moment that was read: it may differ from the one asked for. */
kiss_progress *kiss_list_job_progress(kiss_list_job *job);

/** The form in which it is made. */
const kiss_list_variant *kiss_list_job_variant(const kiss_list_job *job);

/** What it is made of, or NULL: it can be sent instead when making this one has failed. */
kiss_list_job *kiss_list_job_source(kiss_list_job *job);

/** What was to be done, for the log: "hit" for nothing, "built", "compared" or "compressed". */
const char *kiss_list_job_work(const kiss_list_job *job);

/** Waits until the work is done. Adds its rows and its time with the database to those of `k`. @return NULL, or the error */
const kiss_error *kiss_list_job_end(kiss_list_job *job, kiss_req *k);

#endif
