/* SPDX-License-Identifier: Apache-2.0 */
/** auth - the identify stage: authenticates the caller by the request alone. */
#ifndef KISS_AUTH_H
#define KISS_AUTH_H

#include "core/kiss.h"

/** Creates the caches of verified tokens and credentials of a child process. In child_init. */
apr_status_t kiss_auth_attach(apr_pool_t *pchild);

/**
 * Sets k->principal (and k->verified, r->user) from a valid bearer token, or from the credentials sent to the token
 * endpoint; otherwise the caller is anonymous. Reads no database.
 *
 * @return NULL, or the error that ends the request after it was counted
 */
const kiss_error *kiss_auth_identify(kiss_req *k);

#endif
