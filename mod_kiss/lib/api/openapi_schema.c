/* SPDX-License-Identifier: Apache-2.0 */
/**
 * openapi_schema - columns, pages, parameters and small answers as JSON Schema.
 *
 * What generators read differently is avoided: null is an element of `type`, never an alternative of its own; a decimal
 * number has no multipleOf (binary fractions fail it); an id has no format int64 (which one generator makes a BigInt).
 * An object may have further members: fields may be added to an answer.
 */
#include "lib/api/openapi_schema.h"

#include <apr_lib.h>
#include <apr_strings.h>

#include <string.h>

#include "lib/api/write_body.h"

/* --- columns --- */

/** 1 for a name such as "ID" or "CustomerID": the number identifies something, and is an integer. */
static int is_id(const char *name)
{
    apr_size_t n = strlen(name);

    return n >= 2 && strcmp(name + n - 2, "ID") == 0;
}

static json_object *number(const char *name, int nullable)
{
    return kiss_openapi_type(is_id(name) ? "integer" : "number", nullable);
}

/** A text in a form that JSON Schema has no name for. */
static json_object *patterned(const char *pattern, int nullable)
{
    json_object *node = kiss_openapi_type("string", nullable);

    kiss_openapi_text_add(node, "pattern", pattern);
    return node;
}

/**
 * A date or a time. In an API with lists, whose changes are a second kind of success, by its pattern: the code that some
 * generators make to convert a `format` fails on these.
 */
static json_object *moment(const kiss_openapi_build *b, kiss_type type, int nullable)
{
    json_object *node;

    if (b->api->auth == KISS_AUTH_JWT && type == KISS_DATE) {
        return patterned("^[0-9]{4}-[0-9]{2}-[0-9]{2}$", nullable);
    }
    node = kiss_openapi_type("string", nullable);
    kiss_openapi_text_add(node, "format", type == KISS_DATE ? "date" : "date-time");
    return node;
}

static json_object *members(const kiss_openapi_build *b, json_object *node, const char *item, const kiss_column *columns);

/** The elements of an array that the database has built. */
static json_object *elements(const kiss_openapi_build *b, const kiss_column *c)
{
    if (c->items) {
        return members(b, json_object_new_object(), NULL, c->items);
    }
    return c->element == KISS_TEXT ? kiss_openapi_type("string", 0) : kiss_openapi_type("integer", 0);
}

static json_object *column(const kiss_openapi_build *b, const kiss_column *c)
{
    switch (c->type) {
    case KISS_DECIMAL:
    case KISS_NET_PRICE:
        return kiss_openapi_type("number", c->nullable);
    case KISS_QUANTITY:
        return number(c->name, c->nullable);
    case KISS_FIXED:
        return patterned(c->scale ? apr_psprintf(b->pool, "^-?[0-9]+\\.[0-9]{%u}$", (unsigned)c->scale) : "^-?[0-9]+$",
                         c->nullable);
    case KISS_BOOLEAN:
        return kiss_openapi_type("boolean", c->nullable);
    case KISS_DATE:
    case KISS_TIME:
        return moment(b, c->type, c->nullable);
    case KISS_JSON:
        return kiss_openapi_array(elements(b, c), c->nullable);
    case KISS_SPLIT:
        return kiss_openapi_array(kiss_openapi_type("string", 0), c->nullable);
    case KISS_COMING_DAYS:
        return kiss_openapi_array(moment(b, KISS_DATE, 0), c->nullable);
    case KISS_ROWS:
        return kiss_openapi_array(kiss_openapi_schema_row(b, c->rows->item, c->rows->columns), 0);
    default:
        return kiss_openapi_type("string", c->nullable);
    }
}

/** Fills the schema of an object with the columns that each role receives. All of them are in every row. */
static json_object *members(const kiss_openapi_build *b, json_object *node, const char *item, const kiss_column *columns)
{
    json_object *properties, *required = json_object_new_array();
    const kiss_column *c;

    kiss_openapi_text_add(node, "type", "object");
    properties = kiss_openapi_object_add(node, "properties");
    for (c = columns; c->name; c++) {
        json_object *property;
        const char *text = kiss_openapi_word(b, item, ".", c->name);

        if (!(c->hidden & b->roles)) {
            property = column(b, c);
            if (text) {
                kiss_openapi_text_add(property, "description", text);
            }
            json_object_object_add(properties, c->name, property);
            json_object_array_add(required, json_object_new_string(c->name));
        }
    }
    json_object_object_add(node, "required", required);
    return node;
}

