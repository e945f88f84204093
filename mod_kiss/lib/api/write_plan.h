/* SPDX-License-Identifier: Apache-2.0 */
/**
 * write_plan - the tables, columns and statements of what is written (kiss_writeset), derived from its rows and from the
 * import's. Pure; created once at start, immutable afterwards.
 *
 * These statements are for the account that writes (KissAdminDatabase): they are in no list that the other one prepares.
 */
#ifndef KISS_WRITE_PLAN_H
#define KISS_WRITE_PLAN_H

#include "lib/api/statements.h"
#include "lib/import/import_table.h"

/** A table that is written, with its columns: those of its members, in their order. */
typedef struct {
    const char *name;                   /**< JSON name of its array; NULL: it is the object itself */
    const import_file *file;            /**< the import's row */
    int keys;                           /**< the first columns, which are the key of the object */
    int n;                              /**< columns */
    const char *member[KISS_MAX_WRITE_COLUMNS];             /**< JSON names; NULL: the key of what the rows belong to */
    const import_column *column[KISS_MAX_WRITE_COLUMNS];    /**< their rules, and names in the table */
    kiss_statement read;                /**< key -> the columns of all its rows, in the order of their keys */
    kiss_statement lock;                /**< the same, and the rows stay locked until the transaction ends */
    kiss_statement page;                /**< of the object itself: key, number -> rows after that key; of others: two
                                             keys -> rows after the first one, up to the second one */
    kiss_statement insert;              /**< columns -> a new row */
    kiss_statement update;              /**< columns, then those that are the key -> changes a row */
    kiss_statement remove;              /**< columns that are the key -> no row */
} kiss_write_table;

/** All of a writeset. */
typedef struct kiss_write_plan {
    const kiss_writeset *set;           /**< its row */
    kiss_write_table self;              /**< the object */
    int nnested;                        /**< arrays */
    kiss_write_table nested[KISS_MAX_WRITE_ROWS];   /**< their tables */
} kiss_write_plan;

/** 1 for a column that is part of the key of its table. */
int kiss_write_plan_is_key(const import_column *column);

/**
 * Derives the plan of a writeset.
 *
 * @param plan receives it, in `p`
 * @param imports the import set whose files it names
 * @return NULL, or an error text: a row names no file or column of the import, or too many
 */
const char *kiss_write_plan_make(kiss_write_plan **plan, const kiss_writeset *set, const import_set *imports, apr_pool_t *p);

/** The texts of the statements of a table that are prepared for it; NULL for one that is not used. */
#define KISS_WRITE_STATEMENTS 6
void kiss_write_plan_texts(const char *texts[KISS_WRITE_STATEMENTS], const kiss_write_table *t);

/** Number of all statements of the writesets of an API, at most. */
int kiss_write_plan_statements(const kiss_plan *plan);

/** The plan of an endpoint's writeset, which has one. */
const kiss_write_plan *kiss_write_plan_of(const kiss_plan *plan, const kiss_writeset *set);

/** A statement of a text with `?` and a number of columns in its result, that is not part of a plan. */
kiss_statement kiss_write_plan_statement(const char *text, int columns);

#endif
