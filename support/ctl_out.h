/* SPDX-License-Identifier: Apache-2.0 */
/**
 * ctl_out - data on standard output: an aligned table for people, JSON for programs, CSV for back offices.
 *
 * JSON has one object a row with the column names as keys; decimals keep their digits, absent values are null.
 */
#ifndef CTL_OUT_H
#define CTL_OUT_H

#include <stdio.h>

#include <apr_tables.h>

#include "ctl.h"

/** How a column is written as JSON. */
typedef enum {
    OUT_TEXT,
    OUT_NUMBER,         /**< the text is a plain decimal and becomes a JSON number with the same digits */
    OUT_NUMBERS,        /**< whole numbers joined by commas: an array */
    OUT_FLAG            /**< "0" or "1": false or true; no or yes in the table */
} out_type;

/** A column. */
typedef struct {
    const char *name;
    out_type type;
} out_column;

/** Writes rows (array of const char **, NULL: absent), as an array or a table with a header. */
void ctl_out_rows(const ctl *c, const out_column *columns, int n, const apr_array_header_t *rows);

/** Writes rows as CSV with a header (RFC 4180); absent values are empty. */
void ctl_out_csv(const out_column *columns, int n, const apr_array_header_t *rows);

/** Writes one row, as an object or one "Name: value" a line. */
void ctl_out_row(const ctl *c, const out_column *columns, int n, const char *const *row);

/** Sorts an array of const char * by bytes. */
void ctl_out_sort(apr_array_header_t *texts);

/** Brings what was written to where standard output leads, onto the disk if that is a file. @return 0, or the reason */
apr_status_t ctl_out_flush(void);

/** Writes bytes as one line; control characters become '?' so that data cannot drive the terminal. */
void ctl_out_safe(FILE *f, const char *text);

#endif
