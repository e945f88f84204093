/* SPDX-License-Identifier: Apache-2.0 */
/**
 * list_rows - reads the text of a list as list/list_reader.h writes it, `[row,\nrow,\nrow]` or in another format
 * (lib/file/row_format.h): in the order of their SKUs by code point; several rows of one SKU follow each other. The text
 * may be in several pieces, as it is where a list shares most of its bytes with an earlier version (lib/file/extent.h).
 * Pure, thread-safe, allocates nothing.
 */
#ifndef KISS_LIST_ROWS_H
#define KISS_LIST_ROWS_H

#include "lib/file/row_format.h"

/** A part of the text: complete rows of SKUs, with the separator before the first one; at last the end of the list. */
typedef struct {
    const char *data;
    apr_size_t len;                 /**< more than 0 */
    apr_off_t start;                /**< its offset in the list */
    apr_off_t stored;               /**< its offset in the file that it is in */
    int in_base;                    /**< 1 when that is a file that other versions may refer to */
} kiss_piece;

/** The text of a list. */
typedef struct {
    const kiss_piece *pieces;
    int count;
    const kiss_row_format *format;
} kiss_list_text;

/** A text in one piece. @param piece is set; it lives as long as the result */
kiss_list_text kiss_list_text_of(kiss_piece *piece, const char *data, apr_size_t len, const kiss_row_format *format);

/** Bytes of a text. */
apr_off_t kiss_list_text_size(const kiss_list_text *list);

/** The rows of one SKU, and where the list continues after them. All of them are in one piece. */
typedef struct {
    const char *rows;               /**< "{...}", or "{...},\n{...}", in the format of the list */
    apr_size_t len;                 /**< 0 after the last */
    kiss_value key;                 /**< the SKU as it is written, without its quotes */
    const char *rest;               /**< the rest of the piece: "{...", or `end` */
    const char *end;                /**< where the rows of the piece end */
    const kiss_list_text *list;
    int piece;                      /**< number of the piece */
} kiss_row_group;

/** Reads the first SKU of a list, which lives as long as `g` is used. @return 0, or -1 when this is no such list */
int kiss_rows_first(kiss_row_group *g, const kiss_list_text *list);

/** Reads the next SKU. @return 0, or -1 when this is no such list, or the rows of the SKU are in two pieces */
int kiss_rows_next(kiss_row_group *g);

/**
 * Advances from the current SKU to the first one that is equal to `sku` or follows it. The rows between them are
 * searched by halving, not read.
 *
 * @param sku as plain text
 * @return 0, or -1 when this is no such list
 */
int kiss_rows_seek(kiss_row_group *g, const kiss_value *sku);

/** Compares two SKUs as plain text, by code point: less than 0, 0, more than 0. */
int kiss_rows_order(const kiss_value *a, const kiss_value *b);

/** The rows of a piece: where they start, and where they end. @return 0, or -1 when it cannot be this piece of a list */
int kiss_rows_of_piece(const char **from, const char **to, const kiss_list_text *list, int piece);

/** Estimated number of rows of a list, by those in a part of it. */
apr_size_t kiss_rows_estimate(const kiss_list_text *list);

#endif
