/* SPDX-License-Identifier: Apache-2.0 */
/**
 * table - the types by which an API is declared. Data only.
 *
 * An API is a kiss_api row; an endpoint is a kiss_endpoint row; what an endpoint reads is a kiss_rowset (whole lists)
 * or a kiss_pageset (pages and single records): the tables of the rows, the filters on what the caller may see, the
 * order, and how each column is written. SQL, JSON, schema answers, ETags and the isolation tests are all derived from
 * these rows; no code is specific to an endpoint.
 */
#ifndef KISS_TABLE_H
#define KISS_TABLE_H

#include <apr.h>

/** How a column's value is written (Customer API, "Left open" 7 and 8; KSS API, section 2 "Values"). The database delivers
 * every value as text. SQL NULL is written as described here, or as null where the column is `nullable`. */
typedef enum {
    KISS_TEXT,          /**< JSON string; NULL is "" */
    KISS_DECIMAL,       /**< JSON number with the digits of the column; NULL is 0 */
    KISS_QUANTITY,      /**< JSON number, decimals only if they are not zero; NULL is 0 */
    KISS_FIXED,         /**< JSON string of a number with `scale` decimals, rounded half away from zero; NULL is 0 */
    KISS_NET_PRICE,     /**< JSON number with 4 decimals: the caller's discount applied if `flag` is true */
    KISS_BOOLEAN,       /**< JSON true or false; NULL is false */
    KISS_DATE,          /**< JSON string YYYY-MM-DD; NULL is null */
    KISS_TIME,          /**< JSON string YYYY-MM-DDTHH:MM:SS.mmmZ, from a DATETIME(3) in UTC; NULL is null */
    KISS_JSON,          /**< an array that the database has built (JSON_ARRAYAGG); NULL is [] */
    KISS_SPLIT,         /**< JSON array of strings, from a text joined by semicolons; NULL is [] */
    KISS_COMING_DAYS,   /**< JSON array of the next dates on these weekdays (`2;4`: Tuesday, Thursday); NULL is [] */
    KISS_COMING_TEXT,   /**< the same dates in one JSON string, joined by semicolons; NULL is "" */
    KISS_ROWS           /**< JSON array of objects: the rows of `rows` with the same key */
} kiss_type;

/** The role of an API key (KSS API, section 2 "Key"). */
typedef enum {
    KISS_ROLE_EMPLOYEE,             /**< sees everything */
    KISS_ROLE_CUSTOMER,             /**< sees its customer accounts */
    KISS_ROLE_SUPPLIER,             /**< sees its supplier accounts */
    KISS_ROLES                      /**< number of them */
} kiss_role;

/** Sets of roles. */
enum {
    KISS_EMPLOYEE = 1 << KISS_ROLE_EMPLOYEE,
    KISS_CUSTOMER = 1 << KISS_ROLE_CUSTOMER,
    KISS_SUPPLIER = 1 << KISS_ROLE_SUPPLIER,
    KISS_EVERYONE = KISS_EMPLOYEE | KISS_CUSTOMER | KISS_SUPPLIER
};

/** A value of the caller's record that is bound to a statement, or written into every row. */
typedef enum {
    KISS_TERM_NONE = 0,
    KISS_TERM_PRICE_LIST,
    KISS_TERM_PRICE_LIST_NAME,
    KISS_TERM_CURRENCY,
    KISS_TERM_WAREHOUSE,
    KISS_TERMS                      /**< number of them */
} kiss_term;

/** Datasets with a revision number of their own (sql/, table `revision`); an answer depends on a set of them. */
enum {
    KISS_DATA_PRODUCTS   = 1 << 0,
    KISS_DATA_ASSORTMENT = 1 << 1,
    KISS_DATA_PRICES     = 1 << 2,  /**< of the caller's price list; the discount belongs to it */
    KISS_DATA_STOCK      = 1 << 3,  /**< of the caller's warehouse */
    KISS_DATA_LISTING    = 1 << 4   /**< the set of SKUs in the caller's price list, without their prices */
};

struct kiss_rowset;

