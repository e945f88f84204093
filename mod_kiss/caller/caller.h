/* SPDX-License-Identifier: Apache-2.0 */
/**
 * caller - the customer's record: who it is, what it may see, and the revisions that its answers depend on.
 *
 * One small query reads all of it. While the database stays as it is, a child process remembers it: then the look at the
 * database's state (db/db_revision.h) is the whole cost of an unchanged answer.
 */
#ifndef KISS_CALLER_H
#define KISS_CALLER_H

#include "caller/caller_record.h"
#include "db/db.h"
#include "lib/base/crypto.h"

/** Reads a record by `name` on a connection. `caller` and its texts live in `p`; caller->code is NULL when there is none. */
typedef kiss_db_status kiss_caller_reader(const kiss_caller **caller, kiss_db_conn *conn, const kiss_plan *plan,
                                          const char *name, apr_pool_t *p);

/** Reads that of a customer code. */
kiss_caller_reader kiss_caller_fetch;

/** Makes what a child process remembers of callers. In child_init. */
apr_status_t kiss_caller_attach(apr_pool_t *pchild);

/**
 * Finds a record: remembered, if the database is as it was then, or read by `fetch` on a connection of its own.
 *
 * @param note   receives 1 when the use of the caller's key should be noted
 * @param digest of what the caller was found by
 */
kiss_db_status kiss_caller_find(const kiss_caller **caller, int *note, kiss_req *k, kiss_caller_reader *fetch, const char *name,
                                const unsigned char digest[KISS_SHA256_LEN]);

/** Notes that a key was used. Its failure is no error: the note is a convenience, and a database may be read-only. */
void kiss_caller_note_key(kiss_req *k, const char *key_id);

/** Finds the record of a customer code. */
kiss_db_status kiss_caller_read(const kiss_caller **caller, kiss_req *k, const char *code);

/**
 * The scope stage: makes sure that the endpoint's caller exists and is not disabled, whatever its token says; of a caller
 * with a key, that its role may call the endpoint.
 *
 * Sets k->caller. @return NULL, or 401, 403, 404, 503
 */
const kiss_error *kiss_caller_check(kiss_req *k);

/**
 * Logs, at most every ten seconds, that a row of `revision` is missing: an answer without it could be taken for another one, so
 * there is none.
 *
 * @param what which one
 */
void kiss_caller_log_missing(const kiss_req *k, const char *what);

/** What of a customer's record an endpoint's answer depends on, beside the revisions. */
typedef struct {
    const char *term[KISS_TERMS];   /**< of the record; NULL where it does not depend on it */
    const apr_int64_t *discount;    /**< of the record, likewise */
} kiss_terms;

/** The terms of an endpoint's answer to this caller; they live as long as the record. */
kiss_terms kiss_caller_terms(const kiss_caller *caller, const kiss_endpoint *endpoint);

/**
 * The strong ETag of an endpoint's answer to this caller, without quotes: a digest of the scope and the revisions that
 * the answer depends on. Equal on every host that sees the same data. In `p`.
 */
const char *kiss_caller_etag(const kiss_caller *caller, const kiss_api *api, const kiss_endpoint *endpoint,
                             apr_pool_t *p);

/** The same without the revisions: two answers have the same one when they are of one list to equal terms, then and now. */
const char *kiss_caller_cache_key(const kiss_caller *caller, const kiss_api *api, const kiss_endpoint *endpoint,
                              apr_pool_t *p);

#endif
