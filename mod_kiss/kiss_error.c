#include "kiss_error.h"

#include <json-c/json.h>

#include <string.h>

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

const kiss_error kiss_error_late_body = { HTTP_REQUEST_TIME_OUT, KISS_BODY_ERROR, NULL,
                                          "The request body did not come in time." };
const kiss_error kiss_error_precondition = { HTTP_PRECONDITION_FAILED, KISS_BODY_ERROR, NULL,
                                             "A precondition of the request is not met." };

/* Where httpd's own words for a status say too little. */
static const struct {
    int status;
    const char *text;
} sentences[] = {
    { HTTP_BAD_REQUEST, "The request is malformed." },
    { HTTP_UNAUTHORIZED, "Credentials are missing or not valid." },
    { HTTP_FORBIDDEN, "Access is not allowed." },
    { HTTP_NOT_FOUND, "Not found." },
    { HTTP_METHOD_NOT_ALLOWED, "Method not allowed." },
    { HTTP_REQUEST_TIME_OUT, "The request did not come in time." },
    { HTTP_REQUEST_ENTITY_TOO_LARGE, "The request body is too large." },
    { HTTP_REQUEST_URI_TOO_LARGE, "The URL is too long." },
    { HTTP_RANGE_NOT_SATISFIABLE, "The range lies outside of the content." },
    { HTTP_EXPECTATION_FAILED, "The Expect header asks for what is not supported." },
    { HTTP_INTERNAL_SERVER_ERROR, "An unexpected error occurred." },
    { HTTP_SERVICE_UNAVAILABLE, "The service is temporarily unavailable. Please retry." }
};

const kiss_error *kiss_error_of_status(int status, apr_pool_t *p)
{
    kiss_error *e = apr_pcalloc(p, sizeof(*e));
    apr_size_t i;

    e->status = status;
    e->body = KISS_BODY_ERROR;
    for (i = 0; i < sizeof(sentences) / sizeof(sentences[0]); i++) {
        if (sentences[i].status == status) {
            e->text = sentences[i].text;
            return e;
        }
    }
    /* "421 Misdirected Request" */
    e->text = apr_pstrcat(p, ap_get_status_line(status) + 4, ".", NULL);
    return e;
}

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

/** Whether an error belongs to the token endpoint, whose errors have a shape of their own. */
static int is_oauth(const kiss_req *k, const kiss_error *e)
{
    return e->body == KISS_BODY_OAUTH
           || (e->body == KISS_BODY_ERROR && k->endpoint && k->endpoint->auth == KISS_AUTH_CLIENT
               && e->status >= HTTP_BAD_REQUEST && e->status < HTTP_INTERNAL_SERVER_ERROR
               && e->status != HTTP_METHOD_NOT_ALLOWED);
}

/** Sets the headers of an error. @return its body; `type` receives the Content-Type, NULL for none */
static const char *render(kiss_req *k, const kiss_error *e, const char **type)
{
    const char *text = k->description ? k->description : e->text;
    int seconds = k->retry_after ? k->retry_after : e->retry_after;

    if (seconds) {
        apr_table_setn(k->r->err_headers_out, "Retry-After", apr_itoa(k->pool, seconds));
    }
    if (e == &kiss_error_bearer) {
        apr_table_setn(k->r->err_headers_out, "WWW-Authenticate", "Bearer error=\"invalid_token\"");
    }
    kiss_out_error(k);
    *type = KISS_JSON_TYPE;
    if (k->api->keyed) {
        return object(k->pool, "Error", keyed_text(k, e), NULL, NULL);
    }
    if (is_oauth(k, e)) {
        return object(k->pool, "error", e->code ? e->code : "invalid_request", "error_description", text);
    }
    switch (e->body) {
    case KISS_BODY_NONE:
        *type = NULL;
        return "";
    case KISS_BODY_TEXT:
        *type = "text/plain";
        return text;
    case KISS_BODY_MESSAGE:
        return object(k->pool, "message", text, NULL, NULL);
    default:
        return object(k->pool, "error", text, NULL, NULL);
    }
}

int kiss_error_send(kiss_req *k, const kiss_error *e)
{
    const char *type, *body = render(k, e, &type);

    return kiss_out_text(k, e->status, type, body);
}

apr_status_t kiss_error_replace(kiss_req *k, const kiss_error *e, ap_filter_t *f, apr_bucket_brigade *bb)
{
    const char *type, *body;
    apr_bucket *b = APR_BRIGADE_FIRST(bb);

    while (b != APR_BRIGADE_SENTINEL(bb) && !APR_BUCKET_IS_EOS(b)) {
        b = APR_BUCKET_NEXT(b);
    }
    if (b == APR_BRIGADE_SENTINEL(bb)) {
        apr_brigade_cleanup(bb);
        return APR_SUCCESS;
    }
    apr_brigade_cleanup(bb);
    body = render(k, e, &type);
    k->r->status = e->status;
    k->r->status_line = NULL;
    if (type) {
        ap_set_content_type(k->r, type);
    }
    ap_set_content_length(k->r, (apr_off_t)strlen(body));
    APR_BRIGADE_INSERT_TAIL(bb, apr_bucket_pool_create(body, strlen(body), k->pool, bb->bucket_alloc));
    APR_BRIGADE_INSERT_TAIL(bb, apr_bucket_eos_create(bb->bucket_alloc));
    ap_remove_output_filter(f);
    return ap_pass_brigade(f->next, bb);
}
