/* SPDX-License-Identifier: Apache-2.0 */
/**
 * page_sql - SQL of pages and single records: the statement of a request, written from the tables of its endpoint. Pure.
 *
 * Every statement has the row filters of the caller's role: they are added here, not by the author of a row. Values are
 * bound, never concatenated; identifiers come from the tables only.
 */
#ifndef KISS_PAGE_SQL_H
#define KISS_PAGE_SQL_H

#include <apr_pools.h>
#include <apr_tables.h>

#include "lib/api/params.h"
#include "lib/api/statements.h"

/** An endpoint for one role, derived from its tables. */
typedef struct kiss_page_sql {
    const kiss_pageset *pages;              /**< its page set; NULL: it reads no pages */
    const char *list;                       /**< select list, with the marks of kiss_pageset */
    const char *record_from;                /**< the tables of a record that needs no scan by which it is selected; or NULL
                                                 */
    int columns;                            /**< values in a row */
    int keys;                               /**< number of keys of a row, if pages are ordered by just these: then a
                                                 page can be read from the keys of its first row; else 0 */
    const kiss_row_json_writer *writer;     /**< writes its rows */
    apr_uint64_t reads;                     /**< bit n: it depends on api->datasets[n] */
    apr_uint64_t param_reads[KISS_MAX_PARAMS];  /**< and on these, too, when that parameter filters */
} kiss_page_sql;

/** Fills plan->pages, in `p`. @return NULL, or what is wrong with the tables */
const char *kiss_page_sql_plan(kiss_plan *plan, apr_pool_t *p);

/** Maximum of keys of a row. */
#define KISS_PAGE_KEYS 3

/** Where a page begins: the keys of its first row, as text; NULL after the last one. */
typedef struct {
    const char *key[KISS_PAGE_KEYS];        /**< page.k1, page.k2, page.k3 */
} kiss_page_sql_start;

/** The values of the marks in SQL. */
typedef struct {
    const apr_array_header_t *accounts;     /**< of const char *: `{accounts}` */
    const apr_array_header_t *states;       /**< of const char *: `{states}` */
    const kiss_params *params;              /**< `{}` and `{Name}` */
    const kiss_page_sql_start *start;       /**< where the page begins; NULL: not known, the rows before it are counted */
} kiss_page_sql_values;

/** A statement with its values. */
typedef struct {
    kiss_statement statement;               /**< its text is the same for all numbers of values up to a power of two */
    const char *const *args;                /**< statement.bound texts; NULL is SQL NULL */
    int keys;                               /**< the first column with a key of the row, after those of the row; or -1:
                                                 a page has no beginning that could be remembered */
    int revision;                           /**< the column with the revision of the database, after all others; or -1
                                                 */
} kiss_page_sql_query;

/** The derived data of an endpoint for a role. */
const kiss_page_sql *kiss_page_sql_of(const kiss_plan *plan, const kiss_endpoint *endpoint, kiss_role role);

/**
 * Writes the statement for one page, or for one record: rows in order, one more than the page holds.
 *
 * Every value is bound; only text of the tables becomes SQL. Row filters are always added. A page from a known beginning has
 * the same rows as one after counted rows, as long as the rows before it are the same.
 *
 * @param with_revision 1: each row ends with the revision of the database (KISS_SQL_STATE) of the same moment
 * @param query receives statement and values, in `p`
 */
void kiss_page_sql_bind(kiss_page_sql_query *query, const kiss_plan *plan, const kiss_endpoint *endpoint, kiss_role role,
                        const kiss_page_sql_values *values, int with_revision, apr_pool_t *p);

/** The text of kiss_page_sql_bind() with every filter in it, for a caller with two accounts: for checks. In `p`. */
const char *kiss_page_sql_sample(const kiss_plan *plan, const kiss_endpoint *endpoint, kiss_role role, apr_pool_t *p);

#endif
