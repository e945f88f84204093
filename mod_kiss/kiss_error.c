#include "kiss_error.h"

#include <json-c/json.h>

#include "kiss_out.h"

const kiss_error kiss_error_tls = { HTTP_FORBIDDEN, KISS_BODY_ERROR, NULL, "This API is served over HTTPS only." };
const kiss_error kiss_error_not_found = { HTTP_NOT_FOUND, KISS_BODY_ERROR, NULL, "Not found." };
const kiss_error kiss_error_method = { HTTP_METHOD_NOT_ALLOWED, KISS_BODY_ERROR, NULL, "Method not allowed." };
const kiss_error kiss_error_bearer = { HTTP_UNAUTHORIZED, KISS_BODY_NONE };
const kiss_error kiss_error_no_customer = { HTTP_NOT_FOUND, KISS_BODY_ERROR, NULL, "Customer not found." };
const kiss_error kiss_error_quota = { HTTP_TOO_MANY_REQUESTS, KISS_BODY_MESSAGE };
const kiss_error kiss_error_internal = { HTTP_INTERNAL_SERVER_ERROR, KISS_BODY_ERROR, NULL,
                                         "An unexpected error occurred." };
const kiss_error kiss_error_unavailable = { HTTP_SERVICE_UNAVAILABLE, KISS_BODY_ERROR, NULL,
                                            "The service is temporarily unavailable. Please retry.", 5 };
const kiss_error kiss_error_busy = { HTTP_SERVICE_UNAVAILABLE, KISS_BODY_ERROR, NULL,
                                     "The service is busy. Please retry.", 2 };
const kiss_error kiss_error_unhealthy = { HTTP_SERVICE_UNAVAILABLE, KISS_BODY_TEXT, NULL, "Unhealthy", 5 };

const kiss_error kiss_error_invalid_request = { HTTP_BAD_REQUEST, KISS_BODY_OAUTH, "invalid_request",
                                                "The request is malformed." };
const kiss_error kiss_error_body_too_large = { HTTP_REQUEST_ENTITY_TOO_LARGE, KISS_BODY_OAUTH, "invalid_request",
                                               "The request body is too large." };
const kiss_error kiss_error_grant_type = { HTTP_BAD_REQUEST, KISS_BODY_OAUTH, "unsupported_grant_type",
                                           "Only client_credentials is supported." };
const kiss_error kiss_error_scope = { HTTP_BAD_REQUEST, KISS_BODY_OAUTH, "invalid_scope",
                                      "This service has no scopes: leave the parameter out." };
const kiss_error kiss_error_unauthorized_client = { HTTP_BAD_REQUEST, KISS_BODY_OAUTH, "unauthorized_client",
                                                    "This account is disabled." };
const kiss_error kiss_error_invalid_client = { HTTP_UNAUTHORIZED, KISS_BODY_OAUTH, "invalid_client",
                                               "Invalid client credentials." };

const kiss_error kiss_error_key = { HTTP_UNAUTHORIZED, KISS_BODY_ERROR, NULL, "Missing or invalid API key" };
const kiss_error kiss_error_role = { HTTP_FORBIDDEN, KISS_BODY_ERROR, NULL,
                                     "Your key does not have access to this resource" };
const kiss_error kiss_error_param = { HTTP_BAD_REQUEST, KISS_BODY_ERROR, NULL, "A parameter is invalid" };
const kiss_error kiss_error_body = { HTTP_REQUEST_ENTITY_TOO_LARGE, KISS_BODY_ERROR, NULL,
                                     "The request body is too large" };

/** The sentence of an API with keys, where it has one of its own (KSS API, "Left open" 1). */
static const char *keyed_text(const kiss_req *k, const kiss_error *e)
{
    if (k->description && e->body != KISS_BODY_MESSAGE) {
        return k->description;
    }
    switch (e->status) {
    case HTTP_NOT_FOUND:
        return "The endpoint does not exist";
    case HTTP_TOO_MANY_REQUESTS:
        return "Rate limit exceeded";
    case HTTP_INTERNAL_SERVER_ERROR:
        return "Unexpected server error";
    default:
        return e->text;
    }
}

/** {"first":"a"} or {"first":"a","second":"b"} */
static const char *object(apr_pool_t *p, const char *first, const char *a, const char *second, const char *b)
{
    json_object *o = json_object_new_object();
    const char *text;

    json_object_object_add(o, first, json_object_new_string(a));
    if (second) {
        json_object_object_add(o, second, json_object_new_string(b));
    }
    text = apr_pstrdup(p, json_object_to_json_string_ext(o, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE));
    json_object_put(o);
    return text;
}

int kiss_error_send(kiss_req *k, const kiss_error *e)
{
    const char *text = k->description ? k->description : e->text, *body = "";
    int seconds = k->retry_after ? k->retry_after : e->retry_after;

    if (seconds) {
        apr_table_setn(k->r->err_headers_out, "Retry-After", apr_itoa(k->pool, seconds));
    }
    if (e == &kiss_error_bearer) {
        apr_table_setn(k->r->err_headers_out, "WWW-Authenticate", "Bearer error=\"invalid_token\"");
    }
    if (k->api->keyed) {
        return kiss_out_text(k, e->status, KISS_JSON_TYPE, object(k->pool, "Error", keyed_text(k, e), NULL, NULL));
    }
    switch (e->body) {
    case KISS_BODY_NONE:
        return kiss_out_text(k, e->status, NULL, "");
    case KISS_BODY_TEXT:
        return kiss_out_text(k, e->status, "text/plain", text);
    case KISS_BODY_ERROR:
        body = object(k->pool, "error", text, NULL, NULL);
        break;
    case KISS_BODY_OAUTH:
        body = object(k->pool, "error", e->code, "error_description", text);
        break;
    case KISS_BODY_MESSAGE:
        body = object(k->pool, "message", text, NULL, NULL);
        break;
    }
    return kiss_out_text(k, e->status, KISS_JSON_TYPE, body);
}
