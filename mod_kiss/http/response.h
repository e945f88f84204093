/* SPDX-License-Identifier: Apache-2.0 */
/** response - sends answers to httpd's output filters: headers of every answer, bodies, errors. */
#ifndef KISS_RESPONSE_H
#define KISS_RESPONSE_H

#include <util_filter.h>

#include <apr_file_io.h>

#include "core/kiss.h"
#include "http/slow_client.h"
#include "lib/file/progress.h"
#include "lib/file/spool.h"

/** Content-Type of every JSON answer (contract, "Left open" 16). */
#define KISS_JSON_TYPE "application/json; charset=utf-8"

/**
 * Sets the headers of every answer below the location, including errors: X-Request-Id, Vary with the header that
 * identifies callers, so that no cache gives one caller's answer to another, and those of KissDeprecation and KissSunset.
 * The request id is the client's own if it is 1 to 64 of [A-Za-z0-9_-], else a new one; k->request_id and the log note
 * are set.
 */
void kiss_response_begin(kiss_req *k);

/**
 * Sets the headers of an answer that belongs to one customer: private, revalidated at each use (RFC 9111 section
 * 5.2.2.7).
 */
void kiss_response_private(kiss_req *k);

/** Marks the answer as a delta from `base` to `tag`, its strong ETag (RFC 3229 section 10.5). */
void kiss_response_delta(kiss_req *k, const char *tag, const char *base, const char *im);

/**
 * Sends a small body.
 *
 * @param type Content-Type, or NULL for none
 * @return what the handler returns: OK, or DONE when the client has disconnected
 */
int kiss_response_text(kiss_req *k, int status, const char *type, const char *body);

/** Sends `len` bytes, which must live as long as r->pool, as the JSON body of a 200. @return as kiss_response_text() */
int kiss_response_bytes(kiss_req *k, const char *body, apr_size_t len);

/** Sends a spool as JSON body. It must live as long as r->pool. @return as kiss_response_text() */
int kiss_response_spool(kiss_req *k, int status, const kiss_spool *spool);

/** Sends what is stored in open files as the JSON body. They must live as long as r->pool. */
int kiss_response_stored(kiss_req *k, const kiss_stored *stored);

/**
 * Sends buckets in memory, all of one type, as the JSON body.
 *
 * @param bb      owned by this function from now on; not empty
 * @param size    bytes of all of them
 * @param file_of finds the file from which a slow client gets the rest
 */
int kiss_response_mapped(kiss_req *k, apr_bucket_brigade *bb, apr_off_t size, kiss_slow_client_file_of *file_of);

/**
 * Sends a file as the JSON body while it is written: with Content-Length when it is already complete, else in chunks. A
 * client that is slower than the file occupies this thread until the file has ended, but not until the client has read
 * it (event MPM). When the file cannot be completed the connection is aborted, without the last chunk (RFC 9112 section
 * 8). @return as kiss_response_text()
 */
int kiss_response_progress(kiss_req *k, kiss_progress *progress);

/**
 * Sets Server-Timing, where KissServerTiming is On (https://www.w3.org/TR/server-timing/), unless the caller has not proved
 * the credentials that it needs. The functions here call it before they send; to be called for an answer that httpd sends.
 */
void kiss_response_timing(kiss_req *k);

/**
 * Sets the headers of an answer by KissServeStale: Age (RFC 9111 section 5.1) and Kiss-As-Of, of k->as_of. Of a 304, too.
 */
void kiss_response_stale(kiss_req *k);

/** A time of kiss_clock_now() that is past, as HTTP writes dates. In `p`. */
const char *kiss_response_date(apr_int64_t time, apr_pool_t *p);

/** Marks the answer as compressed with gzip. */
void kiss_response_gzip(kiss_req *k);

/**
 * Sends an error: status, headers (Retry-After, the bearer's WWW-Authenticate), body; it must not be cached.
 *
 * @return as kiss_response_text()
 */
int kiss_response_error(kiss_req *k, const kiss_error *e);

/**
 * Sends an error instead of what comes through an output filter, which is discarded. To be called with each brigade;
 * the error is sent with the last one, and the filter is removed.
 */
apr_status_t kiss_response_error_instead(kiss_req *k, const kiss_error *e, ap_filter_t *f, apr_bucket_brigade *bb);

#endif