json_object *kiss_openapi_schema_row(const kiss_openapi_build *b, const char *item, const kiss_column *columns)
{
    int is_new;
    json_object *schema = kiss_openapi_component(b, "schemas", item, &is_new);

    if (is_new) {
        kiss_openapi_text_add(schema, "description", apr_pstrcat(b->pool, "A row of type ", item, ".", NULL));
        members(b, schema, item, columns);
    }
    return kiss_openapi_ref(b, "schemas", item);
}

/* --- pages and changes --- */

/** Adds a member of an object's schema, and that it is always there. */
static void add_member(json_object *schema, const char *name, json_object *type, const char *description)
{
    json_object *properties, *required;

    if (!json_object_object_get_ex(schema, "properties", &properties)) {
        kiss_openapi_text_add(schema, "type", "object");
        properties = kiss_openapi_object_add(schema, "properties");
        json_object_object_add(schema, "required", json_object_new_array());
    }
    json_object_object_get_ex(schema, "required", &required);
    kiss_openapi_text_add(type, "description", description);
    json_object_object_add(properties, name, type);
    json_object_array_add(required, json_object_new_string(name));
}

json_object *kiss_openapi_schema_page(const kiss_openapi_build *b, const char *item, const kiss_column *columns)
{
    const char *name = apr_pstrcat(b->pool, item, "Page", NULL);
    int is_new;
    json_object *schema = kiss_openapi_component(b, "schemas", name, &is_new);

    if (is_new) {
        kiss_openapi_text_add(schema, "description", apr_pstrcat(b->pool, "A page of rows of type ", item, ".", NULL));
        add_member(schema, "Data", kiss_openapi_array(kiss_openapi_schema_row(b, item, columns), 0), "The rows.");
        add_member(schema, "Page", kiss_openapi_type("integer", 0), "Number of the page, from 1.");
        add_member(schema, "PageSize", kiss_openapi_type("integer", 0), "The size of pages that is in force.");
        add_member(schema, "HasNextPage", kiss_openapi_type("boolean", 0), "Whether there is a page after this one.");
    }
    return kiss_openapi_ref(b, "schemas", name);
}

json_object *kiss_openapi_schema_single(const kiss_openapi_build *b, const char *item, const kiss_column *columns)
{
    const char *name = apr_pstrcat(b->pool, item, "Answer", NULL);
    int is_new;
    json_object *schema = kiss_openapi_component(b, "schemas", name, &is_new);

    if (is_new) {
        json_object *data = json_object_new_object(), *all = json_object_new_array();

        /* The reference in an allOf: a description next to a $ref is lost in some generators. */
        json_object_array_add(all, kiss_openapi_schema_row(b, item, columns));
        json_object_object_add(data, "allOf", all);
        kiss_openapi_text_add(schema, "description", apr_pstrcat(b->pool, "A row of type ", item, ", in `Data`.", NULL));
        add_member(schema, "Data", data, "The row.");
    }
    return kiss_openapi_ref(b, "schemas", name);
}

json_object *kiss_openapi_schema_changes(const kiss_openapi_build *b, const char *item, const kiss_column *columns)
{
    const char *name = apr_pstrcat(b->pool, item, "Changes", NULL);
    int is_new;
    json_object *schema = kiss_openapi_component(b, "schemas", name, &is_new);

    if (is_new) {
        kiss_openapi_text_add(schema, "description",
                              "The difference to the version whose `ETag` was sent. Remove every row whose `SKU` is in"
                              " `removed` or in a row of `changed`, then add all rows of `changed` and `added`.");
        add_member(schema, "added", kiss_openapi_array(kiss_openapi_schema_row(b, item, columns), 0), "Rows of new SKUs.");
        add_member(schema, "changed", kiss_openapi_array(kiss_openapi_schema_row(b, item, columns), 0),
                   "All rows of SKUs that have changed.");
        add_member(schema, "removed", kiss_openapi_array(kiss_openapi_type("string", 0), 0), "SKUs that are gone.");
    }
    return kiss_openapi_ref(b, "schemas", name);
}

/* --- objects that are written --- */

