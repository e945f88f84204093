/* SPDX-License-Identifier: Apache-2.0 */
/**
 * session - the session variables that every connection sets, independent of the server's defaults: one list for module
 * and kissctl.
 *
 * Each of these variables has a global value that an administrator may have set, and that would change an answer,
 * refuse a statement or bypass a check: concatenated texts cut (group_concat_max_len), rows left out
 * (sql_select_limit), joins and updates refused (sql_big_selects, sql_safe_updates), other times (time_zone), quotients
 * of fewer digits (div_precision_increment), rows without their parents (foreign_key_checks, unique_checks).
 */
#ifndef KISS_SESSION_H
#define KISS_SESSION_H

/** One statement that sets them; no right is needed for it. */
#define KISS_SESSION_SQL \
    "SET SESSION sql_mode = 'STRICT_ALL_TABLES,ERROR_FOR_DIVISION_BY_ZERO,NO_ZERO_DATE,NO_ZERO_IN_DATE," \
    "NO_ENGINE_SUBSTITUTION', time_zone = '+00:00', autocommit = 1, group_concat_max_len = 67108864," \
    " sql_select_limit = 18446744073709551615, sql_big_selects = 1, sql_safe_updates = 0, sql_auto_is_null = 0," \
    " div_precision_increment = 4, foreign_key_checks = 1, unique_checks = 1"

/**
 * Isolation and access: their variables have different names in different servers; this statement works in all of them.
 */
#define KISS_SESSION_TRANSACTION "SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ WRITE"

/**
 * Unknown to older servers, which refuse it with error 1193 and do not need it. With ON, the default of newer servers,
 * a transaction fails when another one has changed its rows since its first read.
 */
#define KISS_SESSION_ISOLATION "SET SESSION innodb_snapshot_isolation = OFF"

/**
 * At a node of a Galera cluster each statement waits until the node has applied what the others had committed before it:
 * for a program that reads and then writes. A node that is cut off from the others does not answer. Unknown to servers
 * without Galera, as above.
 */
#define KISS_SESSION_CAUSAL "SET SESSION wsrep_dirty_reads = OFF, wsrep_sync_wait = IF(@@wsrep_on, 15, 0)"

#endif
