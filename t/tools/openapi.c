/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Prints the OpenAPI document of an API, as its server would send it.
 *
 *     openapi API ROLE [SERVER]
 *
 * API is customer, feeds (the Customer API with KissFeedBasic), admin (its admin endpoints) or kss; ROLE is employee,
 * customer, supplier, or all: what every role gets.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <apr_general.h>

#include "lib/api/customer.h"
#include "lib/api/kss.h"
#include "lib/api/openapi.h"

static unsigned roles(const char *name)
{
    return strcmp(name, "employee") == 0 ? KISS_EMPLOYEE : strcmp(name, "customer") == 0 ? KISS_CUSTOMER
         : strcmp(name, "supplier") == 0 ? KISS_SUPPLIER : KISS_EVERYONE;
}

int main(int argc, const char *const *argv)
{
    const kiss_openapi *document;
    apr_pool_t *p;

    if (argc < 3 || apr_app_initialize(&argc, &argv, NULL) != APR_SUCCESS || apr_pool_create(&p, NULL) != APR_SUCCESS) {
        fputs("openapi API ROLE [SERVER]\n", stderr);
        return 2;
    }
    document = kiss_openapi_make(strcmp(argv[1], "kss") == 0 ? &kiss_kss_api : &kiss_customer_api, roles(argv[2]),
                                 strcmp(argv[1], "feeds") == 0, strcmp(argv[1], "admin") == 0, p);
    if (!document) {
        return 1;
    }
    puts(kiss_openapi_text(document, argc > 3 ? argv[3] : "https://api.kiss.test", NULL, p));
    return 0;
}