/** One JSON member of a row. */
typedef struct kiss_column {
    const char *name;               /**< JSON name */
    kiss_type type;                 /**< how it is written */
    const char *sql;                /**< SQL expression; NULL for a term or for nested rows */
    const char *flag;               /**< KISS_NET_PRICE: SQL expression, true where the discount applies */
    kiss_term term;                 /**< the caller's value in every row, instead of `sql` */
    const struct kiss_rowset *rows; /**< KISS_ROWS: the nested rows */
    unsigned required : 1;          /**< the schema answer says "required" */
    unsigned nullable : 1;          /**< SQL NULL is null */
    unsigned scale : 4;             /**< KISS_FIXED: decimals */
    unsigned hidden : KISS_ROLES;   /**< roles that never receive it */
    const char *for_role[KISS_ROLES];   /**< SQL expression for a role, instead of `sql` */
    const struct kiss_column *items;    /**< KISS_JSON: the members of its elements; NULL: these are single values */
    kiss_type element;              /**< KISS_JSON without `items`: type of its elements */
} kiss_column;

/** A condition in every statement over these rows, bound to a value of the caller's record. */
typedef struct kiss_row_filter {
    const char *sql;                /**< a condition with one `?` */
    kiss_term term;                 /**< the value of the `?` */
} kiss_row_filter;

/** Maximum of columns of a row, including nested ones. */
#define KISS_MAX_COLUMNS 40
/** Maximum of filters of a row set. */
#define KISS_MAX_ROW_FILTERS 4
/** Maximum of row sets nested in one row, and of its semi-joins. */
#define KISS_MAX_NESTED 8

/**
 * Rows to be read in one ordered scan.
 *
 * The module merges scans by key instead of joining in the database: a join looks up each row of the other table
 * separately, which takes several times as long as reading both in their order, unless one has few rows and the other
 * one many.
 */
typedef struct kiss_rowset {
    const char *item;               /**< what one row is called in the OpenAPI document */
    const char *from;               /**< SQL table reference; names the index where the optimizer might make a bad choice */
    const char *where;              /**< SQL condition for all callers, or NULL */
    const kiss_row_filter *filter;  /**< ended by an empty row; the rows that the caller may see */
    unsigned shared : 1;            /**< has no filter: nested rows that are shown only within a row of a filtered set */
    const char *key;                /**< SQL expression: nested rows belong to the row with the same key */
    const char *order;              /**< total order, starting with the key; an index must deliver it */
    const kiss_column *columns;     /**< ended by an empty row; NULL: only the keys are read */
    const struct kiss_rowset *const *semi_join;    /**< ended by NULL: only rows whose key is in each of these */
    const struct kiss_rowset *driving_keys;     /**< the keys of the caller's list. They are counted where there is
                                                     `if_short`; else they divide the rows: what is merged with them is read
                                                     for one range of keys after the other. NULL: the rows are read in one
                                                     piece */
    const struct kiss_rowset *if_short;      /**< the same rows by joins, read instead where `driving_keys` are few; or
                                                  NULL */
    unsigned dedup : 1;             /**< a row may be repeated after itself: duplicates are dropped */
} kiss_rowset;

/**
 * Rows that are read by pages, or one at a time.
 *
 * A page is selected by its keys in a narrow scan (`SELECT key FROM table WHERE where, filter, parameters ORDER BY
 * order`), then joined with the tables of its columns: the index that delivers `order` is walked without touching wide
 * rows, and a deep page costs no more than that walk.
 *
 * In all SQL here `{accounts}` is replaced by the ids of the caller's accounts, `{states}` by their states, and
 * `{Name}` by the values of that parameter: a list of bound values, which is NULL when there are none, so that a key
 * without accounts sees nothing.
 */
typedef struct kiss_pageset {
    const char *item;               /**< what one row is called in the OpenAPI document */
    const char *table;              /**< table reference of the scan that selects the page */
    const char *key[3];             /**< columns of `table` that identify its rows; page.k1, page.k2, page.k3 in `join` */
    const char *where;              /**< condition for all callers, or NULL */
    const char *filter[KISS_ROLES]; /**< condition on the rows that a role may see; NULL: all rows */
    const char *order;              /**< total order, valid both in `table` and in `join`; an index must deliver it */
    const char *join;               /**< the tables of the columns, the first with its ON page.k1 */
    const kiss_column *columns;     /**< ended by an empty row */
    const struct kiss_pageset *for_supplier;    /**< read instead for Supplier keys */
    unsigned dedup_accounts : 1;    /**< a row occurs several times in `table` and after `join`, once for each of the
                                         caller's accounts: it is grouped, and sums in `columns` are over these */
    unsigned daily : 1;             /**< the answer depends on the date */
} kiss_pageset;

