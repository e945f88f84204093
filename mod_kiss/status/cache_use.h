/* SPDX-License-Identifier: Apache-2.0 */
/** cache_use - number and size of the cached lists, by database. */
#ifndef KISS_CACHE_USE_H
#define KISS_CACHE_USE_H

#include "core/database_counters.h"

/** Files of a kind. */
typedef struct {
    apr_uint64_t files, bytes;
} kiss_cache_use_sum;

/** Cached lists of a database. */
typedef struct {
    kiss_cache_use_sum of[2][2];            /**< [1: changes, 0: whole lists][1: gzip, 0: as they are] */
} kiss_cache_use;

/** All files of it. */
kiss_cache_use_sum kiss_cache_use_total(const kiss_cache_use *use);

/**
 * Reads the names and sizes of all files in KissCacheDir; it opens none of them. In a child.
 *
 * @param databases of kiss_counted_database; the first of those with one origin has its lists
 * @return in `p`, of kiss_cache_use: one for each database, and a last one for lists of others, which were configured
 *         before, or are of another httpd
 */
apr_array_header_t *kiss_cache_use_read(const apr_array_header_t *databases, const server_rec *main_server, apr_pool_t *p);

#endif
