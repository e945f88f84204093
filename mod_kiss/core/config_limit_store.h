/* SPDX-License-Identifier: Apache-2.0 */
/** config_limit_store - the arguments of KissLimitStore. */
#ifndef KISS_CONFIG_LIMIT_STORE_H
#define KISS_CONFIG_LIMIT_STORE_H

#include "core/config.h"

/** A Redis server in which several hosts count the requests of each caller together. */
struct kiss_limit_store {
    const char *host;                   /**< its host, or NULL with a socket */
    int port;                           /**< its port */
    const char *socket;                 /**< path of its socket, or NULL */
    int database;                       /**< number of the database that is selected */
    const char *user;                   /**< account (ACL), or NULL */
    const char *password;               /**< or NULL; must never be logged */
    int secure;                         /**< 1: rediss:// */
    const char *ca;                     /**< certificates of those who may have signed the server's; NULL: the system's */
    const char *cert;                   /**< certificate that the server is shown, with its chain; or NULL */
    const char *key;                    /**< its key */
    struct ssl_ctx_st *tls;             /**< what TLS is begun with, where `secure`; else NULL */
    apr_interval_time_t timeout;        /**< how long a request waits for it: for the connection, and for each answer */
    const char *address;                /**< host and port, or socket, for messages */
};

/**
 * Reads the arguments: redis://HOST[:PORT][/DATABASE], rediss:// or unix:PATH, then key=value; and the files that they name.
 *
 * @param store is filled; its members are in `p`
 * @return NULL, or an error text
 */
const char *kiss_config_limit_store_read(kiss_limit_store *store, const char *args, apr_pool_t *p);

#endif
