/* SPDX-License-Identifier: Apache-2.0 */
/**
 * list_format - the formats of lists by their endpoints.
 */
#include "list/list_format.h"

#include <apr_strings.h>

#include "lib/api/csv_row.h"

/* U+FEFF in UTF-8: spreadsheets recognise the encoding by it. */
#define BYTE_ORDER_MARK "\xef\xbb\xbf"

const kiss_row_format *kiss_list_format_of(const kiss_endpoint *endpoint, apr_pool_t *p)
{
    const char *header;

    if (!endpoint->csv) {
        return endpoint->format == KISS_FORMAT_NDJSON ? &kiss_row_format_ndjson : &kiss_row_format_json;
    }
    header = kiss_csv_row_header(endpoint->csv, p);
    header = endpoint->format == KISS_FORMAT_CSV_BOM ? apr_pstrcat(p, BYTE_ORDER_MARK, header, NULL) : header;
    return kiss_row_format_csv(header, p);
}
