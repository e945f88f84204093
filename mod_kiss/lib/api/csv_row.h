/* SPDX-License-Identifier: Apache-2.0 */
/**
 * csv_row - a record of CSV (RFC 4180) for each SKU, derived from the JSON of its rows as lib/api/row_json.h writes it: so
 * numbers, dates and texts are the same in all formats.
 *
 * A cell is quoted where it has to be. Line breaks within cells are line feeds, so that CR LF ends records only. null is
 * an empty cell. Pure, thread-safe.
 */
#ifndef KISS_CSV_ROW_H
#define KISS_CSV_ROW_H

#include <apr_pools.h>
#include <json-c/printbuf.h>

#include "lib/api/table.h"

/** The record of names, without its end. In `p`. */
const char *kiss_csv_row_header(const kiss_csv_column *columns, apr_pool_t *p);

/** NULL, or an error of the table: its first column must be the SKU, and each member one of `rows`. */
const char *kiss_csv_row_check(const kiss_csv_column *columns, const kiss_rowset *rows, apr_pool_t *p);

/**
 * Appends a record, without its end.
 *
 * @param cell a buffer for temporary use
 * @param rows the rows of a SKU: objects with any number of commas and line feeds between them
 * @return 0, or -1 when these are no such rows, or there is no memory
 */
int kiss_csv_row_write(struct printbuf *to, const kiss_csv_column *columns, struct printbuf *cell, const char *rows,
                       apr_size_t len);

#endif