/** The type of a column of the import. */
static json_object *cell(const import_column *column, int nullable)
{
    json_object *node = kiss_openapi_type(column->type == IMPORT_DECIMAL ? "number" : column->type == IMPORT_INT ? "integer"
                                          : column->type == IMPORT_FLAG ? "boolean" : "string", nullable);

    if ((column->type == IMPORT_TEXT || column->type == IMPORT_CODE) && !(column->flags & IMPORT_BYTES)) {
        json_object_object_add(node, "maxLength", json_object_new_int(column->size));
    }
    return node;
}

/** Fills the schema of an object with the members of a table. */
static void add_cells(const kiss_openapi_build *b, json_object *schema, const kiss_write_table *t, int sent)
{
    json_object *properties = kiss_openapi_object_add(schema, "properties"), *required = json_object_new_array();
    int i;

    kiss_openapi_text_add(schema, "type", "object");
    for (i = 0; i < t->n; i++) {
        const char *text = t->member[i] ? kiss_openapi_word(b, NULL, ".", t->column[i]->csv) : NULL;
        json_object *property;

        if (t->member[i]) {
            property = cell(t->column[i], sent || (t->column[i]->flags & IMPORT_NULL));
            if (text) {
                kiss_openapi_text_add(property, "description", text);
            }
            json_object_object_add(properties, t->member[i], property);
            if (!sent || (t->name && kiss_write_plan_is_key(t->column[i]) && t->column[i]->type == IMPORT_CODE)) {
                json_object_array_add(required, json_object_new_string(t->member[i]));
            }
        }
    }
    json_object_object_add(schema, "required", required);
}

/** Adds an array of rows with what it means. */
static void add_array(const kiss_openapi_build *b, json_object *properties, const char *name, json_object *array)
{
    const char *text = kiss_openapi_word(b, NULL, ".", name);

    if (text) {
        kiss_openapi_text_add(array, "description", text);
    }
    json_object_object_add(properties, name, array);
}

json_object *kiss_openapi_schema_write(const kiss_openapi_build *b, const kiss_writeset *set, int sent)
{
    char *name = apr_pstrcat(b->pool, "Admin", set->item, sent ? "Sent" : NULL, NULL);
    json_object *schema, *properties, *required, *element;
    kiss_write_plan *plan;
    int is_new, i;

    name[sizeof("Admin") - 1] = (char)apr_toupper(name[sizeof("Admin") - 1]);
    schema = kiss_openapi_component(b, "schemas", name, &is_new);
    if (!is_new || kiss_write_plan_make(&plan, set, &import_customer_set, b->pool)) {
        return kiss_openapi_ref(b, "schemas", name);
    }
    kiss_openapi_text_add(schema, "description",
                          apr_pstrcat(b->pool, "A ", set->item, sent ? ", as it may be sent." : ".", NULL));
    add_cells(b, schema, &plan->self, sent);
    json_object_object_get_ex(schema, "properties", &properties);
    json_object_object_get_ex(schema, "required", &required);
    for (i = 0; i < plan->nnested; i++) {
        element = json_object_new_object();
        add_cells(b, element, &plan->nested[i], sent);
        add_array(b, properties, plan->nested[i].name, kiss_openapi_array(element, sent));
        if (!sent) {
            json_object_array_add(required, json_object_new_string(plan->nested[i].name));
        }
    }
    if (!sent && set->owner) {
        add_member(schema, KISS_WRITE_OWNER, kiss_openapi_type("string", 0), "`import` or `pim`: whose it is.");
    }
    return kiss_openapi_ref(b, "schemas", name);
}

json_object *kiss_openapi_schema_write_page(const kiss_openapi_build *b, const kiss_writeset *set)
{
    const char *name = apr_pstrcat(b->pool, "Admin", set->item, "Page", NULL);
    int is_new;
    json_object *schema = kiss_openapi_component(b, "schemas", name, &is_new);

    if (is_new) {
        kiss_openapi_text_add(schema, "description", "A page.");
        add_member(schema, set->items, kiss_openapi_array(kiss_openapi_schema_write(b, set, 0), 0), "The objects.");
        add_member(schema, "next", kiss_openapi_type("string", 1), "Path of the next page; null: this is the last one.");
    }
    return kiss_openapi_ref(b, "schemas", name);
}

/* --- parameters --- */

/** 1 when words are numbers, as the statuses of invoices. */
static int are_numbers(const char *words)
{
    return words[strspn(words, "0123456789,")] == '\0';
}

/** One value in the form of its schema. */
static json_object *value(const char *word, kiss_param_type type, int numbers)
{
    return type == KISS_PARAM_BOOLEANS ? json_object_new_boolean(strcmp(word, "true") == 0)
         : numbers ? json_object_new_int64(apr_atoi64(word)) : json_object_new_string(word);
}

