/* SPDX-License-Identifier: Apache-2.0 */
/**
 * metadata - the metadata documents of an API with bearer tokens: of its authorization server (RFC 8414), and of the
 * resource that the tokens are for (RFC 9728). Thread-safe; memory comes from the given pool.
 *
 * A document lies at the root of its host: the path of the identifier follows the well-known path (RFC 8414 section 3.1,
 * RFC 9728 section 3.1). Members that would be empty are omitted, but response_types_supported is required (RFC 8414
 * section 2). The tokens have no scopes, the server no keys to publish (HS256) and no signed client authentication.
 */
#ifndef KISS_METADATA_H
#define KISS_METADATA_H

#include <apr_pools.h>

#include "lib/api/table.h"

/**
 * The path of an identifier, which follows the well-known path.
 *
 * @param url  issuer, or resource identifier
 * @param bare 1: a slash at its end is no part of it (issuers); 0: only one that is the whole path is not (resources)
 * @return it, "" where there is none; NULL when `url` is not https, or has a user, query, fragment or escape
 */
const char *kiss_metadata_path(const char *url, int bare, apr_pool_t *p);

/**
 * The document of the authorization server.
 *
 * @param issuer claim iss of the tokens, for which kiss_metadata_path() is not NULL
 * @param base   the path of the API; the token endpoint is below it, on the issuer's host
 * @return JSON, or NULL without memory
 */
const char *kiss_metadata_server(const kiss_api *api, const char *issuer, const char *base, apr_pool_t *p);

/** The document of the resource: claim aud of the tokens. @return JSON, or NULL without memory */
const char *kiss_metadata_resource(const char *resource, const char *issuer, apr_pool_t *p);

#endif
