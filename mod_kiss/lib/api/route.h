/* SPDX-License-Identifier: Apache-2.0 */
/** route - finds the endpoint of a method and path. Pure, thread-safe. */
#ifndef KISS_ROUTE_H
#define KISS_ROUTE_H

#include "lib/api/table.h"

/**
 * Finds the endpoint for a path.
 *
 * @param path   the path below the API's location, starting with '/'; compared byte for byte (a trailing slash differs)
 * @param method one of the KISS_ methods, or 0 for one that no endpoint has
 * @param allow  receives the set of methods of all endpoints with this path, for `Allow`
 * @param path_param  receives what is in place of `:name` or `*name`, within `path`; NULL when the endpoint has none
 * @return the endpoint; NULL with *allow 0 when no endpoint has this path, NULL with *allow set when the method is wrong
 */
const kiss_endpoint *kiss_route_find(const kiss_api *api, const char *path, int method, int *allow,
                                     const char **path_param);

#endif
