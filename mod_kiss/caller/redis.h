/* SPDX-License-Identifier: Apache-2.0 */
/**
 * redis - a connection to a Redis server: opened, verified and logged in; what is sent and received, each within a time.
 *
 * The protocol is hiredis', the socket is not: its older versions know neither TLS nor a time for the whole of an answer.
 */
#ifndef KISS_REDIS_H
#define KISS_REDIS_H

#include <hiredis/hiredis.h>

#include "core/config_limit_store.h"

/** A connection of one thread at a time. All zero: none; no descriptor is 0 in a child of httpd. */
typedef struct {
    int fd;                             /**< its socket */
    struct ssl_st *ssl;                 /**< TLS on it; or NULL */
    redisReader *reader;                /**< what was received */
    int closed;                         /**< 1: it failed because the server has closed it */
    char evicts[32];                    /**< maxmemory-policy, where the server removes keys when it is full; else "" */
} kiss_redis;

/** Commands that are to be sent. */
typedef struct {
    apr_pool_t *pool;
    char *text;                         /**< in the protocol's form */
    apr_size_t n;                       /**< its bytes */
    apr_size_t size;                    /**< room for it */
} kiss_redis_commands;

/** Adds a command of these words. */
void kiss_redis_add(kiss_redis_commands *commands, int argc, const char *const *argv);

/**
 * Connects, verifies the server (TLS), logs in and selects the database, all within conf->timeout but the name's resolution.
 *
 * @param c is replaced; after a failure it is none
 * @param p for the error text
 * @return NULL, or why there is no connection
 */
const char *kiss_redis_open(kiss_redis *c, const kiss_limit_store *conf, apr_pool_t *p);

/** Sends commands. @return NULL, or an error text in the pool of the commands */
const char *kiss_redis_send(kiss_redis *c, const kiss_redis_commands *commands, apr_int64_t deadline);

/**
 * Receives the next reply.
 *
 * @param reply    receives it, for freeReplyObject()
 * @param deadline by kiss_clock_now()
 * @return NULL, or an error text in `p`: the connection is of no use any more
 */
const char *kiss_redis_receive(kiss_redis *c, redisReply **reply, apr_int64_t deadline, apr_pool_t *p);

/** Closes it. Does nothing where there is none. */
void kiss_redis_close(kiss_redis *c);

#endif
