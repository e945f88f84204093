/* SPDX-License-Identifier: Apache-2.0 */
/**
 * httpd_error - errors that httpd itself finds in a request for the API: a URL that is too long or cannot be decoded, a
 * header that is too large, a range outside of the content, access that a Require line refuses. They get the API's form:
 * JSON, X-Request-Id, Vary, no-store. An ErrorDocument does not change that, since clients of the API read JSON.
 *
 * Some are found before httpd has looked for the location, or even read the path. Then the path as it was sent decides, or
 * "/" where there is none, in the virtual host that httpd had chosen so far.
 */
#ifndef KISS_HTTPD_ERROR_H
#define KISS_HTTPD_ERROR_H

#include "core/kiss.h"

/** Finds out whether a request is for an API, by the configuration of its location. @return NULL when it is not */
typedef kiss_req *kiss_httpd_error_claim(request_rec *r);

/** Takes the error pages that a request can get away from ErrorDocument. */
void kiss_httpd_error_own(request_rec *r);

/** Gives them back. */
void kiss_httpd_error_disown(request_rec *r);

/** Sees to it that HEAD gets no body where httpd has not even taken the method, as in a line that is too long. */
void kiss_httpd_error_head(request_rec *r);

/** Registers hook and filter. In register_hooks. */
void kiss_httpd_error_register(kiss_httpd_error_claim *claim);

#endif
