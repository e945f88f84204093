/* SPDX-License-Identifier: Apache-2.0 */
/**
 * write_change - what the requests of admin clients have in common: their plan and database, body, Idempotency-Key,
 * transaction, and what they are counted as when nothing was done.
 */
#ifndef KISS_WRITE_CHANGE_H
#define KISS_WRITE_CHANGE_H

#include "db/db.h"
#include "lib/api/write_plan.h"

/** A request: the first member of what each kind of them keeps. */
typedef struct kiss_write_change {
    kiss_req *k;
    const kiss_write_plan *plan;    /**< what it reads or writes */
    const char *idempotency_key;    /**< Idempotency-Key, or NULL */
    const char *hash;               /**< digest of the request, hexadecimal */
    const kiss_error *error;        /**< why it is refused, or NULL */
    int status;                     /**< of the answer */
    int unknown;                    /**< 1 when it is not known whether a COMMIT succeeded */
    int repeated;                   /**< 1 when an earlier request with the same Idempotency-Key has done it */
} kiss_write_change;

/** Sets all of it for a request, and the database of `k`: that of KissAdminDatabase. */
void kiss_write_change_start(kiss_write_change *w, kiss_req *k);

/** Refuses the request with this error and sentence, which lives as long as the request. @return the error */
const kiss_error *kiss_write_change_refuse(kiss_write_change *w, const kiss_error *e, const char *what);

/**
 * Reads the body, of which w->hash is then.
 *
 * @param body receives it, in k->pool, followed by a NUL
 * @return NULL; 400, 408, 413
 */
const kiss_error *kiss_write_change_body(kiss_write_change *w, char **body, apr_size_t *len);

/** What a kind of request does. `w` is of its own type. */
typedef struct {
    /** Reads the body. @return NULL, or why it is refused */
    const kiss_error *(*read)(kiss_write_change *w);
    /**
     * Does it, within a transaction; it may be called several times. Sets w->status. It calls
     * kiss_write_change_find_repeated(), and does nothing when that sets w->error or w->repeated.
     */
    kiss_db_status (*work)(kiss_db_conn *conn, kiss_write_change *w);
} kiss_write_change_kind;

/** Looks for an earlier request with the same Idempotency-Key; sets w->status and w->repeated, or w->error. */
kiss_db_status kiss_write_change_find_repeated(kiss_write_change *w, kiss_db_conn *conn);

/**
 * Does a request: nothing of it is stored when it is refused or was done before.
 *
 * @return NULL when it was done; or the error, as which it is counted: 400, 404, 408, 409, 412, 413, 500, 503
 */
const kiss_error *kiss_write_change_run(kiss_write_change *w, const kiss_write_change_kind *kind);

/** Sets the headers of the answer to a request that was done. */
void kiss_write_change_headers(const kiss_write_change *w);

#endif
