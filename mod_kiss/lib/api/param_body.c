/* SPDX-License-Identifier: Apache-2.0 */
/**
 * param_body - the members of a JSON object as names and texts.
 */
#include "lib/api/param_body.h"

#include <string.h>

#include "lib/base/json_parse.h"

/* Maximum nesting of arrays and objects. */
#define MAX_DEPTH 4

/** The value of a member as text: numbers with the digits that were sent; null counts as absent. NULL without memory. */
static const char *text_of(json_object *value)
{
    const char *text = value ? json_object_get_string(value) : "";

    if (json_object_is_type(value, json_type_string) && strlen(text) != (apr_size_t)json_object_get_string_len(value)) {
        return "\x01";              /* a NUL: invalid everywhere */
    }
    return text;
}

apr_status_t kiss_param_body_read(const apr_array_header_t **members, const char *body, apr_size_t len, apr_pool_t *p)
{
    apr_array_header_t *found = apr_array_make(p, 8, sizeof(kiss_param_field));
    json_object *o;
    apr_status_t rv = kiss_json_read(&o, body, len, MAX_DEPTH, p);

    if (rv != APR_SUCCESS || !json_object_is_type(o, json_type_object)) {
        return rv == APR_SUCCESS ? APR_EGENERAL : rv;
    }
    json_object_object_foreach(o, name, value) {
        kiss_param_field *f = apr_array_push(found);

        f->name = name;
        f->value = text_of(value);
        rv = f->value ? rv : APR_ENOMEM;
    }
    *members = found;
    return rv;
}
