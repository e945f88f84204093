/* SPDX-License-Identifier: Apache-2.0 */
/**
 * statements - the types of statements, and the statements of an API that are not derived from its tables: the caller's
 * record, the revision of the database, a payment. Pure; created once at start, immutable afterwards.
 */
#ifndef KISS_STATEMENTS_H
#define KISS_STATEMENTS_H

#include <apr_pools.h>
#include <apr_tables.h>

#include "lib/api/row_json.h"
#include "lib/api/table.h"

/**
 * Statements that are not derived from a row set or a page set: kiss_api.statements contains those of an API, by these
 * ids.
 */
enum {
    KISS_SQL_STATE,             /**< the revision of the database: sum, maximum and number of its revisions */
    KISS_SQL_CALLER,            /**< customer code, or SHA-256 of an API key as hexadecimal text -> the caller's record with
                                     all revisions: KISS_CALLER_COLUMNS where auth is KISS_AUTH_JWT, else KISS_KEY_COLUMNS */
    KISS_SQL_CREDENTIALS,       /**< customer code -> hashes of the valid keys */
    KISS_SQL_KEY_USED,          /**< key id -> stores that it was used now */
    KISS_SQL_HEALTH,            /**< a row unless a revision is missing */
    KISS_SQL_CHANGES,           /**< dataset, scope, revision, later revision, number of rows -> what changed between them,
                                     the newest first */
    KISS_SQL_LOCK_PAYMENT,      /**< number of a payment -> locks its row: id, AR account, amount */
    KISS_SQL_PAYMENT_USED,      /**< payment id -> sum of allocations and requests */
    KISS_SQL_ACCOUNT_OWNER,     /**< AR account -> customer */
    KISS_SQL_TARGET,            /**< number of an invoice -> id, AR account */
    KISS_SQL_REPEATED,          /**< key id, Idempotency-Key -> digest of its parameters, allocation */
    KISS_SQL_REQUEST,           /**< payment, invoice, AR account, amount, user -> a new request */
    KISS_SQL_REMEMBER,          /**< key id, Idempotency-Key, digest, allocation -> stored */
    KISS_SQL_LAST_REQUEST,      /**< maximum number of a request */
    KISS_SQL_ADMIN,             /**< code of an admin client -> its record: KISS_ADMIN_COLUMNS */
    KISS_SQL_ADMIN_CREDENTIALS, /**< code of an admin client -> hashes of its valid keys, as KISS_SQL_CREDENTIALS */
    KISS_SQL_FIXED              /**< number of them */
};

/**
 * SQL of KISS_SQL_STATE. Equal while nothing has changed. Revisions only grow, so the sum would be enough, except after
 * a backup was restored: later changes have numbers of the clock that were never used before, so the maximum differs.
 * The epoch is no such number.
 */
#define KISS_STATE_SQL \
    "SELECT CONCAT(COALESCE(SUM(n), 0), ':', COALESCE(MAX(IF(dataset = 'epoch', NULL, n)), 0), ':', COUNT(*)) FROM revision"

/** SQL of KISS_SQL_KEY_USED. */
#define KISS_KEY_USED_SQL \
    "INSERT INTO key_usage (key_id, last_used_at) VALUES (?, UTC_TIMESTAMP())" \
    " ON DUPLICATE KEY UPDATE last_used_at = VALUES(last_used_at)"

/** The part of a row set that a statement reads. */
typedef enum {
    KISS_SQL_WHOLE,             /**< all of it */
    KISS_SQL_RANGE,             /**< from a key up to, but without, another one */
    KISS_SQL_REST,              /**< from a key to the end */
    KISS_SQL_NEXT,              /**< one key: that of the n-th row after the first one from a key */
    KISS_SQL_FEW,               /**< the rows of at most KISS_FEW_KEYS keys; some of these may be equal */
    KISS_SQL_MANY               /**< the same for KISS_MANY_KEYS keys */
} kiss_sql_part;

/** Number of keys bound to a statement of KISS_SQL_FEW, KISS_SQL_MANY. */
#define KISS_FEW_KEYS 8
#define KISS_MANY_KEYS 512

/**
 * Maximum of values bound to a statement over a row set: its terms, then a key, then the other key or a number. A
 * statement that reads by key has its terms, then the keys.
 */
#define KISS_MAX_BOUND (KISS_MAX_ROW_FILTERS + 2)
#define KISS_MAX_BOUND_KEYS (KISS_MAX_ROW_FILTERS + KISS_MANY_KEYS)

