/* SPDX-License-Identifier: Apache-2.0 */
/* Unit test: paths and methods of an API. */
#include <string.h>

#include "lib/api/customer.h"
#include "lib/api/route.h"
#include "unit.h"

void unit_route(void)
{
    const char *named;
    int allow;

    ok(!kiss_route_find(&kiss_customer_api, "/products/", KISS_GET, 0, &allow, &named) && allow == 0,
       "a trailing slash is another path");
    ok(!kiss_route_find(&kiss_customer_api, "/products", KISS_POST, 0, &allow, &named) && allow == KISS_GET,
       "the wrong method is told");
    ok(kiss_route_find(&kiss_customer_api, "/.well-known/oauth-protected-resource", KISS_GET, 0, &allow, &named) && !named,
       "a path that others go on from");
    ok(kiss_route_find(&kiss_customer_api, "/.well-known/oauth-protected-resource/a/b", KISS_GET, 0, &allow, &named)
       && named && strcmp(named, "a/b") == 0, "any number of segments");
    ok(!kiss_route_find(&kiss_customer_api, "/.well-known/oauth-protected-resource/", KISS_GET, 0, &allow, &named) && !named,
       "... but not none");
    ok(!kiss_route_find(&kiss_customer_api, "/.well-known/oauth-protected-resources", KISS_GET, 0, &allow, &named),
       "... nor what only begins so");
}
