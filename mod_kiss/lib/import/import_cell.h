/* SPDX-License-Identifier: Apache-2.0 */
/**
 * import_cell - a checked cell: its value, and what it gives rise to note. Pure.
 */
#ifndef IMPORT_CELL_H
#define IMPORT_CELL_H

#include "lib/import/import_table.h"

/** What is noted of a good cell, at once or when all cells are read: bits of import_value.remarks. */
typedef enum {
    IMPORT_ROUNDED,             /**< decimals were rounded away */
    IMPORT_CUT,                 /**< the text was too long and was cut */
    IMPORT_ZERO,                /**< a price of 0 */
    IMPORT_SMALL,               /**< a percentage between 0 and 1 */
    IMPORT_CHECK_DIGIT,         /**< a barcode with a wrong check digit */
    IMPORT_LOST_ZERO,           /**< a barcode whose leading zeros are lost */
    IMPORT_ERROR_VALUE,         /**< a text that is what a spreadsheet shows for an error */
    IMPORT_SHORT_ROW,           /**< a row whose last cells the file left off */
    IMPORT_MAYBE_POINT,         /**< 1.200: a decimal point, or one between thousands */
    IMPORT_MAYBE_COMMA,         /**< 1,200: the same with a comma */
    IMPORT_POINT,               /**< 19.95: a decimal point for certain */
    IMPORT_COMMA,               /**< 19,95: a decimal comma for certain */
    IMPORT_THOUSANDS,           /**< 1.234.567, 1,234.56: thousands for certain */
    IMPORT_REMARKS              /**< how many there are */
} import_remark;

/** A checked value as the database takes it. */
typedef struct {
    const char *text;           /**< not NUL-terminated in general; a part of the cell, or in the pool, or static */
    apr_size_t len;
    int null;
    int fallback;               /**< the table's default is taken */
    unsigned int remarks;       /**< bits, 1U << import_remark */
} import_value;

/** How a file's cells are to be read. */
typedef struct {
    int comma;                  /**< decimals may have a comma: cells are separated by something else */
    int cut;                    /**< texts that are too long are cut */
} import_reading;

/** Sets the value to that text, without anything else. */
void import_value_set(import_value *value, const char *text, apr_size_t len);

#endif
