/* SPDX-License-Identifier: Apache-2.0 */
/**
 * row_json - writes rows of the database as JSON (RFC 8259) into a json-c printbuf.
 *
 * The bulk path: no object trees, no doubles, one pass. Pure and thread-safe; a writer is immutable.
 */
#ifndef KISS_ROW_JSON_H
#define KISS_ROW_JSON_H

#include <apr_pools.h>
#include <json-c/printbuf.h>

#include "lib/api/table.h"
#include "lib/base/value.h"

/** Values that are the same in every row of one answer. */
typedef struct {
    kiss_value fragment[KISS_TERMS];    /**< JSON text of each term, by kiss_row_json_term(); unused ones empty */
    apr_int64_t discount;               /**< the caller's percentage times 10^4 */
    apr_int64_t today;                  /**< the day in UTC, counted from 1970-01-01 */
} kiss_row_json_terms;

/** Columns prepared for writing: member names escaped and joined with their punctuation. */
typedef struct kiss_row_json_writer kiss_row_json_writer;

/**
 * Prepares `columns` for a reader of the roles `roles`, without those hidden from them; lives in `p`.
 *
 * @param key the SQL expression that precedes the columns in the select list, where a column with the same expression
 *            is not repeated; NULL when there is none
 */
const kiss_row_json_writer *kiss_row_json_writer_make(const kiss_column *columns, const char *key, unsigned roles,
                                                      apr_pool_t *p);

/**
 * The same for callers with these terms: all members that are terms become text, once, instead of for each row. Writes the
 * same as `w`; lives in `p`.
 */
const kiss_row_json_writer *kiss_row_json_writer_bind(const kiss_row_json_writer *w, const kiss_row_json_terms *terms,
                                                      apr_pool_t *p);

/** Writes `text` as a JSON string into `p`, for use as a term. */
kiss_value kiss_row_json_term(const char *text, apr_pool_t *p);

/** Outcome of kiss_row_json_write(). */
typedef enum {
    KISS_ROW_JSON_OK = 0,
    KISS_ROW_JSON_MEMORY,       /**< the buffer could not grow */
    KISS_ROW_JSON_VALUE         /**< a value is invalid for its column: `column` names it */
} kiss_row_json_status;

/**
 * Appends one object.
 *
 * @param pb       buffer; on failure it holds a part of the row and must be discarded
 * @param values   in the order of kiss_sql's select list
 * @param nested   the content of the array of each KISS_ROWS column, in column order: objects joined by commas
 * @param replaced is increased by the number of invalid UTF-8 bytes that became U+FFFD
 * @param column   receives the JSON name of the offending column with KISS_ROW_JSON_VALUE
 */
kiss_row_json_status kiss_row_json_write(struct printbuf *pb, const kiss_row_json_writer *w,
                                         const kiss_row_json_terms *terms,
                                         const kiss_value *values, const kiss_value *nested, apr_size_t *replaced,
                                         const char **column);

#endif
