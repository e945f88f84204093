/* SPDX-License-Identifier: Apache-2.0 */
/* Unit test: paths and methods of an API. */
#include "lib/api/customer.h"
#include "lib/api/route.h"
#include "unit.h"

void unit_route(void)
{
    const char *named;
    int allow;

    ok(!kiss_route_find(&kiss_customer_api, "/products/", KISS_GET, &allow, &named) && allow == 0,
       "a trailing slash is another path");
    ok(!kiss_route_find(&kiss_customer_api, "/products", KISS_POST, &allow, &named) && allow == KISS_GET,
       "the wrong method is told");
}
