/* SPDX-License-Identifier: Apache-2.0 */
/**
 * ratelimit_store - counts requests in a Redis server that several hosts share (KissLimitStore), by its clock.
 *
 * A child has one connection. Requests that come while a batch is on its way are the next batch: one round trip for all
 * of them. Those that need the revision of the database wait for both at once, since the thread that reads it for all
 * does this round trip, too (db/db_revision). While the server is away, or answers an error, nothing waits for it: each
 * host counts by itself, and one request a second tries again.
 *
 * A request waits at most for the batch before its own and for its own, and where a connection is found closed for a new
 * one: four times `timeout=` of KissLimitStore, and the time that resolving a host's name takes.
 */
#ifndef KISS_RATELIMIT_STORE_H
#define KISS_RATELIMIT_STORE_H

#include "caller/ratelimit_batch.h"
#include "core/kiss.h"
#include "lib/ratelimit/fixed_window.h"

/** Creates what the children share of it. In post_config. */
void kiss_ratelimit_store_create(server_rec *main_server);

/** In child_init. Does not connect. */
void kiss_ratelimit_store_attach(server_rec *main_server, apr_pool_t *pchild);

/**
 * Asks the server for a connection, which is closed again, and logs what is wrong. After a start, by a thread without a
 * request.
 */
void kiss_ratelimit_store_check(kiss_req *k);

/**
 * Begins to count a request.
 *
 * @param kind      of caller, and its name: their counters in this API and database
 * @param limit     of the sliding hour
 * @param will_read 1: the request reads the database's revision next, and is sent with that
 * @return for kiss_ratelimit_store_windows() or kiss_ratelimit_store_hour(), one of which must be called; NULL when the
 *         server does not count
 */
kiss_ratelimit_call *kiss_ratelimit_store_begin(kiss_req *k, kiss_ratelimit_counting counting, const char *kind,
                                                const char *name, apr_uint32_t limit, int will_read);

/**
 * Waits until a request was counted in both fixed windows.
 *
 * @param call   may be NULL
 * @param states `limit` is given, the rest is replaced
 * @return 1, or 0 when the server does not count: `states` is unchanged
 */
int kiss_ratelimit_store_windows(kiss_req *k, kiss_ratelimit_call *call, kiss_fixed_window_state states[KISS_WINDOWS]);

/** Waits until a request was allowed in the sliding hour, and counted then, if there is room. Arguments as above. */
int kiss_ratelimit_store_hour(kiss_req *k, kiss_ratelimit_call *call, kiss_fixed_window_state *state);

#endif
