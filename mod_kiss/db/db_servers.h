/* SPDX-License-Identifier: Apache-2.0 */
/**
 * db_servers - the servers of a database, in their order of preference: which of them failed, and which one the next
 * connection goes to. What is known of them is shared by all children. Used by the units in db/; status/ reads it.
 */
#ifndef KISS_DB_SERVERS_H
#define KISS_DB_SERVERS_H

#include "core/config.h"

/** A set of servers of one database: bits by their indexes. */
typedef apr_uint32_t kiss_db_server_set;

#define KISS_DB_SERVER(i) ((kiss_db_server_set)1 << (i))

/**
 * Creates what the children share of all servers. In post_config.
 *
 * Where a connection was lost silently (a firewall dropped its state), the others to the same server are probably lost,
 * too: they are closed instead of used, so that only one request waits in vain.
 */
void kiss_db_servers_prepare(server_rec *main_server, apr_pool_t *pconf);

/**
 * The server for the next connection: the first one that works as far as is known, else the first one. A server that failed
 * is left alone until kiss_db_servers_works(), or for half a minute, when nobody asks it meanwhile.
 *
 * @param tried those that are out of the question
 * @return its index, or -1 when all are
 */
int kiss_db_servers_choose(const kiss_database_conf *conf, kiss_db_server_set tried);

/** 1 when a server that is preferred to this one works, or any where this one failed. */
int kiss_db_servers_is_better(const kiss_database_conf *conf, int server);

/** Records that a server failed. Does nothing where it is the only one. @return 1 when that was not known */
int kiss_db_servers_failed(const kiss_database_conf *conf, int server);

/**
 * Lets a server that failed count as failed for ten seconds, though connections to it succeed: it does not commit, which
 * they do not show. After that a request may find out whether it does again.
 */
void kiss_db_servers_hold(const kiss_database_conf *conf, int server);

/** Records that a server works. @return 1 when it was recorded as failed, and is not held */
int kiss_db_servers_works(const kiss_database_conf *conf, int server);

/** 1 when a server is recorded as failed. */
int kiss_db_servers_has_failed(const kiss_database_conf *conf, int server);

/** The number of connections to a server that were lost silently. */
apr_uint32_t kiss_db_servers_losses(const kiss_database_conf *conf, int server);

/** Counts one. */
void kiss_db_servers_note_loss(const kiss_database_conf *conf, int server);

/**
 * The newest revision of a database that any child has read since the last reload, in microseconds since 1970; 0: none. Of
 * several servers one that has only older ones lacks what was served: it is not used until it has caught up.
 */
apr_uint64_t kiss_db_servers_newest(const kiss_database_conf *conf);

/**
 * Notes a revision that was read. Thread-safe.
 *
 * @param before kiss_db_servers_newest() before it was asked for: an older revision takes its place, if nothing else has
 * @return 1; 0 when another one took the place of `before` meanwhile
 */
int kiss_db_servers_note_newest(const kiss_database_conf *conf, apr_uint64_t revision, apr_uint64_t before);

/** What is counted of a server since the last reload, for one database. */
typedef struct {
    apr_uint32_t connections;           /**< that the children have to it now */
    apr_uint32_t failures;              /**< how often it was recorded as failed: not every request that found it so */
} kiss_db_server_counts;

/** Counts a connection that was opened, or takes away one that was closed. Thread-safe. */
void kiss_db_servers_note_connection(const kiss_database_conf *conf, int server, int opened);

/** Reads the counts; zeros without shared memory. Thread-safe. */
kiss_db_server_counts kiss_db_servers_counts(const kiss_database_conf *conf, int server);

#endif
