/* SPDX-License-Identifier: Apache-2.0 */
/**
 * csv - streaming reader of RFC 4180 files. Pure: knows neither tables nor files; the bytes come from a callback.
 *
 * UTF-8, with or without BOM; cells separated by commas, semicolons, tabs or vertical bars, whichever the header shows or
 * a first line "sep=;" names; lines end with CRLF or LF; a cell in quotes may hold delimiters, line breaks and doubled
 * quotes. The first record is the header: it fixes the number of cells. A faulty cell never stops the reader: the record
 * is delivered with the fault named. Lines without any content (nothing, or delimiters only) are passed over. Cells that
 * a record lacks at its end are empty, as spreadsheets leave them off; more empty cells than the header has are dropped.
 *
 * One reader belongs to one thread. Its memory grows to the longest record, at most CSV_RECORD_MAX.
 */
#ifndef CSV_H
#define CSV_H

#include <apr_pools.h>

/** The longest record in bytes: in a longer one a quote is missing somewhere. */
#define CSV_RECORD_MAX (16 * 1024 * 1024)

/** Delivers up to `*len` bytes. @return APR_SUCCESS with `*len` > 0, APR_EOF at the end, or a failure. */
typedef apr_status_t csv_source(void *ctx, char *buf, apr_size_t *len);

/** One cell. Its text is valid until the next record is read. */
typedef struct {
    const char *text;           /**< the value, quotes removed, terminated by NUL */
    apr_size_t len;             /**< bytes */
    long line;                  /**< line of its first byte, from 1 */
    const char *error;          /**< NULL, or the first fault in this cell */
    long error_line;            /**< the line of that fault */
} csv_cell;

/** One record. */
typedef struct {
    csv_cell *cells;
    int n;                      /**< without `error` as many as the header has */
    int missing;                /**< how many of them the file left off */
    long line;                  /**< line of its first byte; with `error`, the line of that fault */
    const char *error;          /**< NULL, or what is wrong with the record as a whole (number of cells) */
} csv_row;

/** What csv_next() found. */
typedef enum {
    CSV_ROW,                    /**< a record, perhaps with faults */
    CSV_END,                    /**< no more records */
    CSV_FAILED                  /**< cannot go on: csv_failure() says why */
} csv_status;

typedef struct csv_reader csv_reader;

/** A reader on `source`; lives in `p`. */
csv_reader *csv_open(csv_source *source, void *ctx, apr_pool_t *p);

/** Reads the next record; the first one is the header. */
csv_status csv_next(csv_reader *r, csv_row *row);

/** After CSV_END: whether the last record has no line end, as in a file that was cut off. */
int csv_unended(const csv_reader *r);

/** What separates the cells; known once the header was read. */
char csv_delimiter(const csv_reader *r);

/** After CSV_FAILED: a sentence in the reader's pool. `line` receives where it happened. */
const char *csv_failure(const csv_reader *r, long *line);

#endif
