/* SPDX-License-Identifier: Apache-2.0 */
/**
 * openapi_operation - parameters, headers and answers of endpoints.
 */
#include "lib/api/openapi_operation.h"

#include <apr_lib.h>
#include <apr_strings.h>

#include <string.h>

#include "lib/api/openapi_schema.h"
#include "lib/api/params.h"
#include "lib/api/route.h"
#include "lib/api/write_body.h"

/* Sets of APIs, by how callers authenticate. */
#define TOKENS (1u << KISS_AUTH_JWT)
#define KEYS   (1u << KISS_AUTH_APIKEY)

#define JSON "application/json"

/* A header of lists for feed importers only. */
#define LAST_MODIFIED "Last-Modified"

/* An answer to anyone, which counts for nobody. */
#define UNCOUNTED "uncounted"

/* --- headers of answers --- */

static const struct {
    const char *name, *type, *description;
    unsigned apis;                  /* whose answers have it ... */
    const char *only;               /* ... those with one of these words; NULL: all that are counted */
} headers[] = {
    { "ETag", "string", "Version of the answer, for `If-None-Match` of the next request.", TOKENS | KEYS, "tag list 304 226 put created " UNCOUNTED },
    { LAST_MODIFIED, "string", "When this host first sent this state, for `If-Modified-Since`. Absent while that second"
                               " lasts.", TOKENS, "list" },
    { "Location", "string", "Path of the new object.", TOKENS, "created" },
    { "Idempotency-Replayed", "string", "`true`: the request was done before, and is not done again.", TOKENS, "put created 204" },
    { "Kiss-Changed", "string", "`false`: it was the same before, and nothing has changed.", TOKENS, "put created" },
    { "IM", "string", "`sku-delta`: the answer contains the changes only.", TOKENS, "226" },
    { "Delta-Base", "string", "The version that the changes are applied to.", TOKENS, "226" },
    { "Retry-After", "integer", "Seconds to wait before the next request.", TOKENS | KEYS, "429 503" },
    { "WWW-Authenticate", "string", "Which credentials are expected.", TOKENS, "401" },
    { "X-Rate-Limit-Limit", "string", "The window that the other two are about: `1m` or `1h`.", TOKENS, NULL },
    { "X-Rate-Limit-Remaining", "integer", "Requests left in that window.", TOKENS, NULL },
    { "X-Rate-Limit-Reset", "string", "When that window ends: a time in UTC.", TOKENS, NULL },
    { "RateLimit", "string", "What is left of each limit, and the seconds until it is renewed.", TOKENS, NULL },
    { "RateLimit-Policy", "string", "The limits and their windows in seconds.", TOKENS, NULL },
    { "RateLimit-Limit", "integer", "Requests that the key may make in 60 minutes.", KEYS, NULL },
    { "RateLimit-Remaining", "integer", "Requests left.", KEYS, NULL },
    { "RateLimit-Reset", "integer", "Seconds until `RateLimit-Remaining` grows.", KEYS, NULL },
    { "X-Request-Id", "string", "Identifies the request: as it was sent, or a new one.", TOKENS | KEYS, "" }
};

static int of_api(const kiss_openapi_build *b, unsigned apis) { return (apis >> b->api->auth) & 1; }

/** 1 when an answer has a header; `what` is its status, "tag", "list", or UNCOUNTED. */
static int has_header(const char *only, const char *what)
{
    if (!only) {
        return strcmp(what, UNCOUNTED) != 0;
    }
    return !*only || strstr(only, what) != NULL;
}

/** Adds the headers of an answer; `what` is as of has_header(). */
static void add_headers(const kiss_openapi_build *b, json_object *response, const char *what)
{
    json_object *added = kiss_openapi_object_add(response, "headers");
    int i, is_new;

    for (i = 0; i < (int)(sizeof(headers) / sizeof(headers[0])); i++) {
        if (of_api(b, headers[i].apis) && has_header(headers[i].only, what)
            && (b->feeds || strcmp(headers[i].name, LAST_MODIFIED) != 0)) {
            json_object *header = kiss_openapi_component(b, "headers", headers[i].name, &is_new);

            if (is_new) {
                kiss_openapi_text_add(header, "description", headers[i].description);
                json_object_object_add(header, "schema", kiss_openapi_type(headers[i].type, 0));
            }
            json_object_object_add(added, headers[i].name, kiss_openapi_ref(b, "headers", headers[i].name));
        }
    }
}

