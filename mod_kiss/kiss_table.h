/**
 * kiss_table - the vocabulary in which an API is written down. Data only.
 *
 * An API is a kiss_api row; an endpoint is a kiss_endpoint row; what an endpoint reads is a kiss_rowset: where the rows
 * come from, which of them the caller may see, in what order they stand, and how each column is written. SQL, JSON,
 * schema answers and the isolation tests are all derived from these rows; no code knows a single endpoint.
 */
#ifndef KISS_TABLE_H
#define KISS_TABLE_H

#include <apr.h>

/** How a column's value is written (contract, "Left open" 7 and 8). The database delivers every value as text. */
typedef enum {
    KISS_TEXT,          /**< JSON string; NULL is "" */
    KISS_DECIMAL,       /**< JSON number with the digits of the column; NULL is 0 */
    KISS_QUANTITY,      /**< JSON number, decimals only if they are not zero */
    KISS_NET_PRICE,     /**< JSON number with 4 decimals: the caller's discount applied if `flag` is true */
    KISS_BOOLEAN,       /**< JSON true or false */
    KISS_DATE,          /**< JSON string YYYY-MM-DD, or null */
    KISS_ROWS           /**< JSON array of objects: the rows of `rows` with the same key */
} kiss_type;

/** A value of the caller's record that a statement is bound to, or that stands in every row. */
typedef enum {
    KISS_TERM_NONE = 0,
    KISS_TERM_PRICE_LIST,
    KISS_TERM_PRICE_LIST_NAME,
    KISS_TERM_CURRENCY,
    KISS_TERM_WAREHOUSE,
    KISS_TERMS                      /**< how many there are */
} kiss_term;

/** Datasets with a revision number of their own (sql/, table `revision`); an answer depends on a set of them. */
enum {
    KISS_DATA_PRODUCTS   = 1 << 0,
    KISS_DATA_ASSORTMENT = 1 << 1,
    KISS_DATA_PRICES     = 1 << 2,  /**< of the caller's price list; the discount belongs to it */
    KISS_DATA_STOCK      = 1 << 3   /**< of the caller's warehouse */
};

struct kiss_rowset;

/** One JSON member of a row. */
typedef struct kiss_column {
    const char *name;               /**< JSON name */
    kiss_type type;                 /**< how it is written */
    const char *sql;                /**< SQL expression; NULL for a term or for nested rows */
    const char *flag;               /**< KISS_NET_PRICE: SQL expression, true where the discount applies */
    kiss_term term;                 /**< the caller's value in every row, instead of `sql` */
    const struct kiss_rowset *rows; /**< KISS_ROWS: what is nested */
    unsigned required : 1;          /**< said so in the schema answer */
} kiss_column;

/** A condition that every statement over these rows carries, bound to a value of the caller's record. */
typedef struct kiss_scope {
    const char *sql;                /**< a condition with one `?` */
    kiss_term term;                 /**< what the `?` is bound to */
} kiss_scope;

/** Most columns that a row can have, nested ones included. */
#define KISS_MAX_COLUMNS 40
/** Most conditions that a row set can be bound to. */
#define KISS_MAX_SCOPES 4
/** Most row sets nested in one row. */
#define KISS_MAX_NESTED 8

/** Rows to be read in one ordered scan. */
typedef struct kiss_rowset {
    const char *from;               /**< SQL table reference; names the index where the optimizer might choose badly */
    const char *where;              /**< SQL condition for all callers, or NULL */
    const kiss_scope *scope;        /**< ended by an empty row; who may see which rows */
    unsigned shared : 1;            /**< has no scope: nested rows that are shown only within a row that has */
    const char *key;                /**< SQL expression: nested rows belong to the row with the same key */
    const char *order;              /**< total order, beginning with the key; an index must deliver it */
    const kiss_column *columns;     /**< ended by an empty row */
} kiss_rowset;

/** What an endpoint does. */
typedef enum {
    KISS_RUN_LIST,                  /**< all rows of `rows` in one JSON array */
    KISS_RUN_SCHEMA,                /**< the description of `rows` */
    KISS_RUN_TOKEN,                 /**< the OAuth 2.0 token endpoint */
    KISS_RUN_VERSION,               /**< the API's profile */
    KISS_RUN_HEALTH                 /**< liveness */
} kiss_run;

/** Who may call an endpoint. */
typedef enum {
    KISS_AUTH_NONE,                 /**< anyone; a valid token only says who is counted */
    KISS_AUTH_CLIENT,               /**< client credentials in the request itself (RFC 6749 section 4.4) */
    KISS_AUTH_TOKEN,                /**< bearer token of a customer that is not disabled; it need not exist any more */
    KISS_AUTH_CUSTOMER              /**< bearer token of a customer that exists and is not disabled */
} kiss_auth_need;

/** Methods of an endpoint; GET includes HEAD. */
enum { KISS_GET = 1, KISS_POST = 2 };

/** One endpoint. */
typedef struct kiss_endpoint {
    const char *name;               /**< in the log note kiss-endpoint */
    int methods;                    /**< KISS_GET or KISS_POST */
    const char *path;               /**< below the API's location, exact */
    kiss_auth_need auth;            /**< who may call it */
    kiss_run run;                   /**< what it does */
    const kiss_rowset *rows;        /**< what it reads or describes */
    unsigned data;                  /**< KISS_DATA_ set that its answer depends on */
    const char *about;              /**< KISS_RUN_SCHEMA: the path that it describes */
} kiss_endpoint;

/** One API. */
typedef struct kiss_api {
    const char *name;               /**< argument of KissApi, and the default of KissUseDatabase */
    const char *profile;            /**< version of the contract */
    unsigned schema_version;        /**< the version that sql/ brings the database to */
    const kiss_endpoint *endpoints; /**< ended by an empty row */
} kiss_api;

#endif
