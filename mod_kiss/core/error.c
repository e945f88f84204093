/* SPDX-License-Identifier: Apache-2.0 */
/**
 * error - the table of errors.
 */
#include "core/error.h"

#include <string.h>

const kiss_error kiss_error_tls = { HTTP_FORBIDDEN, KISS_ERROR_SHAPE_ERROR, NULL, "This API is served over HTTPS only." };
const kiss_error kiss_error_not_found = { HTTP_NOT_FOUND, KISS_ERROR_SHAPE_ERROR, NULL, "Not found." };
const kiss_error kiss_error_method = { HTTP_METHOD_NOT_ALLOWED, KISS_ERROR_SHAPE_ERROR, NULL, "Method not allowed." };
const kiss_error kiss_error_bearer = { HTTP_UNAUTHORIZED, KISS_ERROR_SHAPE_NONE };
const kiss_error kiss_error_no_customer = { HTTP_NOT_FOUND, KISS_ERROR_SHAPE_ERROR, NULL, "Customer not found." };
const kiss_error kiss_error_quota = { HTTP_TOO_MANY_REQUESTS, KISS_ERROR_SHAPE_MESSAGE };
const kiss_error kiss_error_internal = { HTTP_INTERNAL_SERVER_ERROR, KISS_ERROR_SHAPE_ERROR, NULL,
                                         "An unexpected error occurred." };
const kiss_error kiss_error_unavailable = { HTTP_SERVICE_UNAVAILABLE, KISS_ERROR_SHAPE_ERROR, NULL,
                                            "The service is temporarily unavailable. Please retry.", 5 };
const kiss_error kiss_error_busy = { HTTP_SERVICE_UNAVAILABLE, KISS_ERROR_SHAPE_ERROR, NULL,
                                     "The service is busy. Please retry.", 2 };
const kiss_error kiss_error_unhealthy = { HTTP_SERVICE_UNAVAILABLE, KISS_ERROR_SHAPE_TEXT, NULL, "Unhealthy", 5 };

const kiss_error kiss_error_invalid_request = { HTTP_BAD_REQUEST, KISS_ERROR_SHAPE_OAUTH, "invalid_request",
                                                "The request is malformed." };
const kiss_error kiss_error_body_too_large = { HTTP_REQUEST_ENTITY_TOO_LARGE, KISS_ERROR_SHAPE_OAUTH, "invalid_request",
                                               "The request body is too large." };
const kiss_error kiss_error_grant_type = { HTTP_BAD_REQUEST, KISS_ERROR_SHAPE_OAUTH, "unsupported_grant_type",
                                           "Only client_credentials is supported." };
const kiss_error kiss_error_scope = { HTTP_BAD_REQUEST, KISS_ERROR_SHAPE_OAUTH, "invalid_scope",
                                      "This service has no scopes: leave the parameter out." };
const kiss_error kiss_error_unauthorized_client = { HTTP_BAD_REQUEST, KISS_ERROR_SHAPE_OAUTH, "unauthorized_client",
                                                    "This account is disabled." };
const kiss_error kiss_error_invalid_client = { HTTP_UNAUTHORIZED, KISS_ERROR_SHAPE_OAUTH, "invalid_client",
                                               "Invalid client credentials." };

const kiss_error kiss_error_key = { HTTP_UNAUTHORIZED, KISS_ERROR_SHAPE_ERROR, NULL, "Missing or invalid API key" };
const kiss_error kiss_error_role = { HTTP_FORBIDDEN, KISS_ERROR_SHAPE_ERROR, NULL,
                                     "Your key does not have access to this resource" };
const kiss_error kiss_error_param = { HTTP_BAD_REQUEST, KISS_ERROR_SHAPE_ERROR, NULL, "A parameter is invalid" };
const kiss_error kiss_error_body = { HTTP_REQUEST_ENTITY_TOO_LARGE, KISS_ERROR_SHAPE_ERROR, NULL,
                                     "The request body is too large" };

const kiss_error kiss_error_exists = { HTTP_CONFLICT, KISS_ERROR_SHAPE_ERROR, NULL, "It exists already." };
const kiss_error kiss_error_no_admin = { HTTP_FORBIDDEN, KISS_ERROR_SHAPE_ERROR, NULL,
                                         "This account may not write: only an admin client's may." };
const kiss_error kiss_error_admin = { HTTP_FORBIDDEN, KISS_ERROR_SHAPE_ERROR, NULL,
                                      "This is the account of an admin client: it reads no customer's data." };

const kiss_error kiss_error_late_body = { HTTP_REQUEST_TIME_OUT, KISS_ERROR_SHAPE_ERROR, NULL,
                                          "The request body did not come in time." };
const kiss_error kiss_error_precondition = { HTTP_PRECONDITION_FAILED, KISS_ERROR_SHAPE_ERROR, NULL,
                                             "A precondition of the request is not met." };

/* Texts for statuses where that of httpd is too vague. */
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
    { HTTP_REQUEST_HEADER_FIELDS_TOO_LARGE, "The headers of the request are too large." },
    { HTTP_RANGE_NOT_SATISFIABLE, "The range lies outside of the content." },
    { HTTP_EXPECTATION_FAILED, "The Expect header asks for what is not supported." },
    { HTTP_INTERNAL_SERVER_ERROR, "An unexpected error occurred." },
    { HTTP_SERVICE_UNAVAILABLE, "The service is temporarily unavailable. Please retry." }
};

/** The sentence for a status. */
static const char *sentence_for(int status, apr_pool_t *p)
{
    apr_size_t i;

    for (i = 0; i < sizeof(sentences) / sizeof(sentences[0]); i++) {
        if (sentences[i].status == status) {
            return sentences[i].text;
        }
    }
    /* "421 Misdirected Request" */
    return apr_pstrcat(p, ap_get_status_line(status) + 4, ".", NULL);
}

/** Was the request refused for the size or the number of its headers? In HTTP/1 httpd says so in words only. */
static int has_large_headers(const request_rec *failed)
{
    const char *reason = apr_table_get(failed->notes, "error-notes");

    return failed->status == HTTP_BAD_REQUEST && reason && strstr(reason, "request header field")
           && strstr(reason, "exceeds");
}

const kiss_error *kiss_error_of_httpd(const request_rec *failed, apr_pool_t *p)
{
    kiss_error *e = apr_pcalloc(p, sizeof(*e));

    e->status = failed->status;
    e->shape = KISS_ERROR_SHAPE_ERROR;
    e->text = sentence_for(has_large_headers(failed) ? HTTP_REQUEST_HEADER_FIELDS_TOO_LARGE : failed->status, p);
    return e;
}
