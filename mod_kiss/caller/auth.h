/* SPDX-License-Identifier: Apache-2.0 */
/** auth - the identify stage: who is calling, as far as the request itself can prove it. */
#ifndef KISS_AUTH_H
#define KISS_AUTH_H

#include "core/kiss.h"

/** Makes what a child process remembers of tokens. In child_init. */
apr_status_t kiss_auth_attach(apr_pool_t *pchild);

/**
 * Sets k->customer (and k->verified, r->user) from a valid bearer token, or from the credentials that the token endpoint
 * was sent; otherwise the caller is anonymous. Reads no database.
 *
 * @return NULL, or the error that ends the request once it has been counted
 */
const kiss_error *kiss_auth_identify(kiss_req *k);

#endif
