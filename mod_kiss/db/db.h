/* SPDX-License-Identifier: Apache-2.0 */
/**
 * db - the database: a bounded pool of connections in each child, prepared statements, unbuffered rows.
 *
 * Only db/db.c and the kiss_db_ units beside it know the client library, Connector/C. A connection belongs to one thread
 * from kiss_db_run()'s call to its return, which is never while a client reads.
 */
#ifndef KISS_DB_H
#define KISS_DB_H

#include "db/db_types.h"
#include "lib/api/statements.h"

/** Rows on their way. */
typedef struct kiss_db_cursor kiss_db_cursor;

/** Work on a connection. May be called a second time on a new connection when the first was found dead. */
typedef kiss_db_status (*kiss_db_work)(kiss_db_conn *conn, void *baton);

/**
 * Takes a connection, does the work, returns the connection.
 *
 * Waits for a free one no longer than `wait=` of KissDatabase; connecting is bounded by `connect=`, each read by `timeout=`.
 * If an idle connection turns out to be dead, the work is done again on a new one, once. After a failure the connection is
 * closed, so nothing of it is met again. Adds the time to k->db_time.
 */
kiss_db_status kiss_db_run(kiss_req *k, kiss_db_work work, void *baton);

/** Begins a read-only transaction that sees one moment of the database. */
kiss_db_status kiss_db_begin(kiss_db_conn *conn);

/** Begins a transaction that may write. */
kiss_db_status kiss_db_begin_write(kiss_db_conn *conn);

/** Ends a transaction. After KISS_DB_AWAY it is not known whether what it wrote is there. */
kiss_db_status kiss_db_end(kiss_db_conn *conn);

/** Ends a transaction and takes back what it wrote. */
kiss_db_status kiss_db_rollback(kiss_db_conn *conn);

/** The number that the last statement gave to the row that it inserted, as text in `p`. */
const char *kiss_db_insert_id(kiss_db_conn *conn, apr_pool_t *p);

/**
 * Runs a statement that returns rows. Only one cursor can be open on a connection.
 *
 * @param args   statement->bound values, each NUL-terminated
 * @param cursor receives the cursor; it and its buffers live in `p`
 */
kiss_db_status kiss_db_select(kiss_db_cursor **cursor, kiss_db_conn *conn, const kiss_statement *statement,
                              const char *const *args, apr_pool_t *p);

/**
 * Fetches the next row.
 *
 * @param row receives statement->columns values, valid until the next call; NULL after the last row, when the cursor
 *            is closed by itself
 */
kiss_db_status kiss_db_next(kiss_db_cursor *cursor, const kiss_value **row);

/** Closes a cursor before its last row; what was not fetched is thrown away. */
kiss_db_status kiss_db_close(kiss_db_cursor *cursor);

/**
 * Runs a statement of which one row at most is wanted; others are thrown away.
 *
 * @param row receives statement->columns values, valid as long as `p`; NULL when there is no row
 */
kiss_db_status kiss_db_row(const kiss_value **row, kiss_db_conn *conn, const kiss_statement *statement,
                           const char *const *args, apr_pool_t *p);

/** Runs a statement that returns no rows. */
kiss_db_status kiss_db_execute(kiss_db_conn *conn, const kiss_statement *statement, const char *const *args);

/**
 * Where the database is, as a digest in base64url: server (host and port, or socket) and name, as KissDatabase gives them.
 * Part of the name of everything that is kept outside of this child.
 */
const char *kiss_db_origin(const kiss_db *db);

/** What a client is told of a status other than KISS_DB_OK. */
const kiss_error *kiss_db_error(kiss_db_status status);

/** The request that a connection is working for, for log messages. */
const kiss_req *kiss_db_request(const kiss_db_conn *conn);

#endif
