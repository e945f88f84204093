/* SPDX-License-Identifier: Apache-2.0 */
/**
 * merge_run - what the rows of a list are merged with: rows by key, kept as they came from the database.
 *
 * Written in ascending order of the keys, then read once in the same order, then cleared for the next use. In memory as
 * long as it is little, else in a file without a name. Not thread-safe.
 */
#ifndef KISS_MERGE_RUN_H
#define KISS_MERGE_RUN_H

#include <apr_file_io.h>

#include "lib/base/value.h"

typedef struct kiss_merge_run kiss_merge_run;

/** Makes an empty set, in `p`. Its file, if it needs one, is made in directory `dir`. */
apr_status_t kiss_merge_run_create(kiss_merge_run **run, const char *dir, apr_pool_t *p);

/** Empties it. */
apr_status_t kiss_merge_run_clear(kiss_merge_run *run);

/** Takes a row of n cells. The first is its key: that of the last row again, or a larger one. */
apr_status_t kiss_merge_run_add(kiss_merge_run *run, const kiss_value *row, int n);

/** All was written: what follows reads. */
apr_status_t kiss_merge_run_done(kiss_merge_run *run);

/**
 * Goes forward to a key, over smaller ones. Keys must be asked for in ascending order; the same one again is allowed.
 *
 * @param rows receives its rows, for kiss_merge_run_row(); valid until the next call; rows->data is NULL when there are none
 */
apr_status_t kiss_merge_run_find(kiss_merge_run *run, const kiss_value *key, kiss_value *rows);

/**
 * Takes the next row.
 *
 * @param rows what kiss_merge_run_find() found; it becomes what is left
 * @param row receives the n - 1 cells behind the key, in row[1] and following ones
 * @return 0 when there is none left
 */
int kiss_merge_run_row(kiss_value *rows, kiss_value *row, int n);

/** Bytes of what was written, after kiss_merge_run_done(). */
apr_off_t kiss_merge_run_size(const kiss_merge_run *run);

#endif