/** A statement; a connection identifies it by its text. */
typedef struct {
    const char *text;                       /**< SQL with `?` */
    int columns;                            /**< values in a row, the key included; 0 where there is no result */
    int bound;                              /**< number of `?` */
    int terms;                              /**< number of terms among them */
    kiss_term term[KISS_MAX_ROW_FILTERS];   /**< the terms, for row sets */
    const kiss_rowset *rows;                /**< the row set, or NULL for a fixed statement */
    kiss_sql_part part;                     /**< the part of it */
    unsigned data;                          /**< KISS_DATA_ sets whose revisions change with its tables */
    const kiss_row_json_writer *writer;     /**< writes its rows; NULL where they have only keys */
    int number;                             /**< by which it is counted, and named by kiss_plan_statement_name(); 0: it is
                                                 not */
    const char *name;                       /**< what it reads, for people; NULL for one of a page */
} kiss_statement;

/** All statements of one API. */
typedef struct {
    const kiss_api *api;                    /**< the API */
    int count;                              /**< number of statements */
    kiss_statement *statements;             /**< all of them, the fixed ones first */
    const kiss_statement *fixed[KISS_SQL_FIXED];    /**< by id; NULL: the API has no such statement */
    struct kiss_page_sql *pages;            /**< by endpoint and role, for kiss_page_sql_of() */
    const apr_array_header_t *writes;       /**< of const struct kiss_write_plan *, for kiss_write_plan_of() */
} kiss_plan;

/** Columns of KISS_SQL_CALLER's result where callers are customers. */
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
    KISS_CALLER_LISTING,
    KISS_CALLER_STOCK,
    KISS_CALLER_STATE,
    KISS_CALLER_COLUMNS
};

/** Columns of KISS_SQL_ADMIN's result. */
enum {
    KISS_ADMIN_CODE,
    KISS_ADMIN_ENABLED,
    KISS_ADMIN_LIMIT_MINUTE,
    KISS_ADMIN_LIMIT_HOUR,
    KISS_ADMIN_STATE,           /**< as KISS_SQL_STATE */
    KISS_ADMIN_COLUMNS
};

/** Which value of KISS_SQL_CHANGES is the revision after which it reads. */
#define KISS_CHANGES_FROM 2

/** Columns of KISS_SQL_CHANGES' result. */
enum {
    KISS_CHANGE_REVISION,       /**< the one that the change got */
    KISS_CHANGE_BEFORE,         /**< the one before it */
    KISS_CHANGE_SKU,            /**< what changed; "": anything may have */
    KISS_CHANGE_COLUMNS
};

/** Columns of KISS_SQL_CALLER's result where callers are API keys. */
enum {
    KISS_KEY_ID,
    KISS_KEY_TYPE,              /**< employee, customer, supplier */
    KISS_KEY_PREFIX,
    KISS_KEY_USER,
    KISS_KEY_LIMIT_HOUR,
    KISS_KEY_STALE,             /**< 1 when its last use was stored more than a minute ago, or never */
    KISS_KEY_ACCOUNTS,          /**< ids joined by commas, or NULL */
    KISS_KEY_STATES,            /**< states of the accounts, joined by commas, or NULL; one may be empty */
    KISS_KEY_LEFT,              /**< microseconds until it expires, or NULL */
    KISS_KEY_STATE,             /**< as KISS_SQL_STATE */
    KISS_KEY_REVISIONS,         /**< dataset=n, joined by commas, in the order of the names */
    KISS_KEY_COLUMNS
};

/** Columns of KISS_SQL_LOCK_PAYMENT's result. */
enum {
    KISS_PAYMENT_ID,
    KISS_PAYMENT_ACCOUNT,       /**< AR account */
    KISS_PAYMENT_AMOUNT,
    KISS_PAYMENT_COLUMNS
};

/** Columns of KISS_SQL_TARGET's result. */
enum {
    KISS_TARGET_ID,
    KISS_TARGET_ACCOUNT,        /**< AR account */
    KISS_TARGET_COLUMNS
};

/** Columns of KISS_SQL_REPEATED's result. */
enum {
    KISS_REPEATED_HASH,         /**< digest of the parameters, hexadecimal */
    KISS_REPEATED_ALLOCATION,
    KISS_REPEATED_COLUMNS
};

/** Columns of KISS_SQL_CREDENTIALS' result: one row per valid key, or one with NULL keys. */
enum {
    KISS_CRED_ENABLED,
    KISS_CRED_LIMIT_MINUTE,
    KISS_CRED_LIMIT_HOUR,
    KISS_CRED_KEY_ID,
    KISS_CRED_HASH,
    KISS_CRED_STALE,            /**< 1 when its last use was stored more than a minute ago, or never */
    KISS_CRED_LEFT,             /**< microseconds until it expires, or NULL */
    KISS_CRED_STATE,            /**< as KISS_SQL_STATE */
    KISS_CRED_COLUMNS
};

/**
 * Adds the fixed statements of an API to `all`, an array of kiss_statement, in the order of their ids.
 *
 * @param index receives the index of each in `all`; -1: the API has no such statement
 * @return NULL, or an error text: one reads a table that is not in the API's list of datasets
 */
const char *kiss_statements_add(apr_array_header_t *all, int index[KISS_SQL_FIXED], const kiss_api *api, apr_pool_t *p);

#endif
