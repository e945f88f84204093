/* SPDX-License-Identifier: Apache-2.0 */
/**
 * route - matches paths with the patterns of endpoints.
 */
#include "lib/api/route.h"

#include <string.h>

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

const kiss_endpoint *kiss_route_find(const kiss_api *api, const char *path, int method, int *allow, const char **path_param)
{
    const kiss_endpoint *e;

    *allow = 0;
    for (e = api->endpoints; e->path; e++) {
        if (matches(e->path, path, path_param)) {
            if (e->methods & method) {
                return e;
            }
            *allow |= e->methods;
        }
    }
    *path_param = NULL;
    return NULL;
}
