/* SPDX-License-Identifier: Apache-2.0 */
/** openapi_operation - what an endpoint takes and answers, as an operation of OpenAPI. Pure; one thread at a time. */
#ifndef KISS_OPENAPI_OPERATION_H
#define KISS_OPENAPI_OPERATION_H

#include "lib/api/openapi_node.h"

/** The operation of an endpoint; what it refers to is added to the components. */
json_object *kiss_openapi_operation(const kiss_openapi_build *b, const kiss_endpoint *endpoint);

/** The path of an endpoint: `:name` becomes `{name}`. */
const char *kiss_openapi_operation_path(const kiss_openapi_build *b, const kiss_endpoint *endpoint);

/**
 * Name of a security scheme: the access token by client credentials, a token that is known, code and API key of a customer,
 * the API key.
 */
#define KISS_OPENAPI_OAUTH  "clientCredentials"
#define KISS_OPENAPI_BEARER "accessToken"
#define KISS_OPENAPI_BASIC  "customerKey"
#define KISS_OPENAPI_KEY    "apiKey"

/** The method of an endpoint in lower case: "get". An endpoint that is documented has one. */
const char *kiss_openapi_operation_method(const kiss_endpoint *endpoint);

#endif
