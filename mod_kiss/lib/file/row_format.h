/* SPDX-License-Identifier: Apache-2.0 */
/**
 * row_format - how the rows of a list follow each other in its text, and how the SKU of a row is found there: for JSON,
 * NDJSON and CSV (RFC 4180). What walks, patches and divides lists depends on nothing else of a format.
 *
 * The separator occurs nowhere within a row, so that rows are found from any place of a text. Pure, thread-safe,
 * allocates nothing but kiss_row_format_csv().
 */
#ifndef KISS_ROW_FORMAT_H
#define KISS_ROW_FORMAT_H

#include <apr_pools.h>

#include "lib/base/value.h"

/** Bytes of the longest SKU: 64 characters. */
#define KISS_ROWS_KEY 256

/** A format. */
typedef struct kiss_row_format {
    const char *begin;              /**< before the first row */
    const char *separator;          /**< between two rows; ends with a line feed */
    const char *end;                /**< after the last row */
    const char *empty;              /**< the text of a list without rows */
    apr_size_t begin_len;           /**< length of `begin` */
    apr_size_t separator_len;       /**< length of `separator` */
    apr_size_t end_len;             /**< length of `end` */
    char first;                     /**< the first character of each row; NUL: any */
    char last;                      /**< the last one; NUL: any */
    int has_feeds;                  /**< 1 when a row may contain line feeds */
    /** Finds the SKU of the row at `row` as it is written there, without quotes; other rows may follow. @return 0, or -1 */
    int (*find_key)(kiss_value *key, const char *row, const char *end);
    /** The same where it is known that it starts at `at`; NULL where that is not faster. */
    int (*key_at)(kiss_value *key, const char *at, const char *end);
    /** Its plain text, in `buffer` where that differs. @return 0, or -1 when it cannot be in a list */
    int (*plain_key)(kiss_value *key, char buffer[KISS_ROWS_KEY], const kiss_value *written);
} kiss_row_format;

/** `[{...},\n{...}]`. */
extern const kiss_row_format kiss_row_format_json;

/** `{...}\n{...}\n`. */
extern const kiss_row_format kiss_row_format_ndjson;

/** Records after the record `header`, each ended by CR LF. Their first cell is the SKU. In `p`. */
const kiss_row_format *kiss_row_format_csv(const char *header, apr_pool_t *p);

/** The line feed of the first separator after `at`, or NULL. @param at where a row starts, or within one */
const char *kiss_row_format_feed(const kiss_row_format *format, const char *at, const char *end);

/** Where the last row before `end` starts; `from` when none does. @param from where a row starts */
const char *kiss_row_format_last(const kiss_row_format *format, const char *from, const char *end);

#endif
