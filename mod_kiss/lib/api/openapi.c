/* SPDX-License-Identifier: Apache-2.0 */
/**
 * openapi - OpenAPI documents: info, tags, paths, security schemes, and what is put in when they are sent.
 */
#include "lib/api/openapi.h"

#include <apr_strings.h>
#include <apr_tables.h>

#include <string.h>

#include "lib/api/openapi_node.h"
#include "lib/api/openapi_operation.h"
#include "lib/base/etag.h"
#include "lib/base/json_text.h"

/* A placeholder for the contact. */
#define CONTACT "@kiss-contact@"

struct kiss_openapi {
    const char *tag;                        /* digest of the text */
    const apr_array_header_t *pieces;       /* of const char *: text and placeholders in turn */
};

/* --- making --- */

static void add_info(const kiss_openapi_build *b, json_object *document)
{
    json_object *info = kiss_openapi_object_add(document, "info"), *license;

    kiss_openapi_text_add(info, "title", b->admin ? b->api->words->admin_title : b->api->words->title);
    kiss_openapi_text_add(info, "version", b->api->profile);
    kiss_openapi_text_add(info, "description", b->admin ? b->api->words->admin_description : b->api->words->description);
    kiss_openapi_text_add(info, "contact", CONTACT);
    /* That of this text; what the answers contain belongs to who serves them. */
    license = kiss_openapi_object_add(info, "license");
    kiss_openapi_text_add(license, "name", "Apache License 2.0 (this document)");
    kiss_openapi_text_add(license, "identifier", "Apache-2.0");
}

static void add_server(json_object *document)
{
    json_object *servers = json_object_new_array(), *server = json_object_new_object();

    kiss_openapi_text_add(server, "url", KISS_OPENAPI_SERVER);
    kiss_openapi_text_add(server, "description", "The server that has sent this document.");
    json_object_array_add(servers, server);
    json_object_object_add(document, "servers", servers);
}

/**
 * 1 when the document has the endpoint: each of the roles may call it, and its path is one that OpenAPI can express (not
 * that of any number of segments).
 */
static int is_open(const kiss_openapi_build *b, const kiss_endpoint *endpoint)
{
    if (b->admin || endpoint->auth == KISS_AUTH_ADMIN) {
        return b->admin && (endpoint->auth == KISS_AUTH_ADMIN || endpoint->auth == KISS_AUTH_CLIENT);
    }
    return !strchr(endpoint->path, '*')
        && (b->api->auth != KISS_AUTH_APIKEY || !(b->roles & ~endpoint->roles));
}

static void add_tags(const kiss_openapi_build *b, json_object *document)
{
    json_object *tags = json_object_new_array();
    const kiss_word *word;

    for (word = b->api->words->tags; word->name; word++) {
        const kiss_endpoint *e = b->api->endpoints;

        while (e->path && !(is_open(b, e) && strcmp(e->tag, word->name) == 0)) {
            e++;
        }
        if (e->path) {
            json_object *tag = json_object_new_object();

            kiss_openapi_text_add(tag, "name", word->name);
            kiss_openapi_text_add(tag, "description", word->text);
            json_object_array_add(tags, tag);
        }
    }
    json_object_object_add(document, "tags", tags);
}

static void add_paths(const kiss_openapi_build *b, json_object *document)
{
    json_object *paths = kiss_openapi_object_add(document, "paths");
    const kiss_endpoint *endpoint;

    for (endpoint = b->api->endpoints; endpoint->path; endpoint++) {
        const char *path = kiss_openapi_operation_path(b, endpoint);
        json_object *item;

        if (is_open(b, endpoint)) {
            if (!json_object_object_get_ex(paths, path, &item)) {
                item = kiss_openapi_object_add(paths, path);
            }
            json_object_object_add(item, kiss_openapi_operation_method(endpoint), kiss_openapi_operation(b, endpoint));
        }
    }
}

static json_object *add_scheme(json_object *schemes, const char *name, const char *type, const char *description)
{
    json_object *scheme = kiss_openapi_object_add(schemes, name);

    kiss_openapi_text_add(scheme, "type", type);
    kiss_openapi_text_add(scheme, "description", description);
    return scheme;
}

/** Path of the token endpoint. */
static const char *token_path(const kiss_api *api)
{
    const kiss_endpoint *e = api->endpoints;

    while (e->path && e->run != KISS_RUN_TOKEN) {
        e++;
    }
    return e->path ? e->path : "";
}

