/* SPDX-License-Identifier: Apache-2.0 */
/**
 * import_cell - a checked cell. Pure.
 */
#include "lib/import/import_cell.h"

void import_value_set(import_value *value, const char *text, apr_size_t len)
{
    value->text = text;
    value->len = len;
    value->null = 0;
    value->fallback = 0;
    value->remarks = 0;
}