static void add_content(json_object *response, const char *type, json_object *schema)
{
    json_object *content = kiss_openapi_object_add(response, "content");

    json_object_object_add(kiss_openapi_object_add(content, type), "schema", schema);
}

/* --- answers that endpoints share --- */

static const struct {
    const char *status, *name, *description, *schema;
    unsigned apis;
} shared[] = {
    { "304", "NotModified", "Nothing has changed since the version in `If-None-Match`. No body.", NULL, TOKENS | KEYS },
    { "400", "BadRequest", "A parameter is missing or invalid; the sentence names it.", "ApiError", KEYS },
    { "400", "OAuthBadRequest", "The request is malformed, or the account is disabled.", "OAuthError", TOKENS },
    { "401", "Unauthorized", "The token is missing, not valid or expired. No body.", NULL, TOKENS },
    { "401", "Unauthorized", "The key is missing, unknown, revoked or expired.", "ApiError", KEYS },
    { "403", "Forbidden", "The key has no access.", "ApiError", KEYS },
    { "404", "NotFound", "The customer of the token does not exist any more.", "ApiError", TOKENS },
    { "429", "TooManyRequests", "The limit is exceeded. Waiting for `Retry-After` seconds suffices.", "RateLimitError", TOKENS },
    { "429", "TooManyRequests", "The limit is exceeded. Waiting for `Retry-After` seconds suffices.", "ApiError", KEYS },
    { "500", "InternalError", "An error of the server. `X-Request-Id` helps to find it.", "ApiError", TOKENS | KEYS },
    { "503", "Unavailable", "The database is away or busy. Repeat the request after `Retry-After` seconds.", "ApiError", TOKENS | KEYS },
    { "default", "OtherError", "Another error, such as a precondition that is not met.", "ApiError", TOKENS | KEYS }
};

/** Adds the shared answer of a status. */
static void add_shared(const kiss_openapi_build *b, json_object *responses, const char *status)
{
    int i, is_new;

    for (i = 0; i < (int)(sizeof(shared) / sizeof(shared[0])); i++) {
        if (strcmp(shared[i].status, status) == 0 && of_api(b, shared[i].apis)) {
            json_object *response = kiss_openapi_component(b, "responses", shared[i].name, &is_new);

            if (is_new) {
                kiss_openapi_text_add(response, "description", shared[i].description);
                add_headers(b, response, status);
                if (shared[i].schema) {
                    add_content(response, JSON, kiss_openapi_schema_fixed(b, shared[i].schema));
                }
            }
            json_object_object_add(responses, status, kiss_openapi_ref(b, "responses", shared[i].name));
        }
    }
}

/** Adds an answer of one endpoint only. `what`: which headers it has, as of add_headers(). */
static void add_own(const kiss_openapi_build *b, json_object *responses, const char *status, const char *what,
                    const char *description, const char *type, json_object *schema)
{
    json_object *response = kiss_openapi_object_add(responses, status);

    kiss_openapi_text_add(response, "description", description);
    add_headers(b, response, what);
    add_content(response, type, schema);
}

/* --- parameters --- */

/** Parameters that are not in the tables. */
static const struct {
    const char *name, *in, *component, *type, *description;
    int low, high, preset;          /* of an integer; 0: none */
} common[] = {
    { "If-None-Match", "header", "IfNoneMatch", "string", "`ETag` of the version that is known: 304 while it is the current one." },
    { "If-Match", "header", "IfMatch", "string", "`ETag` of the version that is known: 412 when it is not the current one." },
    { "A-IM", "header", "AIM", "string",
      "`sku-delta`: send the changes since the version in `If-None-Match`, where they are known (RFC 3229)." },
    { "Page", "query", "Page", "integer", "Number of the page.", 1, 0, 1 },
    { "PageSize", "query", "PageSize", "integer", "Rows of a page; a number above 500 is lowered to 500.", 1, 0,
      KISS_PAGE_SIZE },
    { "Idempotency-Key", "header", "IdempotencyKey", "string",
      "1 to 255 visible characters that identify the request, so that it may be repeated safely." }
};

