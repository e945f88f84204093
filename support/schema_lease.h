/* SPDX-License-Identifier: Apache-2.0 */
/**
 * schema_lease - keeps changes of the schema apart that are started at two nodes of a cluster, where the lock of a server
 * does not reach. Single-threaded.
 *
 * At two nodes at once the same CREATE OR REPLACE TRIGGER stops both of them, and with them the cluster (MariaDB 10.11
 * with Galera 26.4): the session that waits for its turn holds the lock of the trigger's name, for which the other one's
 * statement waits as it is applied.
 */
#ifndef SCHEMA_LEASE_H
#define SCHEMA_LEASE_H

#include "schema_files.h"

/**
 * Takes the lease: a row of schema_migration with version 0 that names this node. On a server that is no node of a
 * cluster it does nothing. One that this node has left is taken over: the caller holds the lock of the server
 * (ctl_db_lock), so that whoever had it is gone.
 *
 * @param first the first file of the schema, which has the table
 * @return CTL_OK, or CTL_FAILED after a message: another node has it
 */
int schema_lease_take(ctl *c, const schema_file *first);

/** Gives it back, if it was taken. What fails here leaves a row that the next one at this node takes over. */
void schema_lease_end(ctl *c);

#endif
