/* SPDX-License-Identifier: Apache-2.0 */
/**
 * db - the database: transactions, prepared statements, unbuffered rows, on a connection that kiss_db_run() gives.
 *
 * Only the units in db/ use the client library, Connector/C.
 */
#ifndef KISS_DB_H
#define KISS_DB_H

#include "db/db_types.h"
#include "lib/api/statements.h"

/** An open result, read row by row. */
typedef struct kiss_db_cursor kiss_db_cursor;

/** Begins a read-only transaction with a consistent snapshot of the database. */
kiss_db_status kiss_db_begin(kiss_db_conn *conn);

/**
 * Notes that work goes on which is as long as its data, a list or a body of many rows: its deadline is twice `timeout=` from
 * now, at least.
 */
void kiss_db_goes_on(void);

/** Begins a transaction that may write. */
kiss_db_status kiss_db_begin_write(kiss_db_conn *conn);

/**
 * Commits a transaction. After an error, but for KISS_DB_AGAIN, it is unknown whether it was committed. One that has written
 * is not committed once less than half of `timeout=` is left for the request. Where there are several servers, one that
 * refuses the COMMIT of what was written is recorded as failed.
 */
kiss_db_status kiss_db_end(kiss_db_conn *conn);

/**
 * Lets the server open a table anew, of which it keeps a trigger for broken: outside of transactions, by an account that may
 * read the table and insert into it. Waits a second for those who use the table. Logs what came of it.
 */
kiss_db_status kiss_db_reopen(kiss_db_conn *conn, const char *table);

/** Rolls a transaction back. */
kiss_db_status kiss_db_rollback(kiss_db_conn *conn);

/** The AUTO_INCREMENT value of the row that the last statement inserted, as text in `p`. */
const char *kiss_db_insert_id(kiss_db_conn *conn, apr_pool_t *p);

/** 1 when the last KISS_DB_AGAIN of the connection was a key that another session has just taken, and no deadlock. */
int kiss_db_was_duplicate(const kiss_db_conn *conn);

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
 *            closes itself
 */
kiss_db_status kiss_db_next(kiss_db_cursor *cursor, const kiss_value **row);

/** Closes a cursor before its last row; the remaining rows are discarded. */
kiss_db_status kiss_db_close(kiss_db_cursor *cursor);

/**
 * Runs a statement of which one row at most is wanted; others are thrown away.
 *
 * @param row receives statement->columns values, valid as long as `p`; NULL when there is no row
 */
kiss_db_status kiss_db_row(const kiss_value **row, kiss_db_conn *conn, const kiss_statement *statement,
                           const char *const *args, apr_pool_t *p);

/**
 * Notes the revision of the database, as KISS_SQL_STATE delivers it, that was read in this work. Nothing that is older than
 * what was served before may be served where a database has several servers; of a single one it is a backup that was
 * restored, which is logged.
 *
 * @param state NUL-terminated
 * @return KISS_DB_OK; or KISS_DB_AWAY: the server lacks what was served, another one may have it
 */
kiss_db_status kiss_db_note_state(kiss_db_conn *conn, const char *state);

/** Runs a statement that returns no rows. */
kiss_db_status kiss_db_execute(kiss_db_conn *conn, const kiss_statement *statement, const char *const *args);

/**
 * Origin of the database: server (host and port, or socket) and name, as configured by KissDatabase, as a digest in
 * base64url. Part of the key of all that is stored outside of this child.
 */
const char *kiss_db_origin(const kiss_db *db);

/** The error that a client gets for a status other than KISS_DB_OK. */
const kiss_error *kiss_db_error(kiss_db_status status);

/** The request that uses a connection, for log messages. */
const kiss_req *kiss_db_request(const kiss_db_conn *conn);

#endif
