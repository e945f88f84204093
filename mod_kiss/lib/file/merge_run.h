/* SPDX-License-Identifier: Apache-2.0 */
/**
 * kiss_records - what the rows of a list are merged with: rows by key, kept as they came from the database.
 *
 * Written in ascending order of the keys, then read once in the same order, then cleared for the next use. In memory as
 * long as it is little, else in a file without a name. Not thread-safe.
 */
#ifndef KISS_RECORDS_H
#define KISS_RECORDS_H

#include <apr_file_io.h>

#include "lib/base/value.h"

typedef struct kiss_records kiss_records;

/** Makes an empty set, in `p`. Its file, if it needs one, is made in directory `dir`. */
apr_status_t kiss_records_create(kiss_records **records, const char *dir, apr_pool_t *p);

/** Empties it. */
apr_status_t kiss_records_clear(kiss_records *records);

/** Takes a row of n cells. The first is its key: that of the last row again, or a larger one. */
apr_status_t kiss_records_add(kiss_records *records, const kiss_value *row, int n);

/** All was written: what follows reads. */
apr_status_t kiss_records_done(kiss_records *records);

/**
 * Goes forward to a key, over smaller ones. Keys must be asked for in ascending order; the same one again is allowed.
 *
 * @param rows receives its rows, for kiss_records_row(); valid until the next call; rows->data is NULL when there are none
 */
apr_status_t kiss_records_find(kiss_records *records, const kiss_value *key, kiss_value *rows);

/**
 * Takes the next row.
 *
 * @param rows what kiss_records_find() found; it becomes what is left
 * @param row receives the n - 1 cells behind the key, in row[1] and following ones
 * @return 0 when there is none left
 */
int kiss_records_row(kiss_value *rows, kiss_value *row, int n);

/** Bytes of what was written, after kiss_records_done(). */
apr_off_t kiss_records_size(const kiss_records *records);

#endif
