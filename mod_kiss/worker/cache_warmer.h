/* SPDX-License-Identifier: Apache-2.0 */
/**
 * cache_warmer - builds the most used lists in advance, when something in a database has changed: the first client that asks
 * then finds them ready (KissWarm).
 *
 * Done by the keeper's thread of one child, one list after the other, each under the lock that requests take too. Between two
 * rounds it rests at least three times as long as the first one took.
 */
#ifndef KISS_CACHE_WARMER_H
#define KISS_CACHE_WARMER_H

#include "core/kiss.h"

/** What the thread of one child knows of the databases. */
typedef struct kiss_cache_warmer kiss_cache_warmer;

/** Makes what the children of this server take turns by. In post_config, after kiss_list_usage_create(). */
void kiss_cache_warmer_prepare(server_rec *main_server, apr_pool_t *pconf);

/** Makes it, in `p`; NULL where KissWarm does not ask for it. `stop` is set when the thread is to end. */
kiss_cache_warmer *kiss_cache_warmer_create(server_rec *main_server, volatile apr_uint32_t *stop, apr_pool_t *p);

/**
 * Looks at the databases whose time has come, and builds one list that is missing in each. Not thread-safe.
 *
 * @param scratch is cleared
 * @return after how many microseconds it wants to be called again
 */
apr_int64_t kiss_cache_warmer_step(kiss_cache_warmer *w, apr_pool_t *scratch);

/** Gives its turn to another child. */
void kiss_cache_warmer_end(kiss_cache_warmer *w);

#endif
