#include "kiss_route.h"

#include <string.h>

const kiss_endpoint *kiss_route_find(const kiss_api *api, const char *path, int method, int *allow)
{
    const kiss_endpoint *e;

    *allow = 0;
    for (e = api->endpoints; e->path; e++) {
        if (strcmp(e->path, path) == 0) {
            if (e->methods & method) {
                return e;
            }
            *allow |= e->methods;
        }
    }
    return NULL;
}
