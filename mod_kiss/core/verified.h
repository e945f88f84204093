/* SPDX-License-Identifier: Apache-2.0 */
/**
 * verified - what was read from the database, and when: KissServeStale answers by it while the database is away.
 *
 * In shared memory of all children, kept through reloads; what httpd has not heard since it was started is not known. It is
 * there only where a location has KissServeStale. Thread-safe.
 */
#ifndef KISS_VERIFIED_H
#define KISS_VERIFIED_H

#include "core/kiss.h"

/** What is known. The origin of the database (kiss_db_origin()) is always a part of its name. */
typedef enum {
    KISS_VERIFIED_DATABASE,         /**< the revision of the database; its name is "" */
    KISS_VERIFIED_CALLER,           /**< the record of a customer, by its code */
    KISS_VERIFIED_CLIENT,           /**< that customer code and API key are right, by a digest of both */
    KISS_VERIFIED_LIST              /**< the ETag under which a list was cached last, by its cache key */
} kiss_verified_kind;

/** Creates the memory, where a location needs it; without it nothing is known, and a warning is logged. In post_config. */
void kiss_verified_create(server_rec *main_server, apr_pool_t *ptemp);

/** 1 when there is memory for it: else nothing needs to be stored. */
int kiss_verified_is_on(void);

/**
 * Stores what was read.
 *
 * @param asked when it was asked, by kiss_clock_now(): it was true then or later
 */
void kiss_verified_put(kiss_verified_kind kind, const char *origin, const char *name, apr_int64_t asked, const char *text,
                       apr_size_t len);

/**
 * Finds what was read last.
 *
 * @param asked receives when
 * @param len   receives the length of the text, which may be NULL
 * @return the text, NUL-terminated, in `p`; NULL when nothing is known
 */
const char *kiss_verified_get(kiss_verified_kind kind, const char *origin, const char *name, apr_int64_t *asked,
                              apr_size_t *len, apr_pool_t *p);

/** 1 when KissServeStale allows that k->endpoint is answered with what was true at this time. */
int kiss_verified_may_serve(const kiss_req *k, apr_int64_t asked);

/** A digest of a secret text that is worthless outside of this server, as name for kiss_verified_put(). In `p`. */
const char *kiss_verified_secret_name(const char *text, apr_pool_t *p);

#endif