static void add_common(const kiss_openapi_build *b, json_object *params, const char *name)
{
    json_object *param, *schema;
    int i = 0, is_new;

    while (strcmp(common[i].name, name) != 0) {
        i++;
    }
    param = kiss_openapi_component(b, "parameters", common[i].component, &is_new);
    if (is_new) {
        kiss_openapi_text_add(param, "name", name);
        kiss_openapi_text_add(param, "in", common[i].in);
        kiss_openapi_text_add(param, "description", common[i].description);
        schema = kiss_openapi_type(common[i].type, 0);
        if (common[i].low) {
            json_object_object_add(schema, "minimum", json_object_new_int(common[i].low));
        }
        if (common[i].preset) {
            json_object_object_add(schema, "default", json_object_new_int(common[i].preset));
        }
        json_object_object_add(param, "schema", schema);
    }
    json_object_array_add(params, kiss_openapi_ref(b, "parameters", common[i].component));
}

/** 1 when the parameter has an effect for each of the roles. */
static int has_effect(const kiss_openapi_build *b, const kiss_param *param)
{
    return !(param->locked_for & b->roles) && (!param->only_for || !(b->roles & ~param->only_for));
}

static const char *describe(const kiss_openapi_build *b, const kiss_endpoint *endpoint, const kiss_param *param)
{
    const char *text = kiss_openapi_word(b, endpoint->name, "?", param->name);

    text = text ? text : param->name;
    if (param->type == KISS_PARAM_DATE && param->fallback) {
        text = apr_pstrcat(b->pool, text, " Default: today.", NULL);
    }
    if (param->unless) {
        text = apr_pstrcat(b->pool, text, " Ignored when `", param->unless, "` is given.", NULL);
    }
    return text;
}

/** 1 when a path has `:name` or `*name`. */
static int is_in_path(const char *path, const char *name)
{
    const apr_size_t n = strlen(name);

    for (; (path = strpbrk(path, ":*")); path++) {
        if (strncmp(path + 1, name, n) == 0 && (path[1 + n] == '\0' || path[1 + n] == '/')) {
            return 1;
        }
    }
    return 0;
}

static void add_param(const kiss_openapi_build *b, json_object *params, const kiss_endpoint *endpoint,
                      const kiss_param *param)
{
    json_object *added = json_object_new_object();
    const int in_path = is_in_path(endpoint->path, param->name);

    kiss_openapi_text_add(added, "name", param->name);
    kiss_openapi_text_add(added, "in", in_path ? "path" : "query");
    kiss_openapi_text_add(added, "description", describe(b, endpoint, param));
    if (in_path || param->required) {
        json_object_object_add(added, "required", json_object_new_boolean(1));
    }
    if (param->type <= KISS_PARAM_BOOLEANS) {
        kiss_openapi_text_add(added, "style", "form");
        json_object_object_add(added, "explode", json_object_new_boolean(0));
    }
    json_object_object_add(added, "schema", kiss_openapi_schema_param(b, param));
    json_object_array_add(params, added);
}

static void add_params(const kiss_openapi_build *b, json_object *params, const kiss_endpoint *endpoint)
{
    const kiss_param *param;

    for (param = endpoint->params; param && param->name; param++) {
        if (has_effect(b, param)) {
            add_param(b, params, endpoint, param);
        }
    }
}

/* --- operations, by kiss_run --- */

typedef struct {
    const kiss_openapi_build *b;
    const kiss_endpoint *endpoint;
    json_object *node, *params, *responses;
} operation;

static void add_list(operation *o)
{
    const kiss_openapi_build *b = o->b;
    const kiss_rowset *rows = o->endpoint->rows;

    add_common(b, o->params, "If-None-Match");
    if (o->endpoint->variant_of) {
        const char *type = kiss_route_media_type(o->endpoint);

        /* As text: as a second type of the JSON, or with a schema of its lines, generators of clients would misread it. */
        add_own(b, o->responses, "200", "list", "The whole list.",
                apr_pstrmemdup(b->pool, type, strcspn(type, ";")), kiss_openapi_type("string", 0));
        return;
    }
    add_common(b, o->params, "A-IM");
    add_own(b, o->responses, "200", "list", "The whole list.", JSON,
            kiss_openapi_array(kiss_openapi_schema_row(b, rows->item, rows->columns), 0));
    add_own(b, o->responses, "226", "226", "The changes since the version in `If-None-Match`.", JSON,
            kiss_openapi_schema_changes(b, rows->item, rows->columns));
}

