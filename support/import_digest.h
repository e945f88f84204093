/* SPDX-License-Identifier: Apache-2.0 */
/**
 * import_digest - a digest of rows in any order, by which a file and its table are compared. Pure.
 *
 * Each row gets a SipHash of its values under a secret key of the run; the digest is their sum and their number. Equal
 * digests mean equal rows, but for one case in 2^64. The memory is that of one row.
 */
#ifndef IMPORT_DIGEST_H
#define IMPORT_DIGEST_H

#include "lib/import/import_table.h"

#define IMPORT_DIGEST_KEY 16

/** A digest, and the row that is being added. */
typedef struct {
    unsigned char key[IMPORT_DIGEST_KEY];
    apr_uint64_t low, high;     /**< the sum */
    apr_uint64_t rows;
    char *row;                  /**< the values of the row so far */
    apr_size_t len, size;
    apr_pool_t *pool;           /**< of `row` */
} import_digest;

/** Empties the digest and sets its key. It lives as long as `p`. */
void import_digest_start(import_digest *d, const unsigned char key[IMPORT_DIGEST_KEY], apr_pool_t *p);

/** Adds a value to the row, in the order of the table's columns; `text` NULL: no value. 1.50 and 1.5 are the same. */
void import_digest_value(import_digest *d, const import_column *column, const char *text, apr_size_t len);

/** Ends the row. */
void import_digest_row(import_digest *d);

/** Whether both have the same rows. */
int import_digest_same(const import_digest *a, const import_digest *b);

#endif