/** Type of a parameter's value (KSS API, section 2 "Parameters" and "Left open" 3, 5, 6, 16). */
typedef enum {
    KISS_PARAM_NUMBERS,             /**< integers, joined by commas */
    KISS_PARAM_TEXTS,               /**< texts, joined by commas */
    KISS_PARAM_WORDS,               /**< some of `words`, joined by commas */
    KISS_PARAM_BOOLEANS,            /**< true, false, or both, joined by a comma; bound as 1 and 0 */
    KISS_PARAM_DATE,                /**< YYYY-MM-DD, or a timestamp, whose day in UTC is used */
    KISS_PARAM_TEXT,                /**< one text */
    KISS_PARAM_NUMBER,              /**< one integer */
    KISS_PARAM_COUNT,               /**< one integer from 1, of any number of digits */
    KISS_PARAM_AMOUNT               /**< one decimal number with at most 2 decimals; zeros after them are ignored */
} kiss_param_type;

/** One parameter of an endpoint. */
typedef struct kiss_param {
    const char *name;               /**< in the query, or in the path where the endpoint's path has `:name` */
    kiss_param_type type;           /**< type of its value */
    const char *where;              /**< condition, with `{}` where the values are bound; NULL: it is no filter itself */
    const char *words;              /**< KISS_PARAM_WORDS: the words, joined by commas */
    const char *fallback;           /**< value when it is omitted; "today" for a date; NULL: no filter then */
    unsigned fallback_for : KISS_ROLES; /**< roles that get the fallback; none: all */
    unsigned locked_for : KISS_ROLES;   /**< roles that always get the fallback, their value is ignored */
    unsigned only_for : KISS_ROLES; /**< roles for which it has an effect; none: all */
    unsigned required : 1;          /**< 400 when it is omitted */
    const char *unless;             /**< it is ignored, fallback included, when that parameter is given */
    const char *where_customer;     /**< condition for Customer keys, where it differs */
    const char *where_supplier;     /**< condition for Supplier keys, where it differs */
} kiss_param;

/** Maximum of parameters of an endpoint. */
#define KISS_MAX_PARAMS 8

/** The format of a list. */
typedef enum {
    KISS_FORMAT_JSON,               /**< one JSON array */
    KISS_FORMAT_NDJSON,             /**< a JSON object a line */
    KISS_FORMAT_CSV,                /**< a record for each SKU (RFC 4180) */
    KISS_FORMAT_CSV_BOM             /**< the same with a byte order mark, for spreadsheets */
} kiss_format;

/** What a cell of CSV is made of. */
typedef enum {
    KISS_CELL_VALUE,                /**< a member of the first row of the SKU */
    KISS_CELL_FIRST,                /**< of its first element; empty without one */
    KISS_CELL_REST,                 /**< of its other elements */
    KISS_CELL_ALL                   /**< of all of them */
} kiss_cell_pick;

/** A column of CSV. Columns are added at the end of a table only, and never removed or renamed. */
typedef struct kiss_csv_column {
    const char *name;               /**< in the header: letters, digits and `_` */
    const char *member;             /**< the member that it shows */
    kiss_cell_pick pick;            /**< of which rows */
    const char *array;              /**< the array whose elements these are; NULL: the rows of the SKU themselves */
    const char *separator;          /**< what joins them, where there are several */
    const char *comma;              /**< what replaces a comma in joined values; NULL: it remains */
    const char *with;               /**< a member that precedes it; or NULL */
    const char *joint;              /**< what is between the two */
} kiss_csv_column;

/**
 * One member of a body that is written. Its type and its rules are those of a column of the import, which is its
 * column in the table, too: what a cell of CSV may not be, a member may not be.
 */
typedef struct kiss_write_member {
    const char *name;               /**< JSON name */
    const char *csv;                /**< the column of the import's file */
} kiss_write_member;

/** Rows in an array of a body. */
typedef struct kiss_write_rows {
    const char *name;               /**< JSON name of the array */
    const char *file;               /**< the file of the import */
    const kiss_write_member *members;   /**< without the key of what they belong to; ended by an empty row */
} kiss_write_rows;