/** Words joined by commas as an array. */
static json_object *values(const kiss_openapi_build *b, const char *words, kiss_param_type type, int numbers)
{
    json_object *list = json_object_new_array();
    char *rest = apr_pstrdup(b->pool, words), *last, *word;

    for (word = apr_strtok(rest, ",", &last); word; word = apr_strtok(NULL, ",", &last)) {
        json_object_array_add(list, value(word, type, numbers));
    }
    return list;
}

static json_object *param_type(const kiss_openapi_build *b, const kiss_param *param, int numbers)
{
    json_object *node;

    switch (param->type) {
    case KISS_PARAM_NUMBERS:
        return kiss_openapi_array(kiss_openapi_type("integer", 0), 0);
    case KISS_PARAM_TEXTS:
        return kiss_openapi_array(kiss_openapi_type("string", 0), 0);
    case KISS_PARAM_BOOLEANS:
        return kiss_openapi_array(kiss_openapi_type("boolean", 0), 0);
    case KISS_PARAM_WORDS:
        node = kiss_openapi_type(numbers ? "integer" : "string", 0);
        json_object_object_add(node, "enum", values(b, param->words, param->type, numbers));
        return kiss_openapi_array(node, 0);
    case KISS_PARAM_DATE:
        node = kiss_openapi_type("string", 0);
        kiss_openapi_text_add(node, "format", "date");
        return node;
    case KISS_PARAM_NUMBER:
    case KISS_PARAM_COUNT:
        return kiss_openapi_type("integer", 0);
    case KISS_PARAM_AMOUNT:
        return patterned("^[0-9]+(\\.[0-9]{1,2})?$", 0);
    default:
        return kiss_openapi_type("string", 0);
    }
}

json_object *kiss_openapi_schema_param(const kiss_openapi_build *b, const kiss_param *param)
{
    const int numbers = param->words && are_numbers(param->words);
    json_object *node = param_type(b, param, numbers);

    if (param->fallback && param->type != KISS_PARAM_DATE && (!param->fallback_for || !(b->roles & ~param->fallback_for))) {
        json_object_object_add(node, "default", values(b, param->fallback, param->type, numbers));
    }
    return node;
}

/* --- the rest --- */

static void fill_error(const kiss_openapi_build *b, json_object *schema)
{
    add_member(schema, b->api->error_member ? b->api->error_member : "error", kiss_openapi_type("string", 0),
               "What is wrong, in a sentence. The status decides.");
}

static void fill_rate_limit(const kiss_openapi_build *b, json_object *schema)
{
    (void)b;
    add_member(schema, "message", kiss_openapi_type("string", 0), "The limit that was exceeded, in a sentence.");
}

static void fill_oauth(const kiss_openapi_build *b, json_object *schema)
{
    (void)b;
    add_member(schema, "error", kiss_openapi_type("string", 0),
               "Code of the error: `invalid_client`, `invalid_request`, `unsupported_grant_type`, `unauthorized_client` or"
               " `invalid_scope` (RFC 6749 section 5.2).");
    add_member(schema, "error_description", kiss_openapi_type("string", 0), "What is wrong, in a sentence.");
}

static void fill_token(const kiss_openapi_build *b, json_object *schema)
{
    (void)b;
    add_member(schema, "access_token", kiss_openapi_type("string", 0), "The token, for `Authorization: Bearer`.");
    add_member(schema, "token_type", kiss_openapi_type("string", 0), "Always `Bearer`.");
    add_member(schema, "expires_in", kiss_openapi_type("integer", 0), "Seconds until it expires.");
}

static void fill_token_request(const kiss_openapi_build *b, json_object *schema)
{
    json_object *type = kiss_openapi_type("string", 0);

    json_object_object_add(type, "enum", values(b, "client_credentials", KISS_PARAM_WORDS, 0));
    add_member(schema, "grant_type", type, "Always `client_credentials`.");
    add_member(schema, "client_id", kiss_openapi_type("string", 0), "Code of the customer.");
    add_member(schema, "client_secret", kiss_openapi_type("string", 0), "API key of the customer.");
}

