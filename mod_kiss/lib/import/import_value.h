/* SPDX-License-Identifier: Apache-2.0 */
/**
 * import_value - checks one cell. Pure.
 */
#ifndef IMPORT_VALUE_H
#define IMPORT_VALUE_H

#include "lib/import/import_cell.h"

/**
 * Checks a cell, already known to be UTF-8.
 *
 * @param value receives what goes into the database, also for a bad cell (something harmless)
 * @return NULL, or the reason in `p` or static
 */
const char *import_value_check(import_value *value, const import_column *column, const import_reading *how,
                               const char *text, apr_size_t len, apr_pool_t *p);

#endif
