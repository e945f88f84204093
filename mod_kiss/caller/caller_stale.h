/* SPDX-License-Identifier: Apache-2.0 */
/**
 * caller_stale - the records of customers, and their credentials, as the database has given them last: for KissServeStale,
 * by which lists are served for a while when the database is away.
 *
 * A record is as old as the last moment at which the database was known to have the revision that it was read at. Revoked
 * keys, disabled customers and other terms take effect at the latest when that is longer ago than KissServeStale allows.
 */
#ifndef KISS_CALLER_STALE_H
#define KISS_CALLER_STALE_H

#include "caller/caller_record.h"

/**
 * Stores a record that was read from the database.
 *
 * @param code   the customer's code; of one that does not exist the record says so
 * @param asked  when the database was asked, by kiss_clock_now()
 */
void kiss_caller_stale_put(const kiss_req *k, const char *code, const kiss_caller *caller, apr_int64_t asked);

/**
 * Finds the record of a customer, when the database has failed this request and KissServeStale allows k->endpoint to be
 * answered with it. Sets k->as_of then, and k->db_error, which is the error of the request if it cannot be answered.
 *
 * It has neither currency nor name of the price list: it finds a list that is cached, and does not build one.
 *
 * @return the record, in k->pool, or NULL
 */
const kiss_caller *kiss_caller_stale_get(kiss_req *k, const char *code, const kiss_error *failed);

/**
 * When the record of k->caller was known last to be current, by kiss_clock_now(): the start of a read that found the
 * database at its revision, noted once a second; 0 when that is not known.
 */
apr_int64_t kiss_caller_stale_verified(const kiss_req *k);

/**
 * Stores whether customer code and API key were right.
 *
 * @param db_revision the revision of the database at which they were; NULL: they were not
 * @param until       when the key expires, by kiss_clock_now(); 0: never
 */
void kiss_caller_stale_put_client(const kiss_req *k, const char *code, const char *secret, const char *db_revision,
                                  apr_int64_t asked, apr_int64_t until);

/**
 * 1 when customer code and API key were right, as of a time that KissServeStale allows. Sets k->as_of then, and
 * k->db_error.
 */
int kiss_caller_stale_is_client(kiss_req *k, const char *code, const char *secret, const kiss_error *failed);

#endif
