/* SPDX-License-Identifier: Apache-2.0 */
/**
 * server_error - the kind of an error of MariaDB or of its client library, and advice what to do: the one table of
 * error numbers, for the module and for kissctl. Pure.
 */
#ifndef KISS_SERVER_ERROR_H
#define KISS_SERVER_ERROR_H

#include <apr_pools.h>

/** Kind of an error: what the caller can do. */
typedef enum {
    KISS_SERVER_OURS = 0,       /**< statement, schema or rights are wrong: a retry does not help */
    KISS_SERVER_LOST,           /**< this connection is lost; another one may work */
    KISS_SERVER_AWAY,           /**< the server cannot do it now, over any connection */
    KISS_SERVER_BUSY,           /**< the server, or the account, is at a limit */
    KISS_SERVER_AGAIN           /**< conflict with another transaction: roll back and retry all of it */
} kiss_server_kind;

/**
 * The kind of an error number. Numbers that are not in the table are KISS_SERVER_OURS; so is 0, an error that is not
 * the server's.
 */
kiss_server_kind kiss_server_error_kind(unsigned int code);

/**
 * 1 for the error of a right statement on a table of which the server keeps a trigger for broken, because a connection was
 * killed while it opened the table (findings/mariadb-killed-reader.sh).
 *
 * @param text the server's
 */
int kiss_server_error_is_broken_trigger(unsigned int code, const char *text);

/**
 * The statement that lets the server open a table anew. InnoDB has nothing to repair: all that is done is to close the
 * table. It needs SELECT and INSERT, where FLUSH TABLES needs RELOAD; is not replicated; commits; waits a second for those
 * who use the table; and answers with rows: where the third column is "Error", the fourth has the reason.
 *
 * @return it, in `p`
 */
const char *kiss_server_error_open_anew(const char *table, apr_pool_t *p);

/**
 * Advice what to do about an error.
 *
 * @param api the API of its database: customer, kss
 * @return a sentence or two, in `p` or static; "" when there is no advice
 */
const char *kiss_server_error_advice(unsigned int code, const char *api, apr_pool_t *p);

#endif
