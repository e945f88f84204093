/* SPDX-License-Identifier: Apache-2.0 */
/**
 * write_store - objects that are written (kiss_writeset) in the database: read, compared, changed, removed, and noted in
 * the audit.
 *
 * Only what differs is written, so that the log of changes, and the next list of every customer, cost no more than the
 * change.
 */
#ifndef KISS_WRITE_STORE_H
#define KISS_WRITE_STORE_H

#include "db/db.h"
#include "lib/api/write_body.h"

/** What of an object is locked when it is read: sets of these, and of 1 << n for the n-th array. */
#define KISS_WRITE_STORE_NOTHING 0u
#define KISS_WRITE_STORE_SELF    (1u << 31)

/** An object as it is. */
typedef struct {
    kiss_write_object object;           /**< object.self is NULL where there is none; there may be rows of its arrays then */
    int owned;                          /**< 1: it was written over HTTPS before */
} kiss_write_stored;

/**
 * Reads an object.
 *
 * @param stored receives it, in `p`
 * @param key    the values of its key
 * @param locks  what stays locked until the transaction ends
 */
kiss_db_status kiss_write_store_read(kiss_write_stored *stored, kiss_db_conn *conn, const kiss_write_plan *plan,
                                     const char *const *key, unsigned locks, apr_pool_t *p);

/**
 * Reads the objects after a key, in the order of their keys.
 *
 * @param page  receives them, of kiss_write_stored, in `p`
 * @param more  receives 1 when there are others after them
 * @param after the key; "": from the first one
 * @param most  their maximum; they are fewer where they are large
 */
kiss_db_status kiss_write_store_page(apr_array_header_t **page, int *more, kiss_db_conn *conn, const kiss_write_plan *plan,
                                     const char *after, int most, apr_pool_t *p);

/**
 * Looks up what an object refers to.
 *
 * @param fault receives NULL, or a sentence about the first reference that leads nowhere
 */
kiss_db_status kiss_write_store_references(const char **fault, kiss_db_conn *conn, const kiss_write_plan *plan,
                                           const kiss_write_object *object, apr_pool_t *p);

/**
 * The values of a row over those that are there: what is absent stays.
 *
 * @param changed the JSON names of what differs are added to it, joined by commas
 * @param old     what is there, or NULL; then what is absent stays kiss_write_absent
 * @return them, in `p`
 */
const char **kiss_write_store_merge(const char **changed, const kiss_write_table *t, const char *const *old,
                                    const char *const *values, apr_pool_t *p);

/**
 * Writes what differs.
 *
 * @param old     what is there; old->self is NULL for a new object
 * @param changed receives the JSON names of what differed, joined by commas; "" for nothing
 */
kiss_db_status kiss_write_store_change(const char **changed, kiss_db_conn *conn, const kiss_write_plan *plan,
                                       const kiss_write_object *old, const kiss_write_object *object, apr_pool_t *p);

/** Removes an object with its nested rows, but for those that can be there without it. */
kiss_db_status kiss_write_store_remove(kiss_db_conn *conn, const kiss_write_plan *plan, const kiss_write_object *object);

/** The arrays whose rows are removed with an object, as of kiss_write_store_read(). */
unsigned kiss_write_store_removed(const kiss_write_plan *plan);

/** Notes whose the object is from now on. */
kiss_db_status kiss_write_store_own(kiss_db_conn *conn, const kiss_write_plan *plan, const char *key, const char *admin,
                                    apr_pool_t *p);

/** Adds a write to the audit. */
kiss_db_status kiss_write_store_audit(kiss_db_conn *conn, const kiss_write_plan *plan, const char *const *key,
                                      const char *changed);

/** Copies the rows of a statement. @param rows receives them, of const char **, in `p` */
kiss_db_status kiss_write_store_rows(apr_array_header_t **rows, kiss_db_conn *conn, const kiss_statement *s,
                                     const char *const *args, apr_pool_t *p);

/** 1 when the columns that are the key of a table (`key` set), or all others, are the same in two rows. */
int kiss_write_store_same(const kiss_write_table *t, const char *const *a, const char *const *b, int key);

#endif
