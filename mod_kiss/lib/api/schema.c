/* SPDX-License-Identifier: Apache-2.0 */
/**
 * schema - describes the columns of an endpoint as JSON.
 */
#include "lib/api/schema.h"

#include <apr_lib.h>
#include <apr_strings.h>
#include <json-c/json.h>

static const char *type_name(kiss_type type)
{
    switch (type) {
    case KISS_DECIMAL:
    case KISS_QUANTITY:
    case KISS_NET_PRICE:
        return "decimal";
    case KISS_BOOLEAN:
        return "boolean";
    case KISS_DATE:
        return "date";
    default:
        return "string";
    }
}

/** SKU becomes sKU: a property of this profile on which clients base their CSV headers. */
static const char *schema_name(const char *name, apr_pool_t *p)
{
    char *lowered = apr_pstrdup(p, name);

    *lowered = (char)apr_tolower(*lowered);
    return lowered;
}

static json_object *fields(const kiss_rowset *rows, apr_pool_t *p)
{
    json_object *list = json_object_new_array();
    const kiss_column *c;

    for (c = rows->columns; c->name; c++) {
        if (c->type != KISS_ROWS) {
            json_object *field = json_object_new_object();

            json_object_object_add(field, "name", json_object_new_string(schema_name(c->name, p)));
            json_object_object_add(field, "type", json_object_new_string(type_name(c->type)));
            json_object_object_add(field, "required", json_object_new_boolean(c->required));
            json_object_array_add(list, field);
        }
    }
    return list;
}

const char *kiss_schema_text(const kiss_api *api, const kiss_endpoint *endpoint, apr_pool_t *p)
{
    json_object *schema = json_object_new_object(), *arrays = json_object_new_object();
    const kiss_column *c;
    const char *text;

    json_object_object_add(schema, "endpoint", json_object_new_string(endpoint->about));
    json_object_object_add(schema, "apiVersion", json_object_new_string(api->profile));
    json_object_object_add(schema, "fields", fields(endpoint->rows, p));
    for (c = endpoint->rows->columns; c->name; c++) {
        if (c->type == KISS_ROWS) {
            json_object *nested = json_object_new_object();

            json_object_object_add(nested, "fields", fields(c->rows, p));
            json_object_object_add(arrays, schema_name(c->name, p), nested);
        }
    }
    json_object_object_add(schema, "arrays", arrays);
    text = json_object_to_json_string_ext(schema, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE);
    text = text ? apr_pstrdup(p, text) : NULL;
    json_object_put(schema);
    return text;
}
