/* SPDX-License-Identifier: Apache-2.0 */
/**
 * httpd_error - gives errors that httpd itself sets on a request for the API the API's error shape: JSON, X-Request-Id,
 * Vary, no-store. Such errors are a URL that is too long or cannot be decoded, a header that is too large, a range that
 * is not satisfiable, access denied by Require. An ErrorDocument does not change that, since clients of the API read
 * JSON.
 *
 * Some occur before httpd's location walk, or before the path is parsed. Then the location is found by the path as it
 * was sent, or "/" where there is none, in the virtual host that httpd has selected so far.
 */
#ifndef KISS_HTTPD_ERROR_H
#define KISS_HTTPD_ERROR_H

#include "core/kiss.h"

/** Recognises a request for an API by the configuration of its location. @return NULL when it is none */
typedef kiss_req *kiss_httpd_error_claim(request_rec *r);

/** Overrides ErrorDocument for a request. */
void kiss_httpd_error_own(request_rec *r);

/** Undoes kiss_httpd_error_own(). */
void kiss_httpd_error_disown(request_rec *r);

/** Makes sure that HEAD gets no body where httpd has not parsed the method, as with a request line that is too long. */
void kiss_httpd_error_head(request_rec *r);

/** Registers hook and filter. In register_hooks. */
void kiss_httpd_error_register(kiss_httpd_error_claim *claim);

#endif
