/* SPDX-License-Identifier: Apache-2.0 */
/**
 * auth_apikey - callers with an API key (KSS API, section 2 "Key"): authentication, the record of their rights, and the
 * revisions that their answers depend on.
 *
 * One query by the key's hash reads the whole record. A child process caches it as long as the revision of the database
 * is the same: then reading that revision is the only query of an unchanged answer.
 */
#ifndef KISS_AUTH_APIKEY_H
#define KISS_AUTH_APIKEY_H

#include "caller/caller_record.h"

/**
 * The identify stage where auth is KISS_AUTH_APIKEY: finds the key of the header `credential` of the API.
 *
 * Sets k->caller, k->principal (the key's prefix), k->verified. Stores the time of the key's use, at most once a minute.
 *
 * Where the rows of the answer are likely to be read from the database, and a record of the key is cached, k->unproved is
 * set: the record may be out of date. The stage that answers reads the rows with it, and calls kiss_auth_apikey_prove()
 * before anything else: one round trip instead of two.
 *
 * @return NULL; 401 when there is no key and the endpoint needs one, or no valid one; 429 after too many wrong ones from
 * this address; 503
 */
const kiss_error *kiss_auth_apikey_identify(kiss_req *k);

/**
 * Does what was left out where k->unproved is set: finds the record of the key as it is now, counts the request, checks the
 * role. Sets k->caller, which is the same record as before if nothing has changed.
 *
 * @return NULL; 401, 403, 429, 503 as the stages would have
 */
const kiss_error *kiss_auth_apikey_prove(kiss_req *k);

/**
 * Finds the record of the key once more, after rows were read with k->caller: what was current before and after is what the
 * rows are of. Costs nothing where the rows were read with the revision (k->postponed.text) that the record has. Sets
 * k->caller.
 *
 * @return NULL; 401, 403, 503: the key is not what it was
 */
const kiss_error *kiss_auth_apikey_renew(kiss_req *k);

/**
 * The ETag of an answer, without quotes: a digest of the key's rights, the request, and the revisions of the tables in
 * `reads` (bits of api->datasets). Equal on all hosts with the same data. In k->pool.
 *
 * @param request the request as text
 * @return NULL when the database lacks one of these revisions, which is logged
 */
const char *kiss_auth_apikey_etag(const kiss_req *k, const char *request, apr_uint64_t reads);

#endif
