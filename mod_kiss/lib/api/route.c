/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/api/route.h"

#include <string.h>

/** 1 when `path` is `pattern`, whose last segment may be `:name`; `named` receives what stands there. */
static int matches(const char *pattern, const char *path, const char **named)
{
    const char *colon = strchr(pattern, ':');
    apr_size_t n = colon ? (apr_size_t)(colon - pattern) : 0;

    *named = colon ? path + n : NULL;
    if (!colon) {
        return strcmp(pattern, path) == 0;
    }
    return strncmp(pattern, path, n) == 0 && path[n] != '\0' && !strchr(path + n, '/');
}

const kiss_endpoint *kiss_route_find(const kiss_api *api, const char *path, int method, int *allow, const char **named)
{
    const kiss_endpoint *e;

    *allow = 0;
    for (e = api->endpoints; e->path; e++) {
        if (matches(e->path, path, named)) {
            if (e->methods & method) {
                return e;
            }
            *allow |= e->methods;
        }
    }
    *named = NULL;
    return NULL;
}
