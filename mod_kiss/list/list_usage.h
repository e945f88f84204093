/* SPDX-License-Identifier: Apache-2.0 */
/**
 * list_usage - which lists are asked for most, counted over all children in shared memory. What is counted is a scope: an
 * endpoint of a location with the terms of a customer; customers with equal terms are one.
 *
 * Counting takes no lock. Counts fade: a scope that nobody asks for is forgotten within two hours. They survive a graceful
 * reload.
 */
#ifndef KISS_LIST_USAGE_H
#define KISS_LIST_USAGE_H

#include "core/kiss.h"

/** A scope and how much it is used. */
typedef struct {
    apr_uint64_t key;               /**< digest of the scope */
    apr_uint64_t location;          /**< as of kiss_list_usage_location() */
    const char *endpoint;           /**< name of the endpoint */
    const char *customer;           /**< a customer who asked for it */
    int gzip;                       /**< it was asked for compressed */
    apr_uint32_t weight;            /**< for comparison */
} kiss_list_usage;

/** Makes the table, where KissWarm asks for one. In post_config. */
void kiss_list_usage_create(server_rec *s);

/** Counts a request for the list of k->endpoint with the terms of k->caller. Costs nothing without KissWarm. */
void kiss_list_usage_count(const kiss_req *k, int gzip);

/** What tells a location apart from others: path and database. */
apr_uint64_t kiss_list_usage_location(const kiss_dir_conf *conf, const server_rec *s);

/** The digest of the scope that kiss_list_usage_count() would count. */
apr_uint64_t kiss_list_usage_key(const kiss_req *k);

/** The scopes in use, the most used first: an array of kiss_list_usage in `p`. */
apr_array_header_t *kiss_list_usage_list(apr_pool_t *p);

/** Forgets a scope that is no more. */
void kiss_list_usage_forget(apr_uint64_t key);

/** Lets the counts fade; to be called once a minute, by one process. */
void kiss_list_usage_fade(void);

#endif