/** What is read and written as one JSON object. Statements, checks and the object itself are derived from this row. */
typedef struct kiss_writeset {
    const char *item;               /**< what it is called in messages, in the audit and in the OpenAPI document */
    const char *items;              /**< the array of several of them */
    const char *file;               /**< the file of the import */
    const kiss_write_member *members;   /**< the first ones are its key, which is in the path; ended by an empty row */
    int keys;                       /**< how many of them */
    unsigned rows_only : 1;         /**< it has no row of its own: it is its key with the rows of `nested` */
    unsigned upsert : 1;            /**< PUT creates one that is not there */
    const kiss_write_rows *nested;  /**< ended by an empty row */
    const char *owner;              /**< table that says which admin client it belongs to, by its key; NULL: nobody's */
} kiss_writeset;

/** Maximum of columns of a table that is written, and of arrays in a body. */
#define KISS_MAX_WRITE_COLUMNS 40
#define KISS_MAX_WRITE_KEYS 2
#define KISS_MAX_WRITE_ROWS 8

/** What an endpoint does. */
typedef enum {
    KISS_RUN_LIST,                  /**< all rows of `rows` in one JSON array */
    KISS_RUN_SCHEMA,                /**< the description of `rows` */
    KISS_RUN_TOKEN,                 /**< the OAuth 2.0 token endpoint */
    KISS_RUN_SERVER_METADATA,       /**< the metadata of the authorization server (RFC 8414) */
    KISS_RUN_RESOURCE_METADATA,     /**< the metadata of the protected resource (RFC 9728) */
    KISS_RUN_VERSION,               /**< the API's profile */
    KISS_RUN_HEALTH,                /**< liveness */
    KISS_RUN_PAGE,                  /**< one page of `pages` */
    KISS_RUN_RECORD,                /**< the row of `pages` whose key is in the path */
    KISS_RUN_ALLOCATE,              /**< stores a request to allocate a payment */
    KISS_RUN_OPENAPI,               /**< the OpenAPI document */
    KISS_RUN_WRITE,                 /**< reads, creates, replaces or removes the object of `write`, by its method */
    KISS_RUN_WRITE_LIST,            /**< a page of these objects */
    KISS_RUN_WRITE_BULK             /**< creates or changes many of them, which have no nested rows */
} kiss_run;

/** Who may call an endpoint. */
typedef enum {
    KISS_AUTH_PUBLIC,               /**< anyone; neither identified nor counted: the answer is made already */
    KISS_AUTH_NONE,                 /**< anyone; a valid token or key only determines who is counted */
    KISS_AUTH_CLIENT,               /**< client credentials in the request itself (RFC 6749 section 4.4) */
    KISS_AUTH_TOKEN,                /**< bearer token of a customer that is not disabled; the customer may have been
                                         deleted */
    KISS_AUTH_CUSTOMER,             /**< bearer token of a customer that exists and is not disabled */
    KISS_AUTH_KEY,                  /**< API key of one of the endpoint's `roles` */
    KISS_AUTH_ADMIN                 /**< bearer token of an admin client that exists and is not disabled; the endpoint is
                                         only there where KissAdmin is On */
} kiss_auth_need;

/** Methods of an endpoint; GET includes HEAD. */
enum { KISS_GET = 1, KISS_POST = 2, KISS_PUT = 4, KISS_DELETE = 8, KISS_PATCH = 16 };

/** One endpoint. */
typedef struct kiss_endpoint {
    const char *name;               /**< in the log note kiss-endpoint */
    int methods;                    /**< set of methods */
    const char *path;               /**< below the API's location, exact; a segment `:name` matches any segment, as the
                                         parameter `name`; `*name` any number of them, to the end; of these a second
                                         `*name` is the last part */
    kiss_auth_need auth;            /**< who may call it */
    kiss_run run;                   /**< what it does */
    const kiss_rowset *rows;        /**< the rows that it reads or describes */
    unsigned data;                  /**< KISS_DATA_ set that its answer depends on */
    kiss_format format;             /**< KISS_RUN_LIST: how they are written */
    const kiss_csv_column *csv;     /**< its columns as CSV; ended by an empty row */
    const char *variant_of;         /**< KISS_RUN_LIST: the path of the same list as JSON; NULL: this is it */
    const char *about;              /**< KISS_RUN_SCHEMA: the path that it describes */
    const kiss_pageset *pages;      /**< its page set */
    const kiss_param *params;       /**< its parameters other than Page and PageSize; ended by an empty row */
    unsigned roles;                 /**< KISS_AUTH_KEY: set of roles that may call it */
    const char *forbidden_unless;   /**< 403 unless this parameter names an account of the caller */
    const char *tag;                /**< its group in the OpenAPI document */
    const char *summary;            /**< a few words about it, there */
    const char *description;        /**< the rest: order of the rows, what is left out; CommonMark */
    const kiss_writeset *write;     /**< KISS_RUN_WRITE and the two after it: what it reads and writes */
} kiss_endpoint;

