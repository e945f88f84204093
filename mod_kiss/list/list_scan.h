/* SPDX-License-Identifier: Apache-2.0 */
/**
 * list_scan - reads rows of a list in a transaction: ordered scans of its tables, merged by key, each row written as
 * JSON. All rows, those of a range of keys, or those of some keys: by the same row sets.
 *
 * Not thread-safe: a scan belongs to the thread that has the connection.
 */
#ifndef KISS_LIST_SCAN_H
#define KISS_LIST_SCAN_H

#include "db/db.h"
#include "lib/api/row_json.h"
#include "lib/file/merge_run.h"

/** The part of the list to read: all of it, a range, or some keys. */
typedef struct {
    kiss_sql_part part;
    const char *from;                   /**< its first key */
    const char *to;                     /**< the key after its last one */
    const kiss_value *keys;             /**< or its keys, in order, each NUL-terminated, where only these are read; else
                                             NULL */
    int count;                          /**< number of keys */
    const kiss_value *unsure;           /**< those of them that must be looked up in the semi-joins; the others are known
                                             to be in all of them. Consumed */
    int unsure_count;                   /**< number of these */
} kiss_list_range;

/** Scans that the rows are merged with, read before the rows themselves. */
typedef struct {
    kiss_merge_run *run[KISS_MAX_NESTED];   /**< created when they are first used */
    const kiss_statement *statement[KISS_MAX_NESTED];
    const kiss_row_json_writer *writer[KISS_MAX_NESTED];    /**< for the caller's terms; NULL where there are only keys */
    int count;
} kiss_list_merge_set;

/** Where the rows go. */
typedef struct {
    /** Before a row with this key. @param to receives the buffer that the row is appended to */
    kiss_db_status (*begin)(void *baton, const kiss_value *key, struct printbuf **to);
    /** After it. */
    kiss_db_status (*end)(void *baton);
} kiss_list_sink;

/** A list that is being read. */
typedef struct {
    kiss_req *k;                        /**< its `rows` are counted */
    kiss_db_conn *conn;
    const kiss_caller *caller;          /**< of the transaction's snapshot */
    const kiss_list_sink *sink;         /**< to be set before the first row */
    void *baton;                        /**< of the sink */
    kiss_list_range range;              /**< to be set before each run */
    apr_pool_t *pool;                   /**< lives as long as the scan */
    apr_pool_t *range_pool;             /**< for one run; to be cleared before the next */
    kiss_row_json_terms terms;
    kiss_list_merge_set semi_join;      /**< keys: a row must be in each of them */
    kiss_list_merge_set nested;         /**< rows of arrays by key */
    struct printbuf *arrays;            /**< nested rows of one row, as JSON */
    struct printbuf *key;               /**< the key of the rows being read */
    apr_size_t replaced;                /**< invalid UTF-8 bytes that were replaced */
} kiss_list_scan;

/** Prepares a scan on a connection, in a transaction with a consistent snapshot. @return APR_SUCCESS, APR_ENOMEM */
apr_status_t kiss_list_scan_begin(kiss_list_scan *scan, kiss_req *k, kiss_db_conn *conn, const kiss_caller *caller,
                                  apr_pool_t *p);

/** Reads the rows of scan->range. */
kiss_db_status kiss_list_scan_run(kiss_list_scan *scan, const kiss_rowset *rows);

/** The part of a row set for reading this number of keys. */
kiss_sql_part kiss_list_scan_part(int keys);

/**
 * The values of a statement: terms, then the keys of scan->range.
 *
 * @param args room for KISS_MAX_BOUND_KEYS
 * @return 0 when the caller lacks a term: then it may see no row
 */
int kiss_list_scan_bind(const kiss_list_scan *scan, const kiss_statement *s, const char **args);

/** Bytes of what the rows of the last run were merged with. */
apr_off_t kiss_list_scan_memory(const kiss_list_scan *scan);

/** Logs that the list cannot be written. @return KISS_DB_AWAY: the client may retry */
kiss_db_status kiss_list_scan_failed(const kiss_req *k, apr_status_t rv);

#endif
