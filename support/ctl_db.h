/* SPDX-License-Identifier: Apache-2.0 */
/**
 * ctl_db - the connection of kissctl, and statements with bound values.
 *
 * Every function that fails has written to standard error what happened and what to do. Values are always bound, never
 * pasted into SQL. Single-threaded, but for ctl_db_kill().
 */
#ifndef CTL_DB_H
#define CTL_DB_H

#include <apr_tables.h>

#include "ctl.h"

/** Connects by the option group of the verb: UTF-8, UTC, strict, no reconnect. @return CTL_OK or CTL_FAILED */
int ctl_db_open(ctl *c);

/**
 * Connects as administrator of the server on this host: by group [client] of the file `admin`, or, NULL, over the default
 * socket as the user that runs this. No database is chosen. @return CTL_OK or CTL_FAILED
 */
int ctl_db_open_admin(ctl *c, const char *admin);

/** Ends the connection, if there is one; another can be opened. */
void ctl_db_close(ctl *c);

/** A second connection of the same kind, or NULL; writes no message. May be called from another thread. */
MYSQL *ctl_db_connect(const ctl *c);

/** Runs SQL without values and without result. @return CTL_OK or CTL_FAILED */
int ctl_db_exec(ctl *c, const char *sql);

/** Runs SQL with `n` values (const char *, NULL is NULL). `affected` may be NULL. @return CTL_OK or CTL_FAILED */
int ctl_db_run(ctl *c, apr_uint64_t *affected, const char *sql, int n, ...);

/**
 * Runs a SELECT with `n` values (const char *) and keeps all rows: for small results.
 *
 * @param rows receives an array of const char **, one text or NULL a column, in `p`
 * @return CTL_OK or CTL_FAILED
 */
int ctl_db_rows(ctl *c, apr_array_header_t **rows, apr_pool_t *p, const char *sql, int n, ...);

/** One value of one row, or NULL when there is none. As ctl_db_rows() otherwise. */
int ctl_db_value(ctl *c, const char **value, const char *sql, int n, ...);

/** Raises the revision of a dataset and scope (two values), or inserts its row: both by the clock, as the triggers do. */
#define CTL_DB_RAISE "INSERT INTO revision (dataset, scope) VALUES (?, ?)" \
    " ON DUPLICATE KEY UPDATE n = GREATEST(n + 1, VALUES(n))"

/** One row as texts. */
#define CTL_ROW(rows, i) APR_ARRAY_IDX((rows), (i), const char **)

/** Writes the last error of the connection with the advice for it. @return CTL_FAILED */
int ctl_db_error(const ctl *c, const char *what);

/** The same for a statement. @return CTL_FAILED */
int ctl_db_stmt_error(const ctl *c, MYSQL_STMT *stmt, const char *what);

/** Why a statement failed that may succeed when all is done again. */
typedef enum { CTL_DB_NO_CONFLICT, CTL_DB_CONFLICT, CTL_DB_BROKEN_TRIGGER } ctl_db_conflict;

/**
 * From now on, no conflict so far. `keep`: a statement that fails because its transaction has met another one (a deadlock,
 * a row that has changed since), or because the server keeps a trigger for broken, fails without a message: the caller does
 * all of it again.
 */
void ctl_db_keep_conflicts(int keep);

/** The conflict that was kept since then. */
ctl_db_conflict ctl_db_met_conflict(void);

/**
 * Lets the server open all tables anew that have triggers: after CTL_DB_BROKEN_TRIGGER, outside of a transaction. One that
 * others use stays as it is.
 *
 * @return CTL_OK or CTL_FAILED
 */
int ctl_db_open_anew(ctl *c);

/**
 * Seconds for which the server waits for a kissctl that has locks. Between two statements of its transaction an import of
 * 30,000 products takes 0.04 s, before it, where a file of 37 MB is compared, 1.2 s. Who finds a lock taken waits a minute.
 */
#define CTL_DB_SILENCE 20

/**
 * Takes the lock `name` of this database, waiting up to `seconds` when it is held. From now on the server ends the session,
 * and with it all locks and what was not committed, when it hears nothing of kissctl for CTL_DB_SILENCE.
 *
 * @return CTL_OK or CTL_FAILED
 */
int ctl_db_lock(ctl *c, const char *name, int seconds);

/** Begins a transaction that locks rows: for no longer than ctl_db_lock() says. @return CTL_OK or CTL_FAILED */
int ctl_db_begin(ctl *c);

/** From now on the server waits for `seconds`. @return CTL_OK or CTL_FAILED */
int ctl_db_wait_for_me(ctl *c, int seconds);

/** Tells the server, now and then, that kissctl is at work on something else. Not while a result is read. */
void ctl_db_alive(ctl *c);

/** 1 when the statement that failed last was not sent, because the session was over: what was not committed is undone. */
int ctl_db_was_over(const ctl *c);

#endif
