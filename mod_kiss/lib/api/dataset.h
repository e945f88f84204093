/* SPDX-License-Identifier: Apache-2.0 */
/**
 * dataset - finds which tables a piece of SQL reads, and so which revisions an answer depends on. Pure.
 *
 * 304 is answered while the revisions of the answer's tables are the same. An overlooked table would silently make that
 * wrong: SQL whose tables cannot be determined with certainty is refused at start.
 */
#ifndef KISS_DATASET_H
#define KISS_DATASET_H

#include <apr_pools.h>

#include "lib/api/table.h"

/** Checks an API's list. @return NULL, or what is wrong with it, in `p` */
const char *kiss_dataset_check(const kiss_dataset *datasets, apr_pool_t *p);

/**
 * Finds the tables that SQL reads: after FROM and JOIN, and after the commas of a FROM.
 *
 * It refuses names that are not in the list, including those of another database, a FROM that belongs to no query (as
 * in EXTRACT), and comments.
 *
 * @param set   bit n is set for datasets[n]; the others are unchanged
 * @param sql   NULL: nothing
 * @param first 1: the text starts with a table, like the text after FROM; 0: it is a statement or an expression
 * @return NULL, or "reads x, which is no dataset", in `p`
 */
const char *kiss_dataset_find(apr_uint64_t *set, const char *sql, int first, const kiss_dataset *datasets, apr_pool_t *p);

/**
 * The same for the SQL of an answer: a table without a revision is refused, one that follows others is replaced by those.
 *
 * @param set bit n is set when the answer depends on the revision of datasets[n]
 */
const char *kiss_dataset_depend(apr_uint64_t *set, const char *sql, int first, const kiss_dataset *datasets, apr_pool_t *p);

#endif
