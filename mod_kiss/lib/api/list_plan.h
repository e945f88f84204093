/* SPDX-License-Identifier: Apache-2.0 */
/**
 * list_plan - SQL of whole lists: derives statements from row sets. Pure.
 *
 * Every statement over a row set has the row filters of the set: they are added here, not by the author of a row.
 * Values are bound, never concatenated; identifiers come from the tables only.
 */
#ifndef KISS_LIST_PLAN_H
#define KISS_LIST_PLAN_H

#include <apr_pools.h>
#include <apr_tables.h>

#include "lib/api/statements.h"

/**
 * Adds the statements of an API's lists to `all`, an array of kiss_statement.
 *
 * @return NULL, or an error of the tables (a row set without filter, a duplicate name, too many columns, ...)
 */
const char *kiss_list_plan_add(apr_array_header_t *all, const kiss_api *api, apr_pool_t *p);

/** The statement that reads that part of `rows`; NULL when no list needs it. */
const kiss_statement *kiss_list_plan_find(const kiss_plan *plan, const kiss_rowset *rows, kiss_sql_part part);

#endif
