/* SPDX-License-Identifier: Apache-2.0 */
/**
 * ratelimit - the rate limiter: counts the requests of each caller exactly, over all processes (contract section 4,
 * "Left open" 13).
 *
 * The counters are slots (lib/ratelimit/slots.h) in shared memory that belongs to the parent process, so they outlive a
 * graceful reload. One mutex protects them; it is held for arithmetic only.
 *
 * A customer's counters count authenticated requests only. Wrong credentials count for the pair of name and address
 * that were sent, and for the address; an invalid token counts as anonymous, and for the address. So nobody who knows
 * only a customer's code can exhaust or see its limits. In IPv6 addresses are counted by their network of 64 bits.
 */
#ifndef KISS_RATELIMIT_H
#define KISS_RATELIMIT_H

#include "core/kiss.h"

/**
 * The meter stage: counts the request for k->principal, or for the one anonymous caller, and sets the published headers
 * of the answer. A request that was refused for lack of a valid token gets no such headers, and 429 only when its own
 * address has exhausted the limits of the anonymous caller. Requests to the token endpoint are counted after their
 * credentials were checked: by this function again when they were right, else by kiss_ratelimit_login_failed().
 *
 * A customer's own limits are read with its record at most every few seconds, and then k->caller is set. If the
 * counters fail, the request passes, except to the token endpoint.
 *
 * @param e the error of the stages before, or NULL
 * @return the quota error if a window is exceeded, else `e`
 */
const kiss_error *kiss_ratelimit_take(kiss_req *k, const kiss_error *e);

/** 1 when kiss_ratelimit_take() would not refuse a request of this API key now. Counts nothing. */
int kiss_ratelimit_may_take(kiss_req *k, const kiss_caller *caller);

/**
 * @param prefix public part of the API key that was sent, or NULL
 * @param proof  digest of that key, or NULL: if a key with this prefix and digest was verified before, the address does
 *               not matter
 * @return the quota error when the client's address has sent too many wrong credentials within a minute, else NULL
 */
const kiss_error *kiss_ratelimit_login_check(kiss_req *k, const char *prefix, const char *proof);

/**
 * Counts wrong credentials of the token endpoint, for the client's address, and for the pair of address and name.
 *
 * @return the quota error when that name was tried too often from that address, else NULL
 */
const kiss_error *kiss_ratelimit_login_failed(kiss_req *k, const char *client_id);

/** Counts a wrong API key for the client's address; if it was verified before, that is deleted. Arguments as above. */
void kiss_ratelimit_key_failed(kiss_req *k, const char *prefix, const char *proof);

#endif
