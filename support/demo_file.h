/* SPDX-License-Identifier: Apache-2.0 */
/**
 * demo_file - CSV files of made-up data, and the numbers they are made of, which only look random: the same everywhere
 * and every time. Single-threaded.
 *
 * Nothing here knows what the files are about.
 */
#ifndef DEMO_FILE_H
#define DEMO_FILE_H

#include <apr_file_io.h>

/** A set of files that is being written. */
typedef struct {
    apr_pool_t *pool;
    const char *dir;
    int failed;                     /**< something failed and was reported: everything else is skipped */
} demo;

/** One file. */
typedef struct {
    demo *d;
    const char *path;
    apr_file_t *f;
    int rows;
} demo_file;

/** An empty cell, for i, d, a and t. */
#define DEMO_NONE (-1000000)

/** A number from 0 to n - 1 that depends on `what` it is for and whose it is, and on nothing else. */
int demo_pick(int what, int id, int n);

/** The day of a date, counted from 1970-01-01. */
int demo_day(int year, int month, int day);

/** Opens a new file and writes its header. */
void demo_open(demo *d, demo_file *f, const char *name, const char *header);

/**
 * Writes a row, one letter of `types` a cell:
 * i int; s text, NULL is empty; b int that is 0 or not; d int, a day as YYYY-MM-DD; a int, a day as the time at which it
 * begins in California; t int, a day as some time of it; m apr_int64_t, millionths; u apr_int64_t, hundredths.
 */
void demo_row(demo_file *f, const char *types, ...);

/** Ends a file. */
void demo_close(demo_file *f);

#endif
