/* SPDX-License-Identifier: Apache-2.0 */
/**
 * db_run - does the work of requests on connections of the pool, bounded in time, and again where that may help.
 *
 * A connection belongs to one thread from the call of kiss_db_run() to its return, and is never held while a client reads.
 */
#ifndef KISS_DB_RUN_H
#define KISS_DB_RUN_H

#include "db/db_types.h"

/** Work on a connection. Called again, on a new connection, when one was found dead or could not serve. */
typedef kiss_db_status (*kiss_db_work)(kiss_db_conn *conn, void *baton);

/**
 * Acquires a connection, does the work, releases the connection.
 *
 * Waits for a free one no longer than `wait=` of KissDatabase; connecting is bounded by `connect=`, each read by `timeout=`,
 * and all of it, with what the request has waited before, by `wait=` and twice `timeout=` (db/db_deadline.h).
 * If an idle connection turns out to be dead, or there is another server where this one cannot serve, the work is done
 * again on a new one: once where connections are lost, by each server where they refuse. After a failure the connection is
 * closed, so that none of its state is reused. Adds the time to k->db_time.
 */
kiss_db_status kiss_db_run(kiss_req *k, kiss_db_work work, void *baton);

#endif
