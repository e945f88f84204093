/* SPDX-License-Identifier: Apache-2.0 */
/** caller_record - the record of a caller: a customer with a token, or an API key. Data only. */
#ifndef KISS_CALLER_RECORD_H
#define KISS_CALLER_RECORD_H

#include <apr_tables.h>

#include "core/kiss.h"

/** The revision numbers that an answer can depend on. */
typedef struct {
    const char *epoch;              /**< this database installation */
    const char *products;           /**< any product text, number or nested row */
    const char *assortment;         /**< the set of SKUs that exist and are not obsolete */
    const char *prices;             /**< of the customer's price list; "" without one */
    const char *listing;            /**< the set of SKUs in the customer's price list; "" without one */
    const char *stock;              /**< of the customer's warehouse; "" without one */
} kiss_revisions;

/** A consistent record of a key. */
typedef struct kiss_key {
    const char *id;                         /**< key_id */
    const char *prefix;                     /**< public part of the key */
    kiss_role role;                         /**< its role */
    const char *user_id;                    /**< user who acts by its requests, or NULL */
    const apr_array_header_t *accounts;     /**< ids of its customers or suppliers, of const char * */
    const apr_array_header_t *states;       /**< states of these, of const char *; one may be "" */
    const char *revisions;                  /**< dataset=n, joined by commas, in the order of the names */
} kiss_key;

/** Decimals of a discount: discount_percent in sql/ is DECIMAL(7,4). */
#define KISS_DISCOUNT_SCALE 4

/** A consistent record of a caller. */
struct kiss_caller {
    const char *code;               /**< customer code, or public part of the key; NULL when there is no such caller */
    int enabled;                    /**< 0: all requests are refused */
    apr_int64_t limit_minute;       /**< its own limit, or -1 */
    apr_int64_t limit_hour;         /**< its own limit, or -1 */
    apr_int64_t discount;           /**< percentage, with KISS_DISCOUNT_SCALE decimals */
    const char *term[KISS_TERMS];   /**< values bound to its statements; "" where it has none */
    kiss_revisions revision;        /**< the revisions that its answers can depend on */
    const char *db_revision;        /**< the revision of the database at the same moment */
    const kiss_key *key;            /**< the API key, where callers have one instead of a token */
    apr_int64_t until;              /**< when that key expires, by kiss_clock_now(); 0: never */
    int unnoted;                    /**< its use was not stored for a minute; not in cached copies */
};

#endif
