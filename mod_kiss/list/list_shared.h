/* SPDX-License-Identifier: Apache-2.0 */
/**
 * list_shared - results of statements that several lists have in common when they are built one after the other: after a
 * change, the rows of the log and of the changed SKUs are the same for all customers with this warehouse, or for all.
 *
 * A result is identified by all that it depends on: the statement, its values, and the revisions of the datasets that it
 * reads, in the snapshot in which it would be read. Only those of statements that read by keys are remembered, and of the
 * log.
 *
 * Not thread-safe: the lists are built one at a time (worker/cache_warmer.h). Where k->shared is NULL nothing is remembered.
 */
#ifndef KISS_LIST_SHARED_H
#define KISS_LIST_SHARED_H

#include "db/db.h"

/** Maximum of bytes that are remembered; what exceeds it is read again. */
#define KISS_LIST_SHARED_MAX (32 * 1024 * 1024)

/** Creates an empty one with a pool of its own; it ends with `p`. @return APR_SUCCESS, or APR_ENOMEM */
apr_status_t kiss_list_shared_create(kiss_list_shared **shared, apr_pool_t *p);

/** Ends it, before `p` does. */
void kiss_list_shared_destroy(kiss_list_shared *shared);

/** A result that is read. Its members are private. */
typedef struct {
    kiss_db_cursor *cursor;             /* NULL: it is remembered */
    int columns;
    kiss_list_shared *shared;           /* NULL: it is not to be remembered */
    const char *key;
    apr_uint64_t from;                  /* of the log: the revision after which it is read; else 0 */
    apr_array_header_t *read;           /* of kiss_value: the rows that were read so far, to be remembered */
    const apr_array_header_t *cells;    /* of kiss_value: the rows that are remembered */
    int at;                             /* number of cells that were returned */
} kiss_list_rows;

/**
 * Runs a statement, or finds its result. Of the log it may be a longer one, that starts after an earlier revision: its rows
 * are the newest first, and the additional ones are at the end.
 *
 * @param rows   receives it
 * @param caller the record of the transaction's snapshot
 * @param args   as of kiss_db_select()
 * @param p      lives as long as `rows` is used
 */
kiss_db_status kiss_list_shared_select(kiss_list_rows *rows, kiss_db_conn *conn, const kiss_req *k,
                                       const kiss_caller *caller, const kiss_statement *statement, const char *const *args,
                                       apr_pool_t *p);

/** The next row, as kiss_db_next(). */
kiss_db_status kiss_list_shared_next(kiss_list_rows *rows, const kiss_value **row);

/** Ends it before its last row, as kiss_db_close(). */
kiss_db_status kiss_list_shared_close(kiss_list_rows *rows);

#endif
