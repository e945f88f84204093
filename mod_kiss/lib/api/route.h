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
const kiss_endpoint *kiss_route_find(const kiss_api *api, const char *path, int method, int admin, int *allow,
                                     const char **path_param);

/** The media type of a list: its Content-Type. */
const char *kiss_route_media_type(const kiss_endpoint *endpoint);

/** 1 when the list at this path is also sent in other formats, by Accept. */
int kiss_route_has_formats(const kiss_api *api, const kiss_endpoint *endpoint);

/**
 * Selects the format of a list: one that Accept names (RFC 9110 section 12.5.1) and prefers to JSON; else the endpoint
 * itself. A range with `*` prefers none.
 *
 * @param accept value of the header, or NULL
 */
const kiss_endpoint *kiss_route_format(const kiss_api *api, const kiss_endpoint *endpoint, const char *accept);

#endif
