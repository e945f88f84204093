/* SPDX-License-Identifier: Apache-2.0 */
/**
 * page_start - what a child remembers of where pages begin: the keys of their first rows, by their ETags. A page whose
 * beginning is known is read from there, instead of counting all rows before it.
 *
 * The ETag stands for endpoint, rights, parameters and revisions: while it is the same, so is the first row. Thread-safe.
 */
#ifndef KISS_PAGE_START_H
#define KISS_PAGE_START_H

#include "db/db.h"
#include "lib/api/page_sql.h"

/** Creates the table. In child_init. */
apr_status_t kiss_page_start_attach(apr_pool_t *pchild);

/**
 * Finds where a page begins.
 *
 * @param db    the database that it is read from: a copy of it has the same ETags
 * @param tag   its ETag
 * @param start receives the keys, in `p`
 * @return 1 when it is known
 */
int kiss_page_start_find(kiss_page_sql_start *start, const kiss_db *db, const char *tag, apr_pool_t *p);

/** Stores where a page begins, unless a key is too long; the least recently used one is evicted. Arguments as above. */
void kiss_page_start_keep(const kiss_page_sql_start *start, const kiss_db *db, const char *tag);

#endif
