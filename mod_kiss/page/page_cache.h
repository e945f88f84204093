/* SPDX-License-Identifier: Apache-2.0 */
/**
 * page_cache - a cache of pages and records in the memory of a child, by their ETags: a repeated request costs the
 * query of the database's revision only, as long as nothing that the page depends on has changed.
 *
 * Bounded: large pages are not cached, the least recently used one is evicted. All children together use at most 64 MB;
 * each has its share.
 */
#ifndef KISS_PAGE_CACHE_H
#define KISS_PAGE_CACHE_H

#include "db/db.h"

/** The body of a page. */
typedef struct {
    const char *data;               /**< the body */
    apr_size_t len;                 /**< its length in bytes */
    apr_int64_t rows;               /**< rows in it */
} kiss_page_cache_body;

/** Creates the cache. In child_init. */
apr_status_t kiss_page_cache_attach(apr_pool_t *pchild);

/**
 * Finds a page. Thread-safe.
 *
 * @param db   the database that it was read from: a copy of it has the same ETags
 * @param tag  its ETag
 * @param body receives it; valid as long as `p`
 * @return 1 when it was found
 */
int kiss_page_cache_find(kiss_page_cache_body *body, const kiss_db *db, const char *tag, apr_pool_t *p);

/** Stores a copy of a page, unless it is too large. Thread-safe. */
void kiss_page_cache_keep(const kiss_page_cache_body *body, const kiss_db *db, const char *tag);

#endif
