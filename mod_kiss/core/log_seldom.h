/* SPDX-License-Identifier: Apache-2.0 */
/**
 * log_seldom - a rate limit for log messages that every request could cause: each kind is logged once a minute, by all
 * processes together.
 */
#ifndef KISS_LOG_SELDOM_H
#define KISS_LOG_SELDOM_H

#include "core/kiss.h"

/** Kinds of messages. */
typedef enum {
    KISS_LOG_SELDOM_LIMITS,          /**< KISS0304 */
    KISS_LOG_SELDOM_CLIENTS,         /**< KISS0310 */
    KISS_LOG_SELDOM_KEYS,            /**< KISS0311 */
    KISS_LOG_SELDOM_STORE_KEY,       /**< KISS0765 */
    KISS_LOG_SELDOM_EVICTS,          /**< KISS0766 */
    KISS_LOG_SELDOM_SIGNING,         /**< KISS0402 */
    KISS_LOG_SELDOM_VERIFYING,       /**< KISS0685 */
    KISS_LOG_SELDOM_TOKEN_KEYS,      /**< KISS0403 */
    KISS_LOG_SELDOM_SPOOL,           /**< KISS0601 */
    KISS_LOG_SELDOM_PAGE,            /**< KISS0604 */
    KISS_LOG_SELDOM_NOT_KEPT,        /**< KISS0607 */
    KISS_LOG_SELDOM_VARIANT,         /**< KISS0609 */
    KISS_LOG_SELDOM_UNREADABLE,      /**< KISS0610 */
    KISS_LOG_SELDOM_LAST_PART,       /**< KISS0612 */
    KISS_LOG_SELDOM_TIMES,           /**< KISS0661 */
    KISS_LOG_SELDOMS
} kiss_log_seldom;

/** Creates the shared memory of it. In post_config; without it each process limits its own messages. */
void kiss_log_seldom_create(apr_pool_t *pconf);

/**
 * 1 when a message of this kind is to be logged now: the last one is at least a minute old. Records the message as
 * logged: to be called once for each.
 */
int kiss_log_seldom_due(kiss_log_seldom kind);

/** KISS_LOG(), at most once a minute. */
#define KISS_LOG_SELDOM(kind, k, level, rv, ...)        \
    do {                                                \
        if (kiss_log_seldom_due(kind)) {                \
            KISS_LOG(k, level, rv, __VA_ARGS__);        \
        }                                               \
    } while (0)

#endif
