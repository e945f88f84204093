/* SPDX-License-Identifier: Apache-2.0 */
/**
 * db_check - checks each database once after each start and reload, and logs what is wrong: connection, schema,
 * statements, maximum of connections.
 *
 * One child does it, in a thread of its own. Neither a start nor a reload waits for it, and a server starts without its
 * databases. Where a database has several servers, the thread stays: it asks each second those that failed whether they work
 * again, so that no request waits for one that does not.
 */
#ifndef KISS_DB_CHECK_H
#define KISS_DB_CHECK_H

#include "core/kiss.h"

/** Something else that is checked at that time, by a thread without a request. */
typedef void kiss_db_check_other(kiss_req *k);

/** From now on `check` is called after the databases were checked. Before kiss_db_check_start(). */
void kiss_db_check_also(kiss_db_check_other *check);

/** Creates the flag by which one child claims the check. In post_config. */
void kiss_db_check_prepare(server_rec *main_server, apr_pool_t *pconf);

/** Starts the check, if no other child of this generation has claimed it. In child_init, after the pools were created. */
void kiss_db_check_start(server_rec *main_server, apr_pool_t *pchild);

/** Called before the child ends: abandons the check and leaves it to another child. Before kiss_db_pool_stop(). */
void kiss_db_check_stop(void);

/**
 * Maximum of connections of all children. A child uses at most as many as it has worker threads, since a list's job
 * reads in place of the request that waits for it; one child has one more, for KissWarm and for the check after a start.
 *
 * @param children receives the number of children
 * @param each     receives the maximum of each
 * @param max      `max=` of KissDatabase
 */
int kiss_db_check_budget(int *children, int *each, int max);

#endif
