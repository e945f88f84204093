/* SPDX-License-Identifier: Apache-2.0 */
/**
 * list_format - the formats of lists by their endpoints.
 */
#include "list/list_format.h"

const kiss_row_format *kiss_list_format_of(const kiss_endpoint *endpoint, apr_pool_t *p)
{
    (void)p;
    return endpoint->format == KISS_FORMAT_NDJSON ? &kiss_row_format_ndjson : &kiss_row_format_json;
}
