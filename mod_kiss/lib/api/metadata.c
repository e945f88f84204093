/* SPDX-License-Identifier: Apache-2.0 */
/**
 * metadata - writes the metadata documents of an API as JSON.
 */
#include "lib/api/metadata.h"

#include <apr_strings.h>
#include <json-c/json.h>

#include <string.h>

#define SCHEME "https://"

/** Bytes of scheme, host and port; 0 when it is no URL that can have a document. */
static apr_size_t origin_length(const char *url)
{
    const char *c;
    apr_size_t n;

    if (strncmp(url, SCHEME, sizeof(SCHEME) - 1) != 0 || strpbrk(url, "?#@%\"\\<>")) {
        return 0;
    }
    for (c = url; *c; c++) {
        if (*c <= ' ' || *c > '~') {
            return 0;
        }
    }
    n = strcspn(url + sizeof(SCHEME) - 1, "/");
    return n ? n + sizeof(SCHEME) - 1 : 0;
}

const char *kiss_metadata_path(const char *url, int bare, apr_pool_t *p)
{
    const apr_size_t origin = origin_length(url);
    apr_size_t n = strlen(url);

    if (!origin) {
        return NULL;
    }
    if (url[n - 1] == '/' && (bare || n == origin + 1)) {
        n--;
    }
    return apr_pstrmemdup(p, url + origin, n - origin);
}

/** A member whose value is a list of texts. */
static void add_list(json_object *o, const char *name, const char *const *texts)
{
    json_object *list = json_object_new_array();

    for (; *texts; texts++) {
        json_object_array_add(list, json_object_new_string(*texts));
    }
    json_object_object_add(o, name, list);
}

/** The text of an object, which is released. */
static const char *text_of(json_object *o, apr_pool_t *p)
{
    const char *text = json_object_to_json_string_ext(o, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE);

    text = text ? apr_pstrdup(p, text) : NULL;
    json_object_put(o);
    return text;
}

/** The path of the token endpoint below that of the API. */
static const char *token_path(const kiss_api *api)
{
    const kiss_endpoint *e = api->endpoints;

    while (e->path && e->run != KISS_RUN_TOKEN) {
        e++;
    }
    return e->path ? e->path : "";
}

const char *kiss_metadata_server(const kiss_api *api, const char *issuer, const char *base, apr_pool_t *p)
{
    static const char *const none[] = { NULL };
    static const char *const grants[] = { "client_credentials", NULL };
    static const char *const methods[] = { "client_secret_basic", "client_secret_post", NULL };
    const char *origin = apr_pstrmemdup(p, issuer, origin_length(issuer));
    json_object *o = json_object_new_object();

    json_object_object_add(o, "issuer", json_object_new_string(issuer));
    json_object_object_add(o, "token_endpoint", json_object_new_string(apr_pstrcat(p, origin, base, token_path(api), NULL)));
    add_list(o, "response_types_supported", none);
    add_list(o, "grant_types_supported", grants);
    add_list(o, "token_endpoint_auth_methods_supported", methods);
    return text_of(o, p);
}

const char *kiss_metadata_resource(const char *resource, const char *issuer, apr_pool_t *p)
{
    static const char *const methods[] = { "header", NULL };
    const char *const issuers[] = { issuer, NULL };
    json_object *o = json_object_new_object();

    json_object_object_add(o, "resource", json_object_new_string(resource));
    add_list(o, "authorization_servers", issuers);
    add_list(o, "bearer_methods_supported", methods);
    return text_of(o, p);
}
