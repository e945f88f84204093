/* SPDX-License-Identifier: Apache-2.0 */
/**
 * db_check - whether each database is as it must be, found out once after each start and reload, and written into the
 * error log: reachable, schema, statements, number of connections.
 *
 * One child does it, in a thread of its own. Neither a start nor a reload waits for it, and a server starts without its
 * databases.
 */
#ifndef KISS_DB_CHECK_H
#define KISS_DB_CHECK_H

#include "core/kiss.h"

/** Makes what tells the children whether one of them has begun. In post_config. */
void kiss_db_check_prepare(server_rec *main_server, apr_pool_t *pconf);

/** Begins the check, if no other child of this generation has. In child_init, after the pools were made. */
void kiss_db_check_start(server_rec *main_server, apr_pool_t *pchild);

/** The child is about to end: the check is given up, and left to another child. Before kiss_db_pool_stop(). */
void kiss_db_check_stop(void);

#endif
