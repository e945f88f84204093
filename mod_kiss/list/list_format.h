/* SPDX-License-Identifier: Apache-2.0 */
/** list_format - the format in which the list of an endpoint is written. Pure, thread-safe. */
#ifndef KISS_LIST_FORMAT_H
#define KISS_LIST_FORMAT_H

#include <apr_pools.h>

#include "lib/api/table.h"
#include "lib/file/row_format.h"

/** The format of an endpoint's list. In `p`, or static. */
const kiss_row_format *kiss_list_format_of(const kiss_endpoint *endpoint, apr_pool_t *p);

#endif
