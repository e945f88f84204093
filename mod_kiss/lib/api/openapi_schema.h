/* SPDX-License-Identifier: Apache-2.0 */
/** openapi_schema - JSON Schema (2020-12, as in OpenAPI 3.1) of the rows of an API. Pure; one thread at a time. */
#ifndef KISS_OPENAPI_SCHEMA_H
#define KISS_OPENAPI_SCHEMA_H

#include "lib/api/openapi_node.h"

/** A reference to the schema of a row called `item`, which is added to the components. */
json_object *kiss_openapi_schema_row(const kiss_openapi_build *b, const char *item, const kiss_column *columns);

/** A reference to the schema of a page of such rows. */
json_object *kiss_openapi_schema_page(const kiss_openapi_build *b, const char *item, const kiss_column *columns);

/** A reference to the schema of an answer whose `Data` is one such row. */
json_object *kiss_openapi_schema_single(const kiss_openapi_build *b, const char *item, const kiss_column *columns);

/** A reference to the schema of a list's changes (RFC 3229): rows added and changed, and what was removed. */
json_object *kiss_openapi_schema_changes(const kiss_openapi_build *b, const char *item, const kiss_column *columns);

/**
 * A reference to the schema of an object that admin clients read and write.
 *
 * @param sent 1: as it may be sent, 0: as it is answered
 */
json_object *kiss_openapi_schema_write(const kiss_openapi_build *b, const kiss_writeset *set, int sent);

/** A reference to the schema of a page of such objects. */
json_object *kiss_openapi_schema_write_page(const kiss_openapi_build *b, const kiss_writeset *set);

/** The schema of a parameter's value. */
json_object *kiss_openapi_schema_param(const kiss_openapi_build *b, const kiss_param *param);

/**
 * A reference to a schema that is no row, by its name: ApiError, RateLimitError, OAuthError, Token, TokenRequest, Version,
 * FieldList, Written, ServerMetadata, ResourceMetadata.
 */
json_object *kiss_openapi_schema_fixed(const kiss_openapi_build *b, const char *name);

#endif