/** What a name means in the OpenAPI document. */
typedef struct kiss_word {
    const char *name;               /**< of a member; of a parameter after a "?"; "Item.Member" where it means something
                                         else in these rows, "endpoint?Parameter" likewise */
    const char *text;               /**< CommonMark */
} kiss_word;

/** What the OpenAPI document of an API says in words. */
typedef struct kiss_words {
    const char *title;              /**< of the API */
    const char *description;        /**< what applies to all endpoints; CommonMark */
    const char *admin_title;        /**< of its admin endpoints, where there are some */
    const char *admin_description;  /**< likewise */
    const kiss_word *tags;          /**< groups of endpoints, in the order in which they are shown; ended by an empty row */
    const kiss_word *words;         /**< names of members and parameters; ended by an empty row */
} kiss_words;

/** Maximum of tables that one table follows. */
#define KISS_MAX_FOLLOWED 2

/** A table that SQL of an API reads. */
typedef struct kiss_dataset {
    const char *table;              /**< its name; where pages are read that of its revision, too */
    const char *follows[KISS_MAX_FOLLOWED + 1]; /**< triggers derive it from these: it has their revisions; ended by NULL */
    unsigned data;                  /**< KISS_DATA_ sets whose revisions its changes raise: an endpoint with rows from it
                                         depends on one of them; 0: it has no rows of answers */
    unsigned unrevised : 1;         /**< its changes raise no revision: no answer may depend on it */
} kiss_dataset;

/** Authentication of the callers of an API. */
typedef enum {
    KISS_AUTH_JWT,                  /**< customers: a bearer token that this server has signed (RFC 6750, RFC 7519) */
    KISS_AUTH_APIKEY                /**< API keys with a role: the key itself, in the header `credential` */
} kiss_auth;

/** How the requests of a caller are counted. */
typedef enum {
    KISS_METER_FIXED_WINDOWS,       /**< by customer and by address: a minute and an hour that start with a request */
    KISS_METER_SLIDING_HOUR         /**< by API key: the hour before each request */
} kiss_meter;

/** Format of a request id that is generated here. */
typedef enum {
    KISS_ID_BASE64URL,              /**< 22 characters (RFC 4648 section 5) */
    KISS_ID_UUID                    /**< UUID of version 4 (RFC 9562) */
} kiss_id_form;

/** Text of an API for errors of a status, instead of their own. */
typedef struct kiss_sentence {
    int status;                     /**< HTTP status; 0 ends the list */
    const char *text;               /**< the sentence */
} kiss_sentence;

/** SQL that is not derived from a row set or a page set. */
typedef struct kiss_fixed_statement {
    int columns;                    /**< values in a row of its result; 0 where there is none */
    const char *text;               /**< each `?` is bound to one value; NULL: there is no such statement */
} kiss_fixed_statement;

/** One API. */
typedef struct kiss_api {
    const char *name;               /**< argument of KissApi, and the default of KissUseDatabase */
    const char *profile;            /**< version of the contract */
    unsigned schema_version;        /**< the schema version of the files in sql/ */
    kiss_auth auth;                 /**< how callers authenticate */
    const char *credential;         /**< request header that identifies callers: it is listed in Vary */
    kiss_meter meter;               /**< how requests are counted */
    kiss_id_form request_id;        /**< format of the request ids that are generated here */
    unsigned identify_first : 1;    /**< an unknown caller gets 401 for every path, not 404 for some */
    unsigned method_not_found : 1;  /**< a path with another method is 404, not 405 */
    const char *error_member;       /**< all errors are {"member":"sentence"}; NULL: each has the shape of core/error.h */
    const kiss_sentence *sentences; /**< texts where there is an `error_member`, or NULL */
    const kiss_endpoint *endpoints; /**< ended by an empty row; exact paths before those with `:name` */
    const kiss_words *words;        /**< what its OpenAPI document says in words */
    const kiss_dataset *datasets;   /**< the tables of its SQL, by name, at most 64; ended by an empty row */
    const kiss_fixed_statement *statements; /**< by the ids of lib/api/statements.h, of which each `auth` and `run` needs
                                                 its own */
} kiss_api;

#endif
