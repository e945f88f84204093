/* SPDX-License-Identifier: Apache-2.0 */
/**
 * kiss_flood - log messages that every request could cause: each kind is logged once a minute, whatever number of processes
 * has something to say.
 */
#ifndef KISS_FLOOD_H
#define KISS_FLOOD_H

#include "core/kiss.h"

/** Kinds of messages, by what they are about. */
typedef enum {
    KISS_FLOOD_LIMITS,          /**< KISS0304 */
    KISS_FLOOD_CLIENTS,         /**< KISS0310 */
    KISS_FLOOD_KEYS,            /**< KISS0311 */
    KISS_FLOOD_SIGNING,         /**< KISS0402 */
    KISS_FLOOD_TOKEN_KEYS,      /**< KISS0403 */
    KISS_FLOOD_SPOOL,           /**< KISS0601 */
    KISS_FLOOD_PAGE,            /**< KISS0604 */
    KISS_FLOOD_NOT_KEPT,        /**< KISS0607 */
    KISS_FLOOD_VARIANT,         /**< KISS0609 */
    KISS_FLOOD_UNREADABLE,      /**< KISS0610 */
    KISS_FLOOD_LAST_PART,       /**< KISS0612 */
    KISS_FLOODS
} kiss_flood;

/** Makes what the processes share about it. In post_config; without it each process counts by itself. */
void kiss_flood_create(apr_pool_t *pconf);

/** 1 when a message of this kind is to be logged now: the last one is a minute old. Asking is saying: ask once a message. */
int kiss_flood_due(kiss_flood kind);

/** KISS_LOG(), at most once a minute. */
#define KISS_LOG_SELDOM(kind, k, level, rv, ...)        \
    do {                                                \
        if (kiss_flood_due(kind)) {                     \
            KISS_LOG(k, level, rv, __VA_ARGS__);        \
        }                                               \
    } while (0)

#endif
