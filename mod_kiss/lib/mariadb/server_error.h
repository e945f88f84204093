/* SPDX-License-Identifier: Apache-2.0 */
/**
 * server_error - what an error of MariaDB or of its client library means, and what to do about it: the one table of
 * their numbers, for the module and for kissctl. Pure.
 */
#ifndef KISS_SERVER_ERROR_H
#define KISS_SERVER_ERROR_H

#include <apr_pools.h>

/** What an error means for whoever asked. */
typedef enum {
    KISS_SERVER_OURS = 0,       /**< statement, schema or rights do not fit: asking again does not help */
    KISS_SERVER_LOST,           /**< this connection is gone; another one may do */
    KISS_SERVER_AWAY,           /**< the server cannot do it now, over whatever connection */
    KISS_SERVER_BUSY,           /**< the server, or the account, is at a limit */
    KISS_SERVER_AGAIN           /**< another transaction was in the way: roll back and do all of it again */
} kiss_server_kind;

/** What an error number means. What is not in the table is ours; 0, an error that is not the server's, too. */
kiss_server_kind kiss_server_error_kind(unsigned int code);

/**
 * What to do about an error.
 *
 * @param api the API that its database is for: customer, kss
 * @return a sentence or two, in `p` if need be; "" when there is no advice
 */
const char *kiss_server_error_advice(unsigned int code, const char *api, apr_pool_t *p);

#endif
