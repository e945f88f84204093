/* SPDX-License-Identifier: Apache-2.0 */
/**
 * auth_apikey - callers with an API key (KSS API, section 2 "Key"): who it is, what it may see, and the revisions that its
 * answers depend on.
 *
 * One query by the key's hash reads all of it. While the database stays as it is, which the sum of its revisions tells, a
 * child process remembers it: then that sum is the whole database cost of an unchanged answer.
 */
#ifndef KISS_AUTH_APIKEY_H
#define KISS_AUTH_APIKEY_H

#include "caller/caller_record.h"

/**
 * The identify stage where auth is KISS_AUTH_APIKEY: finds the key of the header `credential` of the API.
 *
 * Sets k->caller, k->customer (the key's prefix), k->verified. Notes that the key was used, at most once a minute.
 *
 * @return NULL; 401 when there is no key, or no live one; 429 after too many wrong ones from this address; 503
 */
const kiss_error *kiss_auth_apikey_identify(kiss_req *k);

/**
 * The ETag of an answer, without quotes: a digest of the key's scope, the request, and the revisions of the tables in
 * `reads` (bits of api->datasets). Equal on every host that sees the same data. In k->pool.
 *
 * @param request what was asked for, as text
 * @return NULL when the database lacks one of these revisions, which is logged
 */
const char *kiss_auth_apikey_etag(const kiss_req *k, const char *request, apr_uint64_t reads);

#endif
