/* SPDX-License-Identifier: Apache-2.0 */
/**
 * write_request - what all requests that write have in common: body, Idempotency-Key, a transaction that is tried
 * again where it collides with others.
 */
#ifndef KISS_WRITE_REQUEST_H
#define KISS_WRITE_REQUEST_H

#include "db/db.h"

/** Refuses a request with 400 and this sentence, which lives as long as the request. @return the error */
const kiss_error *kiss_write_request_refuse(kiss_req *k, const char *what);

/**
 * Reads the body.
 *
 * @param body receives it, in k->pool, followed by a NUL
 * @param max  its maximum in bytes
 * @return NULL; 400, 408, 413
 */
const kiss_error *kiss_write_request_body(kiss_req *k, char **body, apr_size_t *len, apr_size_t max);

/** Reads the header Idempotency-Key. @param key receives it, or NULL without one @return NULL, or 400 */
const kiss_error *kiss_write_request_key(kiss_req *k, const char **key);

/** SHA-256 of a text as hexadecimal digits, in `p`. */
const char *kiss_write_request_digest(const char *text, apr_size_t len, apr_pool_t *p);

/**
 * Reads the only row of a statement, as texts in `p`; row[0] is NULL when there is none.
 *
 * @param row room for the statement's columns; SQL NULL is ""
 */
kiss_db_status kiss_write_request_find(kiss_db_conn *conn, const kiss_statement *s, const char *const *args,
                                       const char **row, apr_pool_t *p);

/** A transaction. */
typedef struct {
    /** What it does; sets `*keep` to 0 when nothing of it is to stay. It may be called several times. */
    kiss_db_status (*work)(kiss_db_conn *conn, void *baton, int *keep);
    /** Called outside of it before another try, when a key was taken; or NULL */
    kiss_db_status (*taken)(kiss_db_conn *conn, void *baton);
    /** NULL: it is not done again after a COMMIT of which nobody knows whether it succeeded. Else, for what has an
        Idempotency-Key and looks for it: receives 1 when there was such a COMMIT */
    int *unknown;
} kiss_write_request_transaction;

/**
 * Runs a transaction, for some seconds again and again where it collides with others: at the nodes of a cluster the
 * one that commits later loses.
 *
 * @return its status; KISS_DB_REFUSED when it is not known whether it was committed, and it is not to be done again
 */
kiss_db_status kiss_write_request_run(kiss_db_conn *conn, const kiss_write_request_transaction *t, void *baton);

#endif
