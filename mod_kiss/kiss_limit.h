/**
 * kiss_limit - requests counted per caller, exactly, over all processes (contract section 4, "Left open" 13).
 *
 * The counters are slots in shared memory that belongs to the parent process, so they outlive a graceful reload. One
 * mutex guards them; only arithmetic happens under it. Policy is in kiss_window, which knows no process and no clock.
 */
#ifndef KISS_LIMIT_H
#define KISS_LIMIT_H

#include "kiss.h"

/** Announces the mutex "kiss-limit" to the Mutex directive. In pre_config. */
apr_status_t kiss_limit_register(apr_pool_t *pconf);

/** Makes the shared memory, or finds that of before the reload. In post_config; a failure is logged and survived. */
void kiss_limit_create(server_rec *main_server);

/** Attaches a child process. In child_init. */
void kiss_limit_attach(server_rec *main_server, apr_pool_t *pchild);

/**
 * The meter stage: counts the request under k->customer, or under the one anonymous caller, and puts the published
 * headers on the answer.
 *
 * A customer's own limits are read with its record at most every few seconds, and then k->caller is set if the caller
 * is verified. Should the counters fail, the request passes, but not to the token endpoint.
 *
 * @param e what the stages before found
 * @return the quota error if a window is exceeded, else `e`
 */
const kiss_error *kiss_limit_take(kiss_req *k, const kiss_error *e);

/** The token endpoint's caller has shown the right key: its counter is not thrown out in favour of guesses. */
void kiss_limit_verified(kiss_req *k);

/** Counts wrong credentials under the client's address. */
void kiss_limit_login_failed(kiss_req *k);

/** @return the quota error when the client's address has sent too many wrong credentials within a minute, else NULL */
const kiss_error *kiss_limit_login_check(kiss_req *k);

#endif
