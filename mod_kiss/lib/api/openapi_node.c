/* SPDX-License-Identifier: Apache-2.0 */
/**
 * openapi_node - nodes of an OpenAPI document.
 */
#include "lib/api/openapi_node.h"

#include <apr_strings.h>

#include <string.h>

void kiss_openapi_text_add(json_object *object, const char *name, const char *text)
{
    json_object_object_add(object, name, json_object_new_string(text));
}

json_object *kiss_openapi_object_add(json_object *object, const char *name)
{
    json_object *added = json_object_new_object();

    json_object_object_add(object, name, added);
    return added;
}

json_object *kiss_openapi_ref(const kiss_openapi_build *b, const char *kind, const char *name)
{
    json_object *ref = json_object_new_object();

    kiss_openapi_text_add(ref, "$ref", apr_pstrcat(b->pool, "#/components/", kind, "/", name, NULL));
    return ref;
}

json_object *kiss_openapi_component(const kiss_openapi_build *b, const char *kind, const char *name, int *is_new)
{
    json_object *all, *one;

    if (!json_object_object_get_ex(b->components, kind, &all)) {
        all = kiss_openapi_object_add(b->components, kind);
    }
    *is_new = !json_object_object_get_ex(all, name, &one);
    return *is_new ? kiss_openapi_object_add(all, name) : one;
}

json_object *kiss_openapi_type(const char *type, int nullable)
{
    json_object *node = json_object_new_object(), *types;

    if (!nullable) {
        kiss_openapi_text_add(node, "type", type);
        return node;
    }
    types = json_object_new_array();
    json_object_array_add(types, json_object_new_string(type));
    json_object_array_add(types, json_object_new_string("null"));
    json_object_object_add(node, "type", types);
    return node;
}

json_object *kiss_openapi_array(json_object *items, int nullable)
{
    json_object *node = kiss_openapi_type("array", nullable);

    json_object_object_add(node, "items", items);
    return node;
}

static const char *find(const kiss_word *words, const char *name)
{
    while (words->name && strcmp(words->name, name) != 0) {
        words++;
    }
    return words->name ? words->text : NULL;
}

const char *kiss_openapi_word(const kiss_openapi_build *b, const char *of, const char *mark, const char *name)
{
    const kiss_word *words = b->api->words->words;
    const char *text = of ? find(words, apr_pstrcat(b->pool, of, mark, name, NULL)) : NULL;

    return text ? text : find(words, *mark == '?' ? apr_pstrcat(b->pool, mark, name, NULL) : name);
}
