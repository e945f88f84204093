/* SPDX-License-Identifier: Apache-2.0 */
/**
 * ratelimit - requests counted per caller, exactly, over all processes (contract section 4, "Left open" 13).
 *
 * The counters are slots (lib/ratelimit/slots.h) in shared memory that belongs to the parent process, so they outlive a graceful
 * reload. One mutex guards them; only arithmetic happens under it.
 *
 * A customer's counters are for what has proved to come from it. Wrong credentials count for the name that was sent
 * together with the address that sent it, and for the address; an invalid token counts as anonymous, and for the address.
 * So nobody can use up, or see, what belongs to a customer whose code is all that he knows. In IPv6 an address stands for
 * its network of 64 bits.
 */
#ifndef KISS_RATELIMIT_H
#define KISS_RATELIMIT_H

#include "core/kiss.h"

/** Announces the mutex "kiss-limit" to the Mutex directive. In pre_config. */
apr_status_t kiss_ratelimit_register(apr_pool_t *pconf);

/**
 * Makes the shared memory and the mutex, or finds those of before the reload. In post_config.
 *
 * @param first this is the start of the server, which a failure is to stop; a reload goes on without limits
 * @return 0, or -1 when the start is to be stopped; it was logged
 */
int kiss_ratelimit_create(server_rec *main_server, int first);

/** Attaches a child process. In child_init. */
void kiss_ratelimit_attach(server_rec *main_server, apr_pool_t *pchild);

/**
 * The meter stage: counts the request under k->customer, or under the one anonymous caller, and puts the published
 * headers on the answer. A request that was refused for want of a valid token gets no such headers, and 429 only when its
 * own address has used up the limits of the anonymous caller. Credentials for the token endpoint are counted when they have been
 * checked: by this function again when they were right, else by kiss_ratelimit_login_failed().
 *
 * A customer's own limits are read with its record at most every few seconds, and then k->caller is set. Should the counters
 * fail, the request passes, but not to the token endpoint.
 *
 * @param e what the stages before found
 * @return the quota error if a window is exceeded, else `e`
 */
const kiss_error *kiss_ratelimit_take(kiss_req *k, const kiss_error *e);

/**
 * @param prefix public part of the API key that was sent, or NULL
 * @param proof  digest of that key, or NULL: with one that was right before, of the same prefix, the address does not matter
 * @return the quota error when the client's address has sent too many wrong credentials within a minute, else NULL
 */
const kiss_error *kiss_ratelimit_login_check(kiss_req *k, const char *prefix, const char *proof);

/**
 * Counts wrong credentials of the token endpoint, under the client's address, and under it and the name that was sent.
 *
 * @return the quota error when the name has been tried too often from there, else NULL
 */
const kiss_error *kiss_ratelimit_login_failed(kiss_req *k, const char *client_id);

/** Counts a wrong API key under the client's address; if it was right before, that is forgotten. Arguments as above. */
void kiss_ratelimit_key_failed(kiss_req *k, const char *prefix, const char *proof);

#endif
