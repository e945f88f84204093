/* SPDX-License-Identifier: Apache-2.0 */
/**
 * write_store - an object that is written (kiss_writeset) in the database: read, compared, changed, removed, and
 * noted in the audit.
 *
 * Only what differs is written, so that the log of changes, and the next list of every customer, cost no more than the
 * change.
 */
#ifndef KISS_WRITE_STORE_H
#define KISS_WRITE_STORE_H

#include "db/db.h"
#include "lib/api/write_body.h"

/**
 * Reads an object.
 *
 * @param object receives it, in `p`; object->self is NULL where there is none
 * @param owned  receives 1 when it was written over HTTPS before
 * @param lock   1: its rows stay locked until the transaction ends
 */
kiss_db_status kiss_write_store_read(kiss_write_object *object, int *owned, kiss_db_conn *conn, const kiss_write_plan *plan,
                                     const char *key, int lock, apr_pool_t *p);

/**
 * Looks up what an object refers to.
 *
 * @param fault receives NULL, or a sentence about the first reference that leads nowhere
 */
kiss_db_status kiss_write_store_references(const char **fault, kiss_db_conn *conn, const kiss_write_plan *plan,
                                           const kiss_write_object *object, apr_pool_t *p);

/**
 * Writes what differs.
 *
 * @param old     what is there; old->self is NULL for a new object
 * @param changed receives the JSON names of what differed, joined by commas; "" for nothing
 */
kiss_db_status kiss_write_store_change(const char **changed, kiss_db_conn *conn, const kiss_write_plan *plan,
                                       const kiss_write_object *old, const kiss_write_object *object, apr_pool_t *p);

/** Removes an object with its nested rows, but for those that can be there without it. */
kiss_db_status kiss_write_store_remove(kiss_db_conn *conn, const kiss_write_plan *plan, const kiss_write_object *object,
                                       apr_pool_t *p);

/** Notes whose the object is from now on. */
kiss_db_status kiss_write_store_own(kiss_db_conn *conn, const kiss_write_plan *plan, const char *key, const char *admin,
                                    apr_pool_t *p);

/** Adds a write to the audit. */
kiss_db_status kiss_write_store_audit(kiss_db_conn *conn, const kiss_write_plan *plan, const char *key, const char *changed);

#endif
