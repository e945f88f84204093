/* SPDX-License-Identifier: Apache-2.0 */
/**
 * openapi_node - nodes of an OpenAPI document as json-c trees, and what its parts share while it is built. Pure; one
 * thread at a time.
 *
 * A node belongs to the one that it is added to. Without memory json-c returns NULL, which becomes null in the document:
 * kiss_openapi_make() refuses such a document.
 */
#ifndef KISS_OPENAPI_NODE_H
#define KISS_OPENAPI_NODE_H

#include <apr_pools.h>
#include <json-c/json.h>

#include "lib/api/table.h"

/** A placeholder for the URL at which the API's paths begin; replaced in each answer. */
#define KISS_OPENAPI_SERVER "@kiss-server@"

/** A document that is being built. */
typedef struct {
    const kiss_api *api;
    unsigned roles;                 /**< it has what each of these roles gets */
    int admin;                      /**< 1: it has the admin endpoints, and the others do not concern it */
    int feeds;                      /**< 1: lists are for feed importers, too (KissFeedBasic) */
    json_object *components;        /**< what its parts refer to, by kind and name */
    apr_pool_t *pool;               /**< of names and texts */
} kiss_openapi_build;

/** Adds a text to an object. */
void kiss_openapi_text_add(json_object *object, const char *name, const char *text);

/** Adds a new object to an object. @return it */
json_object *kiss_openapi_object_add(json_object *object, const char *name);

/** {"$ref":"#/components/KIND/NAME"} */
json_object *kiss_openapi_ref(const kiss_openapi_build *b, const char *kind, const char *name);

/**
 * The place of a component, created when it was not there.
 *
 * @param is_new receives 1 when it was created: the caller fills it
 */
json_object *kiss_openapi_component(const kiss_openapi_build *b, const char *kind, const char *name, int *is_new);

/** {"type":TYPE}, or {"type":[TYPE,"null"]} where it may be null. */
json_object *kiss_openapi_type(const char *type, int nullable);

/** {"type":"array","items":ITEMS} */
json_object *kiss_openapi_array(json_object *items, int nullable);

/** The text of a name, for these rows or this endpoint if there is one; else NULL. `mark` is "." or "?". */
const char *kiss_openapi_word(const kiss_openapi_build *b, const char *of, const char *mark, const char *name);

#endif
