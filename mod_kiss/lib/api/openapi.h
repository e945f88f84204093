/* SPDX-License-Identifier: Apache-2.0 */
/**
 * openapi - an API as an OpenAPI 3.1 document, derived from its tables. Pure.
 *
 * A document is made once at start and is immutable then: thread-safe. Only the URL of the server and the contact are put
 * in when it is sent.
 */
#ifndef KISS_OPENAPI_H
#define KISS_OPENAPI_H

#include <apr_pools.h>

#include "lib/api/table.h"

/** A document. */
typedef struct kiss_openapi kiss_openapi;

/**
 * The document of what each of `roles` gets: endpoints that all of them may call, with the columns that none of them
 * lacks. In `p`.
 *
 * @param feeds 1: of a location with KissFeedBasic
 * @param admin 1: the admin endpoints, and that for a token; 0: all others
 * @return NULL without memory
 */
const kiss_openapi *kiss_openapi_make(const kiss_api *api, unsigned roles, int feeds, int admin, apr_pool_t *p);

/**
 * The document for a server.
 *
 * @param server URL at which the API's paths begin, without a slash at its end
 * @param admin  ServerAdmin: an address or a URL; NULL or anything else: the contact is only a name
 * @return JSON text in `p`
 */
const char *kiss_openapi_text(const kiss_openapi *document, const char *server, const char *admin, apr_pool_t *p);

/** The ETag of that text, without quotes, in `p`. Equal for equal texts, on all hosts. */
const char *kiss_openapi_tag(const kiss_openapi *document, const char *server, const char *admin, apr_pool_t *p);

#endif
