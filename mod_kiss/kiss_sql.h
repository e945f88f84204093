/**
 * kiss_sql - row sets to SQL statements. Pure; made once at start, immutable afterwards.
 *
 * Every statement over a row set carries the row set's scope conditions: they are added here, not by the author of a
 * row. Values are bound, never pasted; identifiers come from the tables only.
 */
#ifndef KISS_SQL_H
#define KISS_SQL_H

#include <apr_pools.h>

#include "kiss_json.h"
#include "kiss_table.h"

/** Statements that are not derived from a row set. The others follow behind them. */
enum {
    KISS_SQL_CALLER,            /**< customer code -> the caller's record with all revisions */
    KISS_SQL_CREDENTIALS,       /**< customer code -> hashes of the live keys */
    KISS_SQL_KEY_USED,          /**< key id -> notes that it was used now */
    KISS_SQL_HEALTH,            /**< reads one revision */
    KISS_SQL_FIXED              /**< how many there are */
};

/** One statement, known to a connection by its place in the plan. */
typedef struct {
    const char *text;                       /**< SQL with `?` */
    int id;                                 /**< place in kiss_sql_plan.statements */
    int columns;                            /**< values in a row, the key included; 0 where there is no result */
    int bound;                              /**< number of `?` */
    kiss_term term[KISS_MAX_SCOPES];        /**< what they are bound to, for row sets */
    const kiss_rowset *rows;                /**< the row set, or NULL for a fixed statement */
    const kiss_json_writer *writer;         /**< writes its rows */
} kiss_statement;

/** All statements of one API. */
typedef struct {
    const kiss_api *api;                    /**< the API */
    int count;                              /**< how many statements */
    kiss_statement *statements;             /**< them, by id */
} kiss_sql_plan;

/** Columns of KISS_SQL_CALLER's result. */
enum {
    KISS_CALLER_CODE,
    KISS_CALLER_ENABLED,
    KISS_CALLER_DISCOUNT,
    KISS_CALLER_LIMIT_MINUTE,
    KISS_CALLER_LIMIT_HOUR,
    KISS_CALLER_PRICE_LIST,
    KISS_CALLER_PRICE_LIST_NAME,
    KISS_CALLER_CURRENCY,
    KISS_CALLER_WAREHOUSE,
    KISS_CALLER_EPOCH,
    KISS_CALLER_PRODUCTS,
    KISS_CALLER_ASSORTMENT,
    KISS_CALLER_PRICES,
    KISS_CALLER_STOCK,
    KISS_CALLER_COLUMNS
};

/** Columns of KISS_SQL_CREDENTIALS' result: one row per live key, or one with NULL keys. */
enum {
    KISS_CRED_ENABLED,
    KISS_CRED_LIMIT_MINUTE,
    KISS_CRED_LIMIT_HOUR,
    KISS_CRED_KEY_ID,
    KISS_CRED_HASH,
    KISS_CRED_STALE,            /**< 1 when its last use was noted more than a minute ago, or never */
    KISS_CRED_COLUMNS
};

/**
 * Makes the plan of an API, in `p`.
 *
 * @param plan receives it
 * @return NULL, or what is wrong with the tables (a row set without scope, a name twice, too many columns)
 */
const char *kiss_sql_plan_make(const kiss_sql_plan **plan, const kiss_api *api, apr_pool_t *p);

/** The statement that reads `rows`. */
const kiss_statement *kiss_sql_find(const kiss_sql_plan *plan, const kiss_rowset *rows);

#endif
