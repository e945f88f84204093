/* SPDX-License-Identifier: Apache-2.0 */
/**
 * recent - what people ask first, in shared memory: the last errors, the slowest requests, and the callers with what is left
 * of their limits. Written without locks when a request is logged; what two processes write at the same moment may be lost.
 */
#ifndef KISS_RECENT_H
#define KISS_RECENT_H

#include "core/kiss.h"

/** Entries that are kept of each kind. */
#define KISS_RECENT_ENTRIES 32

/** How long a request counts among the slowest, in microseconds. */
#define KISS_RECENT_HOUR (APR_INT64_C(3600) * 1000000)

/** Kinds of requests that are kept. */
typedef enum {
    KISS_RECENT_FAILED,                     /**< status 500 and above: the last ones */
    KISS_RECENT_REFUSED,                    /**< status 400 to 499: the last ones */
    KISS_RECENT_SLOW,                       /**< the slowest of the last hour */
    KISS_RECENTS
} kiss_recent_kind;

/** A request. Texts are as the client or the database has them: escape them. Longer ones are cut. */
typedef struct {
    apr_time_t time;                        /**< when it was answered */
    apr_interval_time_t duration, db_time;
    int zone;                               /**< number of its zone in shared memory (core/metrics.h) */
    int status;
    char method[8];
    char endpoint[40];                      /**< "" for an unknown path */
    char path[160];                         /**< without the query */
    char caller[100];                       /**< "" for none that is authenticated */
    char id[68];                            /**< X-Request-Id */
} kiss_recent_request;

/** A caller. */
typedef struct {
    int zone;
    char name[264];                         /**< customer code, or the public part of an API key */
    apr_uint64_t requests, refused;         /**< all of them; those that were answered with 429 */
    apr_time_t last;                        /**< its last request */
    kiss_tally_window window[KISS_TALLY_WINDOWS];   /**< its limits, as they were with that */
} kiss_recent_caller;

/** Size of the memory, which is zero initially. */
apr_size_t kiss_recent_size(void);

/** Sets the memory of this process. */
void kiss_recent_attach(void *memory);

/** Records a request that was answered. */
void kiss_recent_note(const kiss_req *k, const request_rec *r, int zone, apr_time_t now);

/** The requests of a kind, in `p`: an array of kiss_recent_request, the last or slowest first. */
apr_array_header_t *kiss_recent_requests(kiss_recent_kind kind, apr_pool_t *p);

/** The callers, in `p`: an array of kiss_recent_caller, the last one first. */
apr_array_header_t *kiss_recent_callers(apr_pool_t *p);

#endif
