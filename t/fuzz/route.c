/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzz target: methods and paths of both APIs, and formats of lists. Input: API and method, an Accept, the path. */
#include <string.h>

#include <apr_strings.h>

#include "fuzz.h"
#include "lib/api/customer.h"
#include "lib/api/kss.h"
#include "lib/api/route.h"

/** 1 when a path matches a pattern of the table, by its rule once more. */
static int matches(const char *pattern, const char *path)
{
    for (; *pattern && *pattern != ':' && *pattern != '*'; pattern++, path++) {
        if (*pattern != *path) {
            return 0;
        }
    }
    return !*pattern ? !*path : *path != '\0' && (*pattern == '*' || !strchr(path, '/'));
}

/** What the first endpoint is that matches, and which methods the path has. */
static const kiss_endpoint *expected(const kiss_api *api, const char *path, int method, int admin, int *allow)
{
    const kiss_endpoint *e, *first = NULL;

    *allow = 0;
    for (e = api->endpoints; e->path; e++) {
        if ((admin || e->auth != KISS_AUTH_ADMIN) && matches(e->path, path)) {
            *allow |= e->methods;
            first = !first && (e->methods & method) ? e : first;
        }
    }
    return first;
}

/** The format is the list itself, or one of it that is selected by Accept; without Accept it is the list. */
static void check_format(const kiss_api *api, const kiss_endpoint *e, const char *accept)
{
    const kiss_endpoint *format = kiss_route_format(api, e, accept);

    MUST(format == e || (format->variant_of && strcmp(format->variant_of, e->path) == 0));
    MUST(format == e || strstr(accept, "/"));
    MUST(format == e || kiss_route_has_formats(api, e));
    MUST(kiss_route_format(api, e, NULL) == e && kiss_route_format(api, e, "") == e);
    MUST(kiss_route_format(api, e, "*/*") == e);
    MUST(kiss_route_media_type(format));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    apr_pool_t *p = fuzz_pool();
    fuzz_bytes in = { (const char *)data, size };
    const unsigned flags = fuzz_byte(&in);
    const kiss_api *api = flags & 1 ? &kiss_kss_api : &kiss_customer_api;
    const int method = flags >> 1 & 15, admin = flags >> 5 & 1;
    size_t len;
    const char *accept = fuzz_text(&in, &len, p), *path = apr_pstrmemdup(p, in.at, in.left), *path_param = "untouched";
    int allow = -1, methods;
    const kiss_endpoint *e = kiss_route_find(api, path, method, admin, &allow, &path_param);

    MUST(e == expected(api, path, method, admin, &methods) && (e || allow == methods));
    if (e) {
        const char *mark = strpbrk(e->path, ":*");

        MUST(mark ? path_param == path + (mark - e->path) && *path_param : path_param == NULL);
    }
    else {
        MUST(path_param == NULL);
    }
    if (e && e->run == KISS_RUN_LIST && !e->variant_of) {
        check_format(api, e, accept);
    }
    apr_pool_clear(p);
    return 0;
}
