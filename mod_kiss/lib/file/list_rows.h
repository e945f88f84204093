/* SPDX-License-Identifier: Apache-2.0 */
/**
 * list_rows - reads the text of a list as list/list_reader.h writes it: `[row,\nrow,\nrow]`, one row a line, in the
 * order of their SKUs by code point; several rows of one SKU follow each other. Pure, thread-safe, allocates nothing.
 */
#ifndef KISS_LIST_ROWS_H
#define KISS_LIST_ROWS_H

#include "lib/base/value.h"

/** Bytes of the longest SKU: 64 characters. */
#define KISS_ROWS_KEY 256

/** The rows of one SKU, and where the list continues after them. */
typedef struct {
    const char *rows;               /**< "{...}", or "{...},\n{...}" */
    apr_size_t len;                 /**< 0 after the last */
    kiss_value key;                 /**< the SKU as JSON text, without its quotes */
    const char *rest;               /**< the rest of the list: "{...", or "]" */
    const char *end;                /**< of the list */
} kiss_row_group;

/** Reads the first SKU of a list. @return 0, or -1 when this is no such list */
int kiss_rows_first(kiss_row_group *g, const kiss_value *list);

/** Reads the next SKU. @return 0, or -1 when this is no such list */
int kiss_rows_next(kiss_row_group *g);

/**
 * Advances from the current SKU to the first one that is equal to `sku` or follows it. The rows between them are
 * searched by halving, not read.
 *
 * @param sku as plain text
 * @return 0, or -1 when this is no such list
 */
int kiss_rows_seek(kiss_row_group *g, const kiss_value *sku);

/**
 * Finds the SKU of a row.
 *
 * @param key receives it as JSON text, without its quotes
 * @param row "{..."; other rows may follow before `end`
 * @return 0, or -1 when it has none
 */
int kiss_rows_find_key(kiss_value *key, const char *row, const char *end);

/** The SKU that starts here, as JSON text without its quotes. @return 0, or -1 when it does not end */
int kiss_rows_key_at(kiss_value *key, const char *at, const char *end);

/**
 * The plain text of a SKU in a list.
 *
 * @param buffer used where the text contains escapes
 * @return 0, or -1 when it cannot be in a list
 */
int kiss_rows_key(kiss_value *key, char buffer[KISS_ROWS_KEY], const kiss_value *json);

/** Compares two SKUs as plain text, by code point: less than 0, 0, more than 0. */
int kiss_rows_order(const kiss_value *a, const kiss_value *b);

/** Estimated number of rows of a list, by those in a part of it. */
apr_size_t kiss_rows_estimate(const kiss_value *list);

#endif
