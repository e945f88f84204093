/* SPDX-License-Identifier: Apache-2.0 */
/**
 * cache_warmer - builds the most used lists in advance when a database has changed, so that the next request finds them
 * cached (KissWarm).
 *
 * Runs in the cache manager's thread of one child, one list after the other, each under the build lock that requests
 * take, too. The pause between two passes is at least three times as long as the first one took.
 */
#ifndef KISS_CACHE_WARMER_H
#define KISS_CACHE_WARMER_H

#include "core/kiss.h"

/** The state of the thread of one child. */
typedef struct kiss_cache_warmer kiss_cache_warmer;

/** Creates the lock file by which one child of this server is active. In post_config, after kiss_list_usage_create(). */
void kiss_cache_warmer_prepare(server_rec *main_server, apr_pool_t *pconf);

/** Creates it, in `p`; NULL where KissWarm is 0. `stop` is set when the thread is to end. */
kiss_cache_warmer *kiss_cache_warmer_create(server_rec *main_server, volatile apr_uint32_t *stop, apr_pool_t *p);

/**
 * Checks the databases that are due, and builds one missing list of each. Not thread-safe.
 *
 * @param scratch is cleared
 * @return microseconds until the next call is due
 */
apr_int64_t kiss_cache_warmer_step(kiss_cache_warmer *w, apr_pool_t *scratch);

/** Releases the lock, so that another child can take over. */
void kiss_cache_warmer_end(kiss_cache_warmer *w);

#endif
