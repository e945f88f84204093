/* SPDX-License-Identifier: Apache-2.0 */
/**
 * caller - the customer's record: identity, terms, and the revisions that its answers depend on.
 *
 * One small query reads the whole record. A child process caches it as long as the revision of the database is the
 * same: then reading that revision (db/db_revision.h) is the only query of an unchanged answer.
 */
#ifndef KISS_CALLER_H
#define KISS_CALLER_H

#include "caller/caller_record.h"
#include "db/db.h"
#include "lib/base/crypto.h"

/** Reads a record by `name` on a connection. `caller` and its texts live in `p`; caller->code is NULL when there is none. */
typedef kiss_db_status kiss_caller_reader(const kiss_caller **caller, kiss_db_conn *conn, const kiss_plan *plan,
                                          const char *name, apr_pool_t *p);

/** Reads the record of a customer code. */
kiss_caller_reader kiss_caller_fetch;

/** Reads the record of an admin client. */
kiss_caller_reader kiss_caller_fetch_admin;

/** Creates the cache of callers of a child process. In child_init. */
apr_status_t kiss_caller_attach(apr_pool_t *pchild);

/**
 * Finds a record: a cached one, if the revision of the database is the same, or one read by `fetch` on a connection of
 * its own.
 *
 * @param note   receives 1 when the use of the caller's key should be stored
 * @param digest SHA-256 of the key or customer code
 */
kiss_db_status kiss_caller_find(const kiss_caller **caller, int *note, kiss_req *k, kiss_caller_reader *fetch,
                                const char *name,
                                const unsigned char digest[KISS_SHA256_LEN]);

/** The last record that this child has read for `digest`, which may have changed since; or NULL. */
const kiss_caller *kiss_caller_last(kiss_req *k, const unsigned char digest[KISS_SHA256_LEN]);

/** Stores the time of a key's use. A failure is no error: the time is informative, and a database may be read-only. */
void kiss_caller_note_key(kiss_req *k, const char *key_id);

/** Finds the record of the code of a customer or, where k->admin is set, of an admin client. */
kiss_db_status kiss_caller_read(const kiss_caller **caller, kiss_req *k, const char *code);

/**
 * Makes sure that k->caller is the record of k->principal, a customer or an admin client (k->admin): finds it, unless it was
 * found before or the database has failed
 * this request already. Where the database is away and KissServeStale allows it, it is the last one that is known, and
 * k->as_of is set.
 *
 * @return NULL, or 503, which is k->db_error
 */
const kiss_error *kiss_caller_require(kiss_req *k);

/** 1 when kiss_caller_check() of this endpoint needs a customer's record. */
int kiss_caller_is_needed(const kiss_req *k);

/**
 * The scope stage: makes sure that the caller exists and is not disabled, even with a valid token; of a caller with a
 * key, that its role may call the endpoint.
 *
 * Sets k->caller. @return NULL, or 401, 403, 404, 503
 */
const kiss_error *kiss_caller_check(kiss_req *k);

/**
 * Logs, at most every ten seconds, that a row of `revision` is missing: without it answers with different content would
 * have the same ETag, so the request fails.
 *
 * @param what its name
 */
void kiss_caller_log_missing(const kiss_req *k, const char *what);

/** The values of a customer's record that an endpoint's answer depends on, in addition to the revisions. */
typedef struct {
    const char *term[KISS_TERMS];   /**< from the record; NULL where the answer does not depend on it */
    const apr_int64_t *discount;    /**< from the record; NULL likewise */
} kiss_terms;

/** The terms of an endpoint's answer to this caller; they live as long as the record. */
kiss_terms kiss_caller_terms(const kiss_caller *caller, const kiss_endpoint *endpoint);

/** Maximum of datasets that an answer depends on. */
#define KISS_DEPENDENCIES 5

/** A dataset that an answer depends on, with its name in the database's tables of revisions and changes. */
typedef struct {
    unsigned data;                  /**< its KISS_DATA_ */
    const char *dataset;            /**< "prices" */
    const char *scope;              /**< the caller's price list or warehouse; "" where it is the same for all callers */
    const char *revision;           /**< from the caller's record */
} kiss_dependency;

/** The datasets that an endpoint's answer to this caller depends on, always in the same order. @return their number */
int kiss_caller_depends(kiss_dependency on[KISS_DEPENDENCIES], const kiss_caller *caller, const kiss_endpoint *endpoint);

/**
 * The strong ETag of an endpoint's answer to this caller, without quotes: a digest of the cache key and the revisions
 * that the answer depends on. Equal on all hosts with the same data. In `p`.
 */
const char *kiss_caller_etag(const kiss_caller *caller, const kiss_api *api, const kiss_endpoint *endpoint,
                             apr_pool_t *p);

/** The ETag for other revisions of these datasets, in the order of kiss_caller_depends(). In `p`. */
const char *kiss_caller_etag_at(const kiss_caller *caller, const kiss_api *api, const kiss_endpoint *endpoint,
                                const char *const revisions[KISS_DEPENDENCIES], apr_pool_t *p);

/** The same without the revisions: equal for all revisions of one list and for all callers with equal terms. In `p`. */
const char *kiss_caller_cache_key(const kiss_caller *caller, const kiss_api *api, const kiss_endpoint *endpoint,
                                  apr_pool_t *p);

#endif
