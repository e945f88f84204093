/* SPDX-License-Identifier: Apache-2.0 */
/**
 * list_usage - counts the use of lists over all children in shared memory. A list is an endpoint of a location with the
 * terms of a customer; customers with equal terms share it.
 *
 * Counting takes no lock. Counts decay: an unused list is removed within two hours. They survive a graceful reload.
 */
#ifndef KISS_LIST_USAGE_H
#define KISS_LIST_USAGE_H

#include "core/kiss.h"

/** A list and its use. */
typedef struct {
    apr_uint64_t key;               /**< digest that identifies the list */
    apr_uint64_t location;          /**< as returned by kiss_list_usage_location() */
    const char *endpoint;           /**< name of the endpoint */
    const char *customer;           /**< a customer who requested it */
    int gzip;                       /**< 1 for the compressed variant */
    apr_uint32_t weight;            /**< for comparison */
} kiss_list_usage;

/** Creates the table, where KissWarm needs one. In post_config. */
void kiss_list_usage_create(server_rec *s);

/** Counts a request for the list of k->endpoint with the terms of k->caller. Costs nothing without KissWarm. */
void kiss_list_usage_count(const kiss_req *k, int gzip);

/** Digest that identifies a location: path and database. */
apr_uint64_t kiss_list_usage_location(const kiss_dir_conf *conf, const server_rec *s);

/** The digest of the list that kiss_list_usage_count() would count. */
apr_uint64_t kiss_list_usage_key(const kiss_req *k);

/** The lists in use, the most used first: an array of kiss_list_usage in `p`. */
apr_array_header_t *kiss_list_usage_list(apr_pool_t *p);

/** Removes a list that does not exist any more. */
void kiss_list_usage_forget(apr_uint64_t key);

/** Decays the counts; to be called once a minute, by one process. */
void kiss_list_usage_decay(void);

#endif