static void add_schema(operation *o)
{
    add_own(o->b, o->responses, "200", "200", "The fields.", JSON, kiss_openapi_schema_fixed(o->b, "FieldList"));
}

static void add_token(operation *o)
{
    json_object *body = kiss_openapi_object_add(o->node, "requestBody");

    kiss_openapi_text_add(body, "description", "Client credentials as a form.");
    json_object_object_add(body, "required", json_object_new_boolean(1));
    add_content(body, "application/x-www-form-urlencoded", kiss_openapi_schema_fixed(o->b, "TokenRequest"));
    add_own(o->b, o->responses, "200", "200", "A token.", JSON, kiss_openapi_schema_fixed(o->b, "Token"));
    add_own(o->b, o->responses, "401", "401", "The code or the API key is wrong.", JSON,
            kiss_openapi_schema_fixed(o->b, "OAuthError"));
    add_own(o->b, o->responses, "413", "413", "The request body is too large.", JSON,
            kiss_openapi_schema_fixed(o->b, "OAuthError"));
}

static void add_version(operation *o)
{
    add_own(o->b, o->responses, "200", "200", "The version.", JSON, kiss_openapi_schema_fixed(o->b, "Version"));
}

static void add_health(operation *o)
{
    add_own(o->b, o->responses, "200", "200", "`Healthy`.", "text/plain", kiss_openapi_type("string", 0));
    add_own(o->b, o->responses, "503", "503", "`Unhealthy`.", "text/plain", kiss_openapi_type("string", 0));
}

static void add_page(operation *o)
{
    const kiss_pageset *pages = o->endpoint->pages;
    const int record = o->endpoint->run == KISS_RUN_RECORD;

    if (!record) {
        add_common(o->b, o->params, "Page");
        add_common(o->b, o->params, "PageSize");
    }
    add_common(o->b, o->params, "If-None-Match");
    add_own(o->b, o->responses, "200", "tag", record ? "The record in `Data`; none if it does not exist or is not visible."
            : "A page.", JSON, kiss_openapi_schema_page(o->b, pages->item, pages->columns));
}

static void add_allocate(operation *o)
{
    const kiss_pageset *pages = o->endpoint->pages;

    add_common(o->b, o->params, "Idempotency-Key");
    add_own(o->b, o->responses, "201", "201", "The request was stored.", JSON,
            kiss_openapi_schema_single(o->b, pages->item, pages->columns));
}

static void add_document(operation *o)
{
    add_common(o->b, o->params, "If-None-Match");
    add_own(o->b, o->responses, "200", "tag", "The document.", JSON, kiss_openapi_type("object", 0));
}

/** A document for discovery, which OAuth libraries request. */
static void add_metadata(operation *o)
{
    const char *schema = o->endpoint->run == KISS_RUN_SERVER_METADATA ? "ServerMetadata" : "ResourceMetadata";

    add_common(o->b, o->params, "If-None-Match");
    add_own(o->b, o->responses, "200", UNCOUNTED, "The metadata.", JSON, kiss_openapi_schema_fixed(o->b, schema));
    add_own(o->b, o->responses, "404", "404", "The identifier of this server is no URL by which a document could be found.",
            JSON, kiss_openapi_schema_fixed(o->b, "ApiError"));
}

/** Adds an error of one endpoint only. */
static void add_error(operation *o, const char *status, const char *description)
{
    add_own(o->b, o->responses, status, status, description, JSON, kiss_openapi_schema_fixed(o->b, "ApiError"));
}

