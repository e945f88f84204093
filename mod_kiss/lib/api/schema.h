/* SPDX-License-Identifier: Apache-2.0 */
/** schema - answers of the schema endpoints, derived from the tables. Pure. */
#ifndef KISS_SCHEMA_H
#define KISS_SCHEMA_H

#include <apr_pools.h>

#include "lib/api/table.h"

/**
 * The description of an endpoint's rows (contract section 9 and "Left open" 14): names with the first letter lowered.
 *
 * @return JSON text in `p`, or NULL without memory
 */
const char *kiss_schema_text(const kiss_api *api, const kiss_endpoint *endpoint, apr_pool_t *p);

#endif
