/* SPDX-License-Identifier: Apache-2.0 */
/**
 * import_number - checks cells that hold a decimal, a whole number or a flag. Pure.
 */
#ifndef IMPORT_NUMBER_H
#define IMPORT_NUMBER_H

#include "lib/import/import_cell.h"

/** As import_value_check(), for decimals, whole numbers and flags, of `len` > 0 without blanks at the ends. */
const char *import_decimal_check(import_value *value, const import_column *column, const import_reading *how,
                                 const char *text, apr_size_t len, apr_pool_t *p);
const char *import_int_check(import_value *value, const import_column *column, const char *text, apr_size_t len,
                             apr_pool_t *p);
const char *import_flag_check(import_value *value, const import_column *column, const char *text, apr_size_t len,
                              apr_pool_t *p);

#endif
