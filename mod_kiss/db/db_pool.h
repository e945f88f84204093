/* SPDX-License-Identifier: Apache-2.0 */
/** db_pool - a bounded pool of connections in each child. Used by db/db.c and db/db_check.c only. */
#ifndef KISS_DB_POOL_H
#define KISS_DB_POOL_H

#include <mariadb/mysql.h>

#include "core/config.h"
#include "db/db_servers.h"
#include "db/db_types.h"
#include "lib/mariadb/socket_shutdown.h"

/** Maximum of prepared statements of one connection; the least recently used one is replaced. */
#define KISS_DB_STATEMENTS 64

/** A statement prepared on a connection. */
typedef struct {
    apr_pool_t *pool;                               /**< lives as long as the statement; NULL: the slot is free */
    const char *text;                               /**< its SQL */
    apr_size_t len;                                 /**< length of the text */
    MYSQL_STMT *stmt;                               /**< its handle */
    apr_uint64_t used;                              /**< value of conn->uses at its last use */
} kiss_db_prepared;

/** A slot for a connection; it may be empty. */
struct kiss_db_conn {
    kiss_db *db;                                    /**< the pool that it belongs to */
    apr_pool_t *pool;                               /**< lives as long as the slot; has its own allocator */
    apr_pool_t *session;                            /**< lives as long as the connection */
    MYSQL *mysql;                                   /**< Connector/C's handle; NULL when not connected */
    kiss_db_prepared prepared[KISS_DB_STATEMENTS];  /**< statements of this connection */
    apr_uint64_t uses;                              /**< number of uses of statements: the clock of the LRU */
    int server;                                     /**< index of its server, also after it was closed */
    apr_uint64_t newest;                            /**< kiss_db_servers_newest() before the work began */
    apr_uint32_t trust;                             /**< kiss_db_servers_losses() when it last worked */
    int tls;                                        /**< it is encrypted */
    int shortened;                                  /**< its socket has less time than `timeout=` (db_deadline) */
    int writing;                                    /**< between kiss_db_begin_write() and what ends it */
    int impatient;                                  /**< the server ends a transaction of it that is silent */
    int lost;                                       /**< it failed because the connection was lost: a new one may work */
    int duplicate;                                  /**< a statement failed because its key was taken */
    int away;                                       /**< it failed because the server cannot serve: another one may */
    const char *broken;                             /**< it failed because the server keeps a trigger of this table for
                                                         broken: opened anew it may work */
    int reopened;                                   /**< 1: a table was opened anew for this work */
    int gone;                                       /**< it failed by the server, or on the way to it */
    kiss_socket_shutdown *socket;                   /**< its socket, which is shut down when the child ends */
    const kiss_req *k;                              /**< the request that uses it now */
};

/**
 * Creates the pool of a database in a child process. Does not connect.
 *
 * @param p lives as long as the child
 */
apr_status_t kiss_db_pool_create(kiss_db **db, const kiss_database_conf *conf, apr_pool_t *p);

/** Acquires a slot, waiting at most conf->wait. @return KISS_DB_OK, or KISS_DB_BUSY */
kiss_db_status kiss_db_pool_acquire(kiss_db_conn **conn, kiss_db *db, const kiss_req *k);

/** Releases a slot. */
void kiss_db_pool_release(kiss_db_conn *conn);

/**
 * Connects the slot to the first server that works, and checks the session. Logs errors, at most every ten seconds. Ends at
 * the deadline of the thread's work (db_deadline).
 *
 * @param tried servers that are not asked
 */
kiss_db_status kiss_db_pool_connect(kiss_db_conn *conn, unsigned schema_version, kiss_db_server_set tried);

/** The same with this server only. */
kiss_db_status kiss_db_pool_connect_to(kiss_db_conn *conn, int server, unsigned schema_version);

/**
 * Records that the server of a connection failed, and logs it where that was not known.
 *
 * @param what the server did, for the message
 */
void kiss_db_pool_failed(kiss_db_conn *conn, const char *what);

/**
 * Records that the server of a connection has refused a COMMIT, where another one may do it: it serves nobody for the next
 * ten seconds. Sets conn->away.
 */
void kiss_db_pool_does_not_commit(kiss_db_conn *conn);

/** Closes the connection in order: nothing is being read from it. The slot stays. */
void kiss_db_pool_disconnect(kiss_db_conn *conn);

/**
 * Closes the connection, even while a result is being read. Its socket is shut down first: to close a statement in
 * order, the client library reads the rest of a result, and would wait for a server that does not respond.
 */
void kiss_db_pool_abandon(kiss_db_conn *conn);

/** 1 when the child is ending, or `k` was stopped, so that the result is not needed any more. */
int kiss_db_pool_ends(const kiss_req *k);

/**
 * One slot outside the pool, for the check after the start: it takes no connection away from requests. In k->pool,
 * whose end does not close it; only one can be connected at a time.
 */
kiss_db_conn *kiss_db_pool_extra(kiss_db *db, const kiss_req *k);

/** 1 when an error of this database may be logged now: at most every ten seconds in each child. */
int kiss_db_pool_may_log(kiss_db_conn *conn);

/**
 * Called before the child ends: aborts reads without a request (k->stop), and with `all` set those of requests as well.
 * Threads that wait for the server get KISS_DB_AWAY at once. May be called from within a signal handler, after k->stop
 * was set.
 */
void kiss_db_pool_stop(int all);

/** The same as kiss_db_origin(). */
const char *kiss_db_pool_origin(const kiss_db *db);

/** The database of a connection. */
const kiss_database_conf *kiss_db_pool_conf(const kiss_db_conn *conn);

/** The database of a pool. */
const kiss_database_conf *kiss_db_pool_database(const kiss_db *db);

/** Before a statement: whether there is time left for it, by the deadline of the thread's work (db_deadline). */
int kiss_db_pool_has_time(kiss_db_conn *conn);

/**
 * Logs that a request has waited for the database for as long as it may: at most every ten seconds in each child.
 *
 * @param what it waited for last, or could not begin any more
 */
void kiss_db_pool_late(kiss_db *db, const kiss_req *k, const char *what);

#endif