static void fill_written(const kiss_openapi_build *b, json_object *schema)
{
    json_object *properties;

    (void)b;
    add_member(schema, "rows", kiss_openapi_type("integer", 0), "Rows of the request.");
    json_object_object_get_ex(schema, "properties", &properties);
    kiss_openapi_text_add(kiss_openapi_object_add(properties, "changed"), "type", "integer");
    json_object_object_get_ex(properties, "changed", &properties);
    kiss_openapi_text_add(properties, "description", "Rows that differed; absent where the request is repeated.");
}

static json_object *texts(void) { return kiss_openapi_array(kiss_openapi_type("string", 0), 0); }

static void fill_server_metadata(const kiss_openapi_build *b, json_object *schema)
{
    (void)b;
    add_member(schema, "issuer", kiss_openapi_type("string", 0), "The issuer of the tokens.");
    add_member(schema, "token_endpoint", kiss_openapi_type("string", 0), "URL of the token endpoint.");
    add_member(schema, "response_types_supported", texts(), "Always empty: there is no authorization endpoint.");
    add_member(schema, "grant_types_supported", texts(), "`client_credentials`.");
    add_member(schema, "token_endpoint_auth_methods_supported", texts(), "`client_secret_basic` and `client_secret_post`.");
}

static void fill_resource_metadata(const kiss_openapi_build *b, json_object *schema)
{
    (void)b;
    add_member(schema, "resource", kiss_openapi_type("string", 0), "The identifier of this API.");
    add_member(schema, "authorization_servers", texts(), "The issuers whose tokens are accepted.");
    add_member(schema, "bearer_methods_supported", texts(), "`header`.");
}

static void fill_version(const kiss_openapi_build *b, json_object *schema)
{
    (void)b;
    add_member(schema, "apiVersion", kiss_openapi_type("string", 0), "The profile: `YYYY-MM`.");
}

static json_object *field_list(const kiss_openapi_build *b)
{
    int is_new;
    json_object *field = kiss_openapi_component(b, "schemas", "Field", &is_new);

    if (is_new) {
        kiss_openapi_text_add(field, "description", "A field of a row.");
        add_member(field, "name", kiss_openapi_type("string", 0), "Its name, the first letter lowered.");
        add_member(field, "type", kiss_openapi_type("string", 0), "`string`, `boolean`, `decimal` or `date`.");
        add_member(field, "required", kiss_openapi_type("boolean", 0), "Whether it is never empty.");
    }
    return kiss_openapi_array(kiss_openapi_ref(b, "schemas", "Field"), 0);
}

static void fill_field_list(const kiss_openapi_build *b, json_object *schema)
{
    json_object *arrays = kiss_openapi_type("object", 0), *nested = json_object_new_object();

    add_member(nested, "fields", field_list(b), "Its fields.");
    json_object_object_add(arrays, "additionalProperties", nested);
    add_member(schema, "endpoint", kiss_openapi_type("string", 0), "Path of the list that is described.");
    add_member(schema, "apiVersion", kiss_openapi_type("string", 0), "The profile: `YYYY-MM`.");
    add_member(schema, "fields", field_list(b), "Fields with a single value.");
    add_member(schema, "arrays", arrays, "Fields with a list of objects, by name.");
}

static const struct {
    const char *name, *description;
    void (*fill)(const kiss_openapi_build *b, json_object *schema);
} fixed[] = {
    { "ApiError", "An error.", fill_error },
    { "RateLimitError", "The limit of requests is exceeded.", fill_rate_limit },
    { "OAuthError", "An error of the token endpoint (RFC 6749 section 5.2).", fill_oauth },
    { "Token", "An access token.", fill_token },
    { "TokenRequest", "Client credentials.", fill_token_request },
    { "Version", "The version of the API.", fill_version },
    { "ServerMetadata", "Metadata of the authorization server (RFC 8414).", fill_server_metadata },
    { "ResourceMetadata", "Metadata of the protected resource (RFC 9728).", fill_resource_metadata },
    { "Written", "What a request with many rows has done.", fill_written },
    { "FieldList", "The fields of a list.", fill_field_list }
};

json_object *kiss_openapi_schema_fixed(const kiss_openapi_build *b, const char *name)
{
    int is_new, i;
    json_object *schema = kiss_openapi_component(b, "schemas", name, &is_new);

    for (i = 0; is_new && i < (int)(sizeof(fixed) / sizeof(fixed[0])); i++) {
        if (strcmp(fixed[i].name, name) == 0) {
            kiss_openapi_text_add(schema, "description", fixed[i].description);
            fixed[i].fill(b, schema);
        }
    }
    return kiss_openapi_ref(b, "schemas", name);
}
