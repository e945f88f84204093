/* SPDX-License-Identifier: Apache-2.0 */
/** db_pool - connections: made, checked, kept, bounded. Only db/db.c and db/db_check.c use them. */
#ifndef KISS_DB_POOL_H
#define KISS_DB_POOL_H

#include <mariadb/mysql.h>

#include "core/config.h"
#include "db/db_types.h"
#include "lib/mariadb/socket_shutdown.h"

/** Most statements that one connection keeps; the one that was not used for longest makes room for a new one. */
#define KISS_DB_STATEMENTS 64

/** A statement prepared on a connection. */
typedef struct {
    apr_pool_t *pool;                               /**< lives as long as the statement; NULL: the place is free */
    const char *text;                               /**< its SQL */
    apr_size_t len;                                 /**< length of the text */
    MYSQL_STMT *stmt;                               /**< its handle */
    apr_uint64_t used;                              /**< the connection's count when it was last used */
} kiss_db_prepared;

/** A place for a connection; it may be empty. */
struct kiss_db_conn {
    kiss_db *db;                                    /**< the pool that it belongs to */
    apr_pool_t *pool;                               /**< lives as long as the place; has its own allocator */
    apr_pool_t *session;                            /**< lives as long as the connection */
    MYSQL *mysql;                                   /**< Connector/C's handle; NULL when not connected */
    kiss_db_prepared prepared[KISS_DB_STATEMENTS];  /**< statements of this connection */
    apr_uint64_t uses;                              /**< how often one was used */
    apr_uint32_t trust;                             /**< conf->losses when it was last known to work */
    int lost;                                       /**< it failed because it is gone: another one may do */
    kiss_socket_shutdown *cut;                                  /**< its socket, which the child's end may shut down */
    const kiss_req *k;                              /**< the request that uses it now */
};

/**
 * Makes what the children tell each other about the servers of all databases. In post_config.
 *
 * Where a connection was lost without a word (a firewall has forgotten it), the others to the same server are hardly better:
 * they are closed instead of used, so that only one request waits in vain.
 */
void kiss_db_pool_prepare(server_rec *main_server, apr_pool_t *pconf);

/** How often that has happened at the server of a connection. */
apr_uint32_t kiss_db_pool_losses(const kiss_db_conn *conn);

/** It has happened. */
void kiss_db_pool_note_loss(const kiss_db_conn *conn);

/**
 * Makes the pool of a database in a child process. Connects to nothing.
 *
 * @param p lives as long as the child
 */
apr_status_t kiss_db_pool_create(kiss_db **db, const kiss_database_conf *conf, apr_pool_t *p);

/** Takes a place, waiting at most conf->wait. @return KISS_DB_OK, or KISS_DB_BUSY */
kiss_db_status kiss_db_pool_take(kiss_db_conn **conn, kiss_db *db, const kiss_req *k);

/** Gives a place back. */
void kiss_db_pool_give(kiss_db_conn *conn);

/** Connects the place and checks the session. Logs what is wrong, at most every ten seconds. */
kiss_db_status kiss_db_pool_connect(kiss_db_conn *conn, unsigned schema_version);

/** Closes the connection in order: nothing is being read from it. The place stays. */
void kiss_db_pool_disconnect(kiss_db_conn *conn);

/**
 * Gives the connection up, whatever is being read from it. Its socket is shut down first: to close a statement in order, the
 * client library reads what is left of a result, and would wait for a server that says nothing.
 */
void kiss_db_pool_abandon(kiss_db_conn *conn);

/** 1 when the child is to end and what `k` wants is not needed any more. */
int kiss_db_pool_ends(const kiss_req *k);

/**
 * One place beside the pool, for the check at start: it takes no connection from requests. In k->pool, with which it does
 * not end by itself; only one can be connected at a time.
 */
kiss_db_conn *kiss_db_pool_extra(kiss_db *db, const kiss_req *k);

/** 1 when trouble with this database may be logged now: at most every ten seconds in each child. */
int kiss_db_pool_may_log(kiss_db_conn *conn);

/**
 * The child is to end: reads for nobody (k->stop) are given up, and with `all` set those of requests as well. Whoever waits
 * for the server gets KISS_DB_AWAY at once. Also from within a signal handler, after k->stop was set.
 */
void kiss_db_pool_stop(int all);

/** Where a database is, as kiss_db_origin() gives it. */
const char *kiss_db_pool_origin(const kiss_db *db);

/** The database of a connection. */
const kiss_database_conf *kiss_db_pool_conf(const kiss_db_conn *conn);

#endif
