/* SPDX-License-Identifier: Apache-2.0 */
/** caller_record - what is known of a caller: a customer with a token, or an API key. Data only. */
#ifndef KISS_CALLER_RECORD_H
#define KISS_CALLER_RECORD_H

#include <apr_tables.h>

#include "core/kiss.h"

/** The revision numbers that an answer can depend on. */
typedef struct {
    const char *epoch;              /**< this database installation */
    const char *products;           /**< any product text, number or nested row */
    const char *assortment;         /**< which SKUs exist and are not obsolete */
    const char *prices;             /**< of the customer's price list; "" without one */
    const char *listing;            /**< which SKUs the customer's price list holds; "" without one */
    const char *stock;              /**< of the customer's warehouse; "" without one */
} kiss_revisions;

/** A key's record, as of one moment. */
typedef struct kiss_key {
    const char *id;                         /**< key_id */
    const char *prefix;                     /**< public part of the key */
    kiss_role role;                         /**< what it stands for */
    const char *user_id;                    /**< whom its requests are made by, or NULL */
    const apr_array_header_t *accounts;     /**< ids of its customers or suppliers, of const char * */
    const apr_array_header_t *states;       /**< states of these, of const char *; one may be "" */
    const char *revisions;                  /**< dataset=n, joined by commas, in the order of the names */
} kiss_key;

/** Decimals of a discount: discount_percent in sql/ is DECIMAL(7,4). */
#define KISS_DISCOUNT_SCALE 4

/** A caller's record, as of one moment. */
struct kiss_caller {
    const char *code;               /**< customer code, or public part of the key; NULL when there is no such caller */
    int enabled;                    /**< 0: may do nothing */
    apr_int64_t limit_minute;       /**< its own limit, or -1 */
    apr_int64_t limit_hour;         /**< its own limit, or -1 */
    apr_int64_t discount;           /**< percentage, with KISS_DISCOUNT_SCALE decimals */
    const char *term[KISS_TERMS];   /**< values that its statements are bound to; "" where it has none */
    kiss_revisions revision;        /**< revisions in its scope */
    const char *state;              /**< the database's state in the same moment; not in copies */
    const kiss_key *key;            /**< the API key, where callers have one instead of a token */
    apr_int64_t until;              /**< when that key expires, by kiss_clock_now(); 0: never */
    int unnoted;                    /**< its use was not noted for a minute; not in copies */
};

#endif