static void add_security_schemes(const kiss_openapi_build *b)
{
    json_object *schemes = kiss_openapi_object_add(b->components, "securitySchemes"), *scheme, *flow;

    if (b->api->auth == KISS_AUTH_APIKEY) {
        scheme = add_scheme(schemes, KISS_OPENAPI_KEY, "apiKey", "The API key, with each request.");
        kiss_openapi_text_add(scheme, "name", b->api->credential);
        kiss_openapi_text_add(scheme, "in", "header");
        return;
    }
    scheme = add_scheme(schemes, KISS_OPENAPI_OAUTH, "oauth2",
                        "The code of the customer and its API key, for an access token.");
    flow = kiss_openapi_object_add(kiss_openapi_object_add(scheme, "flows"), "clientCredentials");
    kiss_openapi_text_add(flow, "tokenUrl", apr_pstrcat(b->pool, KISS_OPENAPI_SERVER, token_path(b->api), NULL));
    kiss_openapi_object_add(flow, "scopes");
    scheme = add_scheme(schemes, KISS_OPENAPI_BEARER, "http", "An access token from `/auth/token`.");
    kiss_openapi_text_add(scheme, "scheme", "bearer");
    kiss_openapi_text_add(scheme, "bearerFormat", "JWT");
    if (b->feeds) {
        scheme = add_scheme(schemes, KISS_OPENAPI_BASIC, "http",
                            "The code of the customer and its API key, with each request for a list: for feed importers.");
        kiss_openapi_text_add(scheme, "scheme", "basic");
    }
}

/** Divides the text at its placeholders. */
static const apr_array_header_t *divide(const char *text, apr_pool_t *p)
{
    static const char *const marks[] = { KISS_OPENAPI_SERVER, "\"" CONTACT "\"" };
    apr_array_header_t *pieces = apr_array_make(p, 8, sizeof(const char *));

    while (text) {
        const char *next = NULL, *mark = NULL;
        int i;

        for (i = 0; i < 2; i++) {
            const char *found = strstr(text, marks[i]);

            if (found && (!next || found < next)) {
                next = found;
                mark = marks[i];
            }
        }
        APR_ARRAY_PUSH(pieces, const char *) = apr_pstrmemdup(p, text, next ? (apr_size_t)(next - text) : strlen(text));
        if (next) {
            APR_ARRAY_PUSH(pieces, const char *) = mark;
            next += strlen(mark);
        }
        text = next;
    }
    return pieces;
}

const kiss_openapi *kiss_openapi_make(const kiss_api *api, unsigned roles, int feeds, int admin, apr_pool_t *p)
{
    json_object *document = json_object_new_object();
    kiss_openapi_build b = { api, roles, admin, feeds, json_object_new_object(), NULL };
    kiss_openapi *made = apr_pcalloc(p, sizeof(*made));
    const char *text;

    apr_pool_create(&b.pool, p);
    kiss_openapi_text_add(document, "openapi", "3.1.0");
    add_info(&b, document);
    add_server(document);
    add_tags(&b, document);
    add_paths(&b, document);
    add_security_schemes(&b);
    json_object_object_add(document, "components", b.components);
    text = json_object_to_json_string_ext(document, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE);
    if (text) {
        made->tag = kiss_etag_make(text, p);
        made->pieces = divide(text, p);
    }
    json_object_put(document);
    apr_pool_destroy(b.pool);
    return made->pieces ? made : NULL;
}

/* --- sending --- */

/** A text as JSON, with its quotes. */
static const char *quoted(const char *text, apr_pool_t *p)
{
    apr_size_t ignored = 0;

    return kiss_json_text_quoted(text, &ignored, p);
}

/** The contact, as JSON. httpd's own default for ServerAdmin is "[no address given]". */
static const char *contact(const char *admin, apr_pool_t *p)
{
    const char *member = admin && strncmp(admin, "http", 4) == 0 ? "url" : admin && strchr(admin, '@') ? "email" : NULL;

    return apr_pstrcat(p, "{\"name\":\"The operator of this server\"", member ? ",\"" : "}", member, "\":",
                       member ? quoted(admin, p) : NULL, "}", NULL);
}

const char *kiss_openapi_text(const kiss_openapi *document, const char *server, const char *admin, apr_pool_t *p)
{
    apr_array_header_t *pieces = apr_array_copy(p, document->pieces);
    char *url = apr_pstrdup(p, quoted(server, p) + 1);
    int i;

    url[strlen(url) - 1] = '\0';
    for (i = 1; i < pieces->nelts; i += 2) {
        const char **piece = &APR_ARRAY_IDX(pieces, i, const char *);

        *piece = strcmp(*piece, KISS_OPENAPI_SERVER) == 0 ? url : contact(admin, p);
    }
    return apr_array_pstrcat(p, pieces, 0);
}

const char *kiss_openapi_tag(const kiss_openapi *document, const char *server, const char *admin, apr_pool_t *p)
{
    return kiss_etag_make(apr_pstrcat(p, KISS_ETAG_FORMAT "\nopenapi\n", document->tag, "\n", server, "\n",
                                      contact(admin, p), NULL), p);
}
