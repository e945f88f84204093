/* SPDX-License-Identifier: Apache-2.0 */
/**
 * merge_run - rows in the order of their keys, as they came from the database, which the rows of a list are merged with.
 *
 * Written in ascending order of the keys, then read once in the same order, then cleared for the next use. In memory as
 * long as they are few, else in a file without a name. Not thread-safe.
 */
#ifndef KISS_MERGE_RUN_H
#define KISS_MERGE_RUN_H

#include <apr_file_io.h>

#include "lib/base/value.h"

typedef struct kiss_merge_run kiss_merge_run;

/** Creates an empty run, in `p`. Its file, if it needs one, is created in directory `dir`. */
apr_status_t kiss_merge_run_create(kiss_merge_run **run, const char *dir, apr_pool_t *p);

/** Empties it. */
apr_status_t kiss_merge_run_clear(kiss_merge_run *run);

/**
 * Adds a row of n cells, as many as each other one. The first one is its key: equal to that of the last row, or larger, and
 * no longer than 65,535 bytes, else APR_EINVAL.
 */
apr_status_t kiss_merge_run_add(kiss_merge_run *run, const kiss_value *row, int n);

/** Ends writing and starts reading. */
apr_status_t kiss_merge_run_done(kiss_merge_run *run);

/**
 * Advances to a key, past smaller ones. Keys must be requested in ascending order; repeating one is allowed.
 *
 * @param rows receives its rows, for kiss_merge_run_row(); valid until the next call; rows->data is NULL when there are none
 */
apr_status_t kiss_merge_run_find(kiss_merge_run *run, const kiss_value *key, kiss_value *rows);

/**
 * Returns the next row.
 *
 * @param rows the result of kiss_merge_run_find(); receives the remaining rows
 * @param row receives the n - 1 cells after the key, in row[1] and following ones
 * @return 0 when there is none left
 */
int kiss_merge_run_row(kiss_value *rows, kiss_value *row, int n);

/** Bytes of all records, after kiss_merge_run_done(). */
apr_off_t kiss_merge_run_size(const kiss_merge_run *run);

#endif
