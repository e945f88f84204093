/* SPDX-License-Identifier: Apache-2.0 */
/**
 * db_deadline - how long a request waits for the database in all: each wait of it, for a connection, a connect, an answer, a
 * retry or another request that reads for it, ends at one deadline.
 *
 * Each of those waits has a bound of its own; a request has many of them, and a server that answers late each time, or one
 * after another that does not answer, would make a request as long as their sum.
 */
#ifndef KISS_DB_DEADLINE_H
#define KISS_DB_DEADLINE_H

#include <mariadb/mysql.h>

#include "core/config.h"

/** The deadline of the work that a thread does, on its stack. */
typedef struct kiss_db_deadline {
    apr_int64_t end;                    /**< by kiss_clock_now() */
    apr_interval_time_t span;           /**< what a request has in all */
    apr_interval_time_t after_progress; /**< what it has at least after each progress */
    int progress;                       /**< 1: there was some since the deadline was looked at last */
    struct kiss_db_deadline *outer;     /**< that of the work that this one is a part of, or NULL */
} kiss_db_deadline;

/**
 * What is left for a request: `wait=` and twice `timeout=` of KissDatabase, less what it has waited so far. Work without a
 * request (k->stop) has all of it each time.
 *
 * @return microseconds; 0 or less: nothing
 */
apr_interval_time_t kiss_db_deadline_rest(const kiss_req *k, const kiss_database_conf *conf);

/** Begins to count: the work that this thread does from now on has what is left for the request. */
void kiss_db_deadline_begin(kiss_db_deadline *d, const kiss_req *k, const kiss_database_conf *conf);

/** Ends that, and takes the time from what is left for the request. */
void kiss_db_deadline_end(kiss_db_deadline *d, kiss_req *k);

/** What is left for the work of this thread, in microseconds; 0: nothing; the longest time where nobody waits for it. */
apr_interval_time_t kiss_db_deadline_left(void);

/**
 * Notes that the work of this thread goes on: it has twice `timeout=` from now on, at least. For work that is as long as its
 * data: the rows of a list, the parts of a body of many rows.
 */
void kiss_db_deadline_progress(void);

/**
 * The client library's wait for a socket (MARIADB_OPT_IO_WAIT), which ends at the deadline.
 *
 * @param timeout of the library, milliseconds; negative: none
 * @return as poll(); 0 with ETIMEDOUT when the time is over
 */
int kiss_db_deadline_wait(my_socket fd, my_bool is_read, int timeout);

/**
 * Before a statement: lets each read and write on the socket of a connection over TLS, where the library does not come to
 * kiss_db_deadline_wait(), take no longer than what is left.
 *
 * @param timeout   `timeout=` of KissDatabase
 * @param shortened 1 while the socket has less than `timeout`; updated
 */
void kiss_db_deadline_shorten(my_socket fd, apr_interval_time_t timeout, int *shortened);

#endif
