/* SPDX-License-Identifier: Apache-2.0 */
/**
 * ratelimit_batch - what Redis is asked, to count many requests at once, and how its replies are read.
 *
 * Requests of one caller that wait together are one number: each gets the result that it would have had by a command of
 * its own, in their order.
 */
#ifndef KISS_RATELIMIT_BATCH_H
#define KISS_RATELIMIT_BATCH_H

#include "caller/redis.h"

/** What counts a request: two fixed windows, or the sliding hour. */
typedef enum { KISS_COUNT_WINDOWS, KISS_COUNT_HOUR, KISS_COUNTS } kiss_ratelimit_counting;

/** What became of a request. */
typedef enum { KISS_CALL_WAITS, KISS_CALL_COUNTED, KISS_CALL_FAILED } kiss_call_state;

/** Length of the text of an error that concerns the counters of one caller. */
#define KISS_CALL_ERROR 100

/** A request to be counted. Belongs to the thread that waits for it, but for `state` and what follows. */
typedef struct kiss_ratelimit_call {
    kiss_ratelimit_counting counting;
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

/** Computes the digest of the script. In post_config. */
void kiss_ratelimit_batch_prepare(void);

/** Creates a batch, in `p`, of `max` requests at most. */
kiss_ratelimit_batch *kiss_ratelimit_batch_create(int max, apr_pool_t *p);

/** Number of requests in it. */
int kiss_ratelimit_batch_length(const kiss_ratelimit_batch *batch);

/** Adds a request. @return 0 when there is no room */
int kiss_ratelimit_batch_add(kiss_ratelimit_batch *batch, kiss_ratelimit_call *call);

/**
 * Adds the commands for what has no result yet. Their replies are expected from now on, and none of earlier commands.
 *
 * @return 0 when all have their results, and nothing is to be sent
 */
int kiss_ratelimit_batch_ask(kiss_ratelimit_batch *batch, kiss_redis_commands *commands);

/** 1 while replies are expected. */
int kiss_ratelimit_batch_expects(const kiss_ratelimit_batch *batch);

/** Reads the next reply. @return NULL, or an error text in `p`: the server does not count */
const char *kiss_ratelimit_batch_read(kiss_ratelimit_batch *batch, const redisReply *reply, apr_pool_t *p);

/** Ends it: requests without a result have failed. They may be gone as soon as this is called. The batch is empty then. */
void kiss_ratelimit_batch_end(kiss_ratelimit_batch *batch);

#endif
