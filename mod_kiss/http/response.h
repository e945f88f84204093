/* SPDX-License-Identifier: Apache-2.0 */
/** response - the answer to httpd's output filters: headers that every answer has, bodies. */
#ifndef KISS_RESPONSE_H
#define KISS_RESPONSE_H

#include <util_filter.h>

#include <apr_file_io.h>

#include "core/kiss.h"
#include "lib/file/progress.h"
#include "lib/file/spool.h"

/** Content-Type of every JSON answer (contract, "Left open" 16). */
#define KISS_JSON_TYPE "application/json; charset=utf-8"

/**
 * Headers of whatever is answered below the location, errors included: X-Request-Id, and Vary with the header by which
 * callers are told apart, so that no cache gives one caller's answer to another. The request id is the client's own if it is
 * 1 to 64 of [A-Za-z0-9_-], else a new one; k->request_id and the log note are set.
 */
void kiss_response_begin(kiss_req *k);

/** Headers of an answer that belongs to one customer: private, revalidated at each use (RFC 9111 section 5.2.2.7). */
void kiss_response_private(kiss_req *k);

/** Sets a strong ETag. */
void kiss_response_tag(kiss_req *k, const char *tag);

/** Says that what is sent next is not the content itself but how it is reached from `base` (RFC 3229 section 10.5). */
void kiss_response_delta(kiss_req *k, const char *tag, const char *base, const char *im);

/**
 * Sends a small body.
 *
 * @param type Content-Type, or NULL for none
 * @return what the handler returns: OK, or DONE when the client is gone
 */
int kiss_response_text(kiss_req *k, int status, const char *type, const char *body);

/** Sends `len` bytes, which must live as long as r->pool, as the JSON body of a 200. @return as kiss_response_text() */
int kiss_response_bytes(kiss_req *k, const char *body, apr_size_t len);

/** Sends a spool as JSON body. It must live as long as r->pool. @return as kiss_response_text() */
int kiss_response_spool(kiss_req *k, int status, const kiss_spool *spool);

/** Sends the first `size` bytes of an open file as the JSON body. It must live as long as r->pool. */
int kiss_response_file(kiss_req *k, apr_file_t *file, apr_off_t size);

/**
 * Sends what one bucket holds in memory as the JSON body.
 *
 * @param body belongs to this function from now on
 * @param file begins with the same bytes, and is there as long as the bucket: a slow client gets the rest from it
 */
int kiss_response_bucket(kiss_req *k, apr_bucket *body, apr_file_t *file);

/**
 * Sends a file as it grows as the JSON body: with Content-Length when it is whole already, else in chunks. A client that is
 * slower than the file holds this thread until the file has ended, and not until it has read it (event MPM). When it
 * does not become whole the connection is broken off, without the last chunk (RFC 9112 section 8). @return as kiss_response_text()
 */
int kiss_response_progress(kiss_req *k, kiss_progress *progress);

/** Says that what is sent next is compressed with gzip. */
void kiss_response_gzip(kiss_req *k);

/**
 * Sends an error: status, headers (Retry-After, the bearer's WWW-Authenticate), body; no cache may keep it.
 *
 * @return as kiss_response_text()
 */
int kiss_response_error(kiss_req *k, const kiss_error *e);

/**
 * Sends an error instead of what comes through an output filter: nothing of that is passed on. To be called with each
 * brigade; the error leaves with the last one, and takes the filter away.
 */
apr_status_t kiss_response_error_instead(kiss_req *k, const kiss_error *e, ap_filter_t *f, apr_bucket_brigade *bb);

#endif
