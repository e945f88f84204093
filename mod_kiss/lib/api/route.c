/* SPDX-License-Identifier: Apache-2.0 */
/**
 * route - matches paths with the patterns of endpoints, and Accept with the formats of lists.
 */
#include "lib/api/route.h"

#include <string.h>

#include "lib/base/negotiate.h"

/** 1 when `path` matches `pattern`, which may end with `:name` or `*name`; `path_param` receives what is in its place. */
static int matches(const char *pattern, const char *path, const char **path_param)
{
    const char *name = strpbrk(pattern, ":*");
    apr_size_t n = name ? (apr_size_t)(name - pattern) : 0;

    *path_param = name ? path + n : NULL;
    if (!name) {
        return strcmp(pattern, path) == 0;
    }
    return strncmp(pattern, path, n) == 0 && path[n] != '\0' && (*name == '*' || !strchr(path + n, '/'));
}

const kiss_endpoint *kiss_route_find(const kiss_api *api, const char *path, int method, int admin, int *allow,
                                     const char **path_param)
{
    const kiss_endpoint *e;

    *allow = 0;
    for (e = api->endpoints; e->path; e++) {
        if ((admin || e->auth != KISS_AUTH_ADMIN) && matches(e->path, path, path_param)) {
            if (e->methods & method) {
                return e;
            }
            *allow |= e->methods;
        }
    }
    *path_param = NULL;
    return NULL;
}

/* By kiss_format. */
static const char *const media_type[] = {
    [KISS_FORMAT_JSON] = "application/json; charset=utf-8",
    [KISS_FORMAT_NDJSON] = "application/x-ndjson",
    [KISS_FORMAT_CSV] = "text/csv; charset=utf-8; header=present",
    [KISS_FORMAT_CSV_BOM] = "text/csv; charset=utf-8; header=present"
};

const char *kiss_route_media_type(const kiss_endpoint *endpoint)
{
    return media_type[endpoint->format];
}

/** 1 when this is a format of the list at a path that is selected by Accept. */
static int is_format_of(const kiss_endpoint *e, const kiss_endpoint *endpoint)
{
    return e->variant_of && e->format != KISS_FORMAT_CSV_BOM && strcmp(e->variant_of, endpoint->path) == 0;
}

int kiss_route_has_formats(const kiss_api *api, const kiss_endpoint *endpoint)
{
    const kiss_endpoint *e = api->endpoints;

    while (e->path && !is_format_of(e, endpoint)) {
        e++;
    }
    return e->path != NULL;
}

const kiss_endpoint *kiss_route_format(const kiss_api *api, const kiss_endpoint *endpoint, const char *accept)
{
    const kiss_endpoint *e, *selected = endpoint;
    int best = kiss_negotiate_type(accept, media_type[endpoint->format], 0);

    best = best > 0 ? best : 0;
    for (e = api->endpoints; accept && e->path; e++) {
        int weight = is_format_of(e, endpoint) ? kiss_negotiate_type(accept, media_type[e->format], 1) : 0;

        if (weight > best) {
            best = weight;
            selected = e;
        }
    }
    return selected;
}
