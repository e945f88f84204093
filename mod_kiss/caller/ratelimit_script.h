/* SPDX-License-Identifier: Apache-2.0 */
/**
 * ratelimit_script - what Redis runs to count requests: the commands for many of them at once, and how the replies are read.
 *
 * Requests of one caller that wait together are one number of one command: each gets the result that it would have had
 * by a command of its own, in their order.
 */
#ifndef KISS_RATELIMIT_SCRIPT_H
#define KISS_RATELIMIT_SCRIPT_H

#include <apr_pools.h>

#include <hiredis/hiredis.h>

/** What counts a request: two fixed windows, or the sliding hour. */
typedef enum { KISS_SCRIPT_WINDOWS, KISS_SCRIPT_HOUR, KISS_SCRIPTS } kiss_ratelimit_script;

/** What became of a request. */
typedef enum { KISS_CALL_WAITS, KISS_CALL_COUNTED, KISS_CALL_FAILED } kiss_call_state;

/** Length of the text of an error that concerns the counters of one caller. */
#define KISS_CALL_ERROR 100

/** A request to be counted. Belongs to the thread that waits for it, but for `state` and what follows. */
typedef struct kiss_ratelimit_call {
    kiss_ratelimit_script script;
    const char *key[2];                     /**< names of its counters: of the minute and the hour; or of the sliding hour */
    apr_uint32_t limit;                     /**< of the sliding hour */
    unsigned batch;                         /**< number of the batch that it is in */
    volatile kiss_call_state state;         /**< set last */
    apr_int64_t answer[4];                  /**< windows: number and milliseconds left, of each; hour: whether it is
                                                 allowed, how many are counted, microseconds until the oldest leaves */
    char error[KISS_CALL_ERROR];            /**< "", or why its counters cannot be used */
    struct kiss_ratelimit_call *next;       /**< of the same counters, in the same batch */
} kiss_ratelimit_call;

/** Requests that are counted together. */
typedef struct kiss_ratelimit_batch kiss_ratelimit_batch;

/** Computes the digests of the scripts. In post_config. */
void kiss_ratelimit_script_prepare(void);

/** Creates a batch, in `p`, of `max` requests at most. */
kiss_ratelimit_batch *kiss_ratelimit_batch_create(int max, apr_pool_t *p);

/** Number of requests in it. */
int kiss_ratelimit_batch_length(const kiss_ratelimit_batch *batch);

/** Adds a request. @return 0 when there is no room */
int kiss_ratelimit_batch_add(kiss_ratelimit_batch *batch, kiss_ratelimit_call *call);

/**
 * The commands of those whose reply is not there yet: by the digests of the scripts or, with `text`, by the scripts
 * themselves.
 *
 * @param commands receives them, in `p`
 * @return their length
 */
apr_size_t kiss_ratelimit_batch_format(const kiss_ratelimit_batch *batch, int text, const char **commands, apr_pool_t *p);

/** 1 while the reply of a script is still to be received; they come in the order of the scripts. */
int kiss_ratelimit_batch_pending(const kiss_ratelimit_batch *batch, kiss_ratelimit_script script);

/**
 * Reads the reply of a script.
 *
 * @param unknown receives 1 where the server does not know it: it is still pending, and to be sent as text; else unchanged
 * @return NULL, or an error text in `p`: the server does not count
 */
const char *kiss_ratelimit_batch_read(kiss_ratelimit_batch *batch, kiss_ratelimit_script script, const redisReply *reply,
                                      int *unknown, apr_pool_t *p);

/** Ends it: requests without a reply have failed. They may be gone as soon as this is called. The batch is empty then. */
void kiss_ratelimit_batch_end(kiss_ratelimit_batch *batch);

#endif