/** Reads or writes an object of an admin client. */
static void add_write(operation *o)
{
    const kiss_openapi_build *b = o->b;
    const int method = o->endpoint->methods, sends = method & (KISS_PUT | KISS_POST);
    const kiss_writeset *set = o->endpoint->write;
    json_object *body, *removed;

    add_common(b, o->params, method == KISS_GET ? "If-None-Match" : "If-Match");
    if (method != KISS_GET) {
        add_common(b, o->params, "Idempotency-Key");
    }
    if (sends) {
        body = kiss_openapi_object_add(o->node, "requestBody");
        kiss_openapi_text_add(body, "description", "What is absent keeps its value; so does an array that is null.");
        json_object_object_add(body, "required", json_object_new_boolean(1));
        add_content(body, JSON, kiss_openapi_schema_write(b, set, 1));
        add_error(o, "400", "The body has faults; the sentence names all of them.");
        add_error(o, "413", "The request body is too large.");
    }
    if (method == KISS_DELETE) {
        removed = kiss_openapi_object_add(o->responses, "204");
        kiss_openapi_text_add(removed, "description", "It is removed. No body.");
        add_headers(b, removed, "204");
    }
    else {
        add_own(b, o->responses, method == KISS_POST ? "201" : "200",
                method == KISS_POST ? "created" : sends ? "put" : "tag",
                method == KISS_POST ? "It is created." : sends ? "It is replaced." : "The object.", JSON,
                kiss_openapi_schema_write(b, set, 0));
    }
    if (sends && set->upsert) {
        add_own(b, o->responses, "201", "created", "It is created.", JSON, kiss_openapi_schema_write(b, set, 0));
    }
    add_error(o, "403", "The token is that of a customer.");
    if (method == KISS_PUT && set->upsert) {
        add_error(o, "412", "A precondition is not met.");
        return;
    }
    add_error(o, method == KISS_POST ? "409" : "404", method == KISS_POST ? "There is one already." : "There is none.");
    if (method != KISS_GET) {
        add_error(o, "412", "A precondition is not met.");
    }
}

/** A page of objects. */
static void add_write_list(operation *o)
{
    const kiss_writeset *set = o->endpoint->write;

    add_common(o->b, o->params, "If-None-Match");
    add_own(o->b, o->responses, "200", "tag", "A page.", JSON, kiss_openapi_schema_write_page(o->b, set));
    add_error(o, "400", "A parameter is not valid.");
    add_error(o, "403", "The token is that of a customer.");
}

/** Many rows. */
static void add_write_bulk(operation *o)
{
    const kiss_writeset *set = o->endpoint->write;
    json_object *body = kiss_openapi_object_add(o->node, "requestBody"), *rows;

    add_common(o->b, o->params, "Idempotency-Key");
    kiss_openapi_text_add(body, "description", "The rows; each names its key.");
    json_object_object_add(body, "required", json_object_new_boolean(1));
    rows = kiss_openapi_array(kiss_openapi_schema_write(o->b, set, 1), 0);
    json_object_object_add(rows, "maxItems", json_object_new_int(KISS_WRITE_ROWS));
    add_content(body, JSON, rows);
    add_own(o->b, o->responses, "200", "200", "All rows are written.", JSON, kiss_openapi_schema_fixed(o->b, "Written"));
    add_error(o, "400", "Rows have faults; the sentence names all of them. Nothing is written.");
    add_error(o, "403", "The token is that of a customer.");
    add_error(o, "413", "The request body is too large, or has too many rows: send several requests.");
}

static const struct {
    void (*add)(operation *o);
    const char *shared;             /* statuses of the other answers, those that an API does not have included */
} of_run[] = {
    [KISS_RUN_LIST] = { add_list, "304 401 404 429 500 503 default" },
    [KISS_RUN_SCHEMA] = { add_schema, "401 429 500 503 default" },
    [KISS_RUN_TOKEN] = { add_token, "400 429 500 503 default" },
    [KISS_RUN_VERSION] = { add_version, "429 500 default" },
    [KISS_RUN_HEALTH] = { add_health, "429 500 default" },
    [KISS_RUN_PAGE] = { add_page, "304 400 401 403 429 500 503 default" },
    [KISS_RUN_RECORD] = { add_page, "304 400 401 403 429 500 503 default" },
    [KISS_RUN_ALLOCATE] = { add_allocate, "400 401 403 429 500 503 default" },
    [KISS_RUN_SERVER_METADATA] = { add_metadata, "304 500 default" },
    [KISS_RUN_RESOURCE_METADATA] = { add_metadata, "304 500 default" },
    [KISS_RUN_OPENAPI] = { add_document, "304 429 500 503 default" },
    [KISS_RUN_WRITE] = { add_write, "304 401 429 500 503 default" },
    [KISS_RUN_WRITE_LIST] = { add_write_list, "304 401 429 500 503 default" },
    [KISS_RUN_WRITE_BULK] = { add_write_bulk, "401 429 500 503 default" }
};

