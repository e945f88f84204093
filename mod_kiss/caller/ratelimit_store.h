/* SPDX-License-Identifier: Apache-2.0 */
/**
 * ratelimit_store - counts requests in a Redis server that several hosts share (KissLimitStore), by its clock.
 *
 * One round trip for each request, on a connection that the thread has for that time. While the server is away, or
 * answers an error, nothing waits for it: each host counts by itself, and one request a second tries again.
 */
#ifndef KISS_RATELIMIT_STORE_H
#define KISS_RATELIMIT_STORE_H

#include "core/kiss.h"
#include "lib/ratelimit/fixed_window.h"

/** Creates what the children share of it. In post_config. */
void kiss_ratelimit_store_create(server_rec *main_server, apr_pool_t *pconf);

/** In child_init. Does not connect. */
void kiss_ratelimit_store_attach(server_rec *main_server, apr_pool_t *pchild);

/**
 * Counts a request in both fixed windows.
 *
 * @param kind   of caller, and its name: their counters in this API and database
 * @param states `limit` is given, the rest is replaced
 * @return 1, or 0 when the server does not count: `states` is unchanged
 */
int kiss_ratelimit_store_windows(kiss_req *k, const char *kind, const char *name,
                                 kiss_fixed_window_state states[KISS_WINDOWS]);

/** Allows a request in the sliding hour if there is room, and counts it then. Arguments as above. */
int kiss_ratelimit_store_hour(kiss_req *k, const char *kind, const char *name, kiss_fixed_window_state *state);

#endif
