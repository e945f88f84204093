/* SPDX-License-Identifier: Apache-2.0 */
/**
 * page_cache - pages and records that a child has sent, kept in its memory by their ETags: the same one asked for again
 * costs a look at the state of the database, and no more, as long as nothing that it was made of has changed.
 *
 * Bounded: a large page is not kept, the one that was not used for longest makes room. All children together keep at most
 * 64 MB; each has its share.
 */
#ifndef KISS_PAGE_CACHE_H
#define KISS_PAGE_CACHE_H

#include "db/db.h"

/** A page as it was sent. */
typedef struct {
    const char *data;               /**< the body */
    apr_size_t len;                 /**< its length in bytes */
    apr_int64_t rows;               /**< rows in it */
} kiss_page_cache_body;

/** Makes the memory. In child_init. */
apr_status_t kiss_page_cache_attach(apr_pool_t *pchild);

/**
 * Finds a page. Thread-safe.
 *
 * @param db   the database that it was read from: a copy of it has the same ETags
 * @param tag  its ETag: the scope, the request, the revisions
 * @param body receives it; it is there as long as `p`
 * @return 1 when there is one
 */
int kiss_page_cache_find(kiss_page_cache_body *body, const kiss_db *db, const char *tag, apr_pool_t *p);

/** Keeps a copy of a page, unless it is too large. Thread-safe. */
void kiss_page_cache_keep(const kiss_page_cache_body *body, const kiss_db *db, const char *tag);

#endif