/** Adds what an endpoint accepts as credentials: one of the alternatives in the list. */
static void add_security(const kiss_openapi_build *b, json_object *node, const kiss_endpoint *endpoint)
{
    json_object *all = json_object_new_array(), *one;
    const char *names[4] = { NULL };
    int i;

    if (endpoint->auth == KISS_AUTH_TOKEN || endpoint->auth == KISS_AUTH_CUSTOMER || endpoint->auth == KISS_AUTH_ADMIN) {
        names[0] = KISS_OPENAPI_OAUTH;
        names[1] = KISS_OPENAPI_BEARER;
        names[2] = b->feeds && endpoint->run == KISS_RUN_LIST ? KISS_OPENAPI_BASIC : NULL;
    }
    else if (b->api->auth == KISS_AUTH_APIKEY) {
        names[0] = KISS_OPENAPI_KEY;
    }
    if (endpoint->auth == KISS_AUTH_NONE && names[0]) {
        json_object_array_add(all, json_object_new_object());   /* without credentials, too */
    }
    for (i = 0; names[i]; i++) {
        one = json_object_new_object();
        json_object_object_add(one, names[i], json_object_new_array());
        json_object_array_add(all, one);
    }
    json_object_object_add(node, "security", all);
}

const char *kiss_openapi_operation_method(const kiss_endpoint *endpoint)
{
    return endpoint->methods & KISS_GET ? "get" : endpoint->methods & KISS_POST ? "post"
           : endpoint->methods & KISS_PUT ? "put" : endpoint->methods & KISS_PATCH ? "patch" : "delete";
}

/** "products-schema" becomes "getProductsSchema". */
static const char *operation_id(const kiss_openapi_build *b, const kiss_endpoint *endpoint)
{
    const char *from = endpoint->name, *method = kiss_openapi_operation_method(endpoint);
    char *id = apr_pcalloc(b->pool, strlen(from) + sizeof("delete")), *to;
    int capital = 1;

    apr_cpystrn(id, method, sizeof("delete"));
    for (to = id + strlen(id); *from && !(*from == '-' && strcmp(from + 1, method) == 0); from++) {
        if (*from != '-') {
            *to++ = capital ? (char)apr_toupper(*from) : *from;
        }
        capital = *from == '-';
    }
    return id;
}

json_object *kiss_openapi_operation(const kiss_openapi_build *b, const kiss_endpoint *endpoint)
{
    operation o = { b, endpoint, json_object_new_object(), json_object_new_array(), json_object_new_object() };
    json_object *tags = json_object_new_array();
    char *rest = apr_pstrdup(b->pool, of_run[endpoint->run].shared), *last, *status;

    kiss_openapi_text_add(o.node, "operationId", operation_id(b, endpoint));
    kiss_openapi_text_add(o.node, "summary", endpoint->summary);
    kiss_openapi_text_add(o.node, "description", endpoint->description);
    json_object_array_add(tags, json_object_new_string(endpoint->tag));
    json_object_object_add(o.node, "tags", tags);
    add_security(b, o.node, endpoint);
    json_object_object_add(o.node, "parameters", o.params);
    add_params(b, o.params, endpoint);
    of_run[endpoint->run].add(&o);
    for (status = apr_strtok(rest, " ", &last); status; status = apr_strtok(NULL, " ", &last)) {
        if (strcmp(status, "304") != 0 || (endpoint->methods & KISS_GET)) {
            add_shared(b, o.responses, status);
        }
    }
    if (endpoint->auth == KISS_AUTH_NONE && b->api->auth == KISS_AUTH_APIKEY) {
        add_shared(b, o.responses, "401");
    }
    json_object_object_add(o.node, "responses", o.responses);
    return o.node;
}

const char *kiss_openapi_operation_path(const kiss_openapi_build *b, const kiss_endpoint *endpoint)
{
    const char *path = endpoint->path, *mark, *text = "";

    for (; (mark = strpbrk(path, ":*")); path = mark) {
        apr_size_t n = strcspn(++mark, "/");

        text = apr_pstrcat(b->pool, text, apr_pstrmemdup(b->pool, path, (apr_size_t)(mark - path) - 1), "{",
                           apr_pstrmemdup(b->pool, mark, n), "}", NULL);
        mark += n;
    }
    return apr_pstrcat(b->pool, text, path, NULL);
}
