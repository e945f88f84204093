/* SPDX-License-Identifier: Apache-2.0 */
/**
 * precondition - evaluates the preconditions of a request (RFC 9110 section 13): If-Match, If-None-Match, If-Range; and
 * where an answer has a modification date, If-Unmodified-Since, If-Modified-Since and an If-Range with a date.
 *
 * Only lists of a location with KissFeedBasic have such a date (list/list_modified.h). It identifies the bytes, so it is a
 * strong validator (section 8.8.2.2):
 *
 * - If-Modified-Since (13.1.3) is 304 for exactly this date. Any other one is ignored: it is that of another state, or of
 *   another clock.
 * - If-Unmodified-Since (13.1.4) is 412 when this date is later. A state that returns has a new date, so one that is not
 *   later proves that nothing has changed since.
 * - If-Range (13.1.5) applies the range for exactly this date.
 *
 * Tags have precedence (13.2.2): in a request with If-Match or If-None-Match the date of the same kind is ignored. Where an
 * answer has no date, those in the request are ignored, and an If-Range with one matches nothing. httpd's
 * ap_meets_conditions() would use the current time instead.
 */
#ifndef KISS_PRECONDITION_H
#define KISS_PRECONDITION_H

#include "core/kiss.h"

/** The representation that is about to be sent. */
typedef struct {
    const char *tag;            /**< its ETag without quotes and coding */
    const char *coding;         /**< suffix of our own coding, or "" */
    int weak;                   /**< the ETag is a weak one */
    apr_int64_t modified;       /**< its modification date, which identifies its bytes: seconds since 1970; 0 for none */
} kiss_validator;

/**
 * 1 when the answer becomes a part of another one (a subrequest, as of server-side includes) or the document of an
 * error: then the client's preconditions, ranges and codings do not apply to it.
 */
int kiss_precondition_is_fragment(const request_rec *r);

/** Sets ETag and Last-Modified, of a representation that is not the one whose preconditions were evaluated. */
void kiss_precondition_tag(kiss_req *k, const kiss_validator *v);

/** Removes both, of a representation that is not sent. */
void kiss_precondition_remove(kiss_req *k);

/**
 * Sets ETag and Last-Modified, and evaluates the preconditions, in the order of section 13.2.2.
 *
 * If-None-Match: the tag with the suffix of any coding matches, and the ETag of the 304 is the one that matched.
 * If-Match: only the tag of the bytes that are sent matches; where an output filter may still apply a coding, it is
 * compared after that filter.
 *
 * @param status receives 304, or 0 when the answer is to be sent
 * @return NULL, or 412
 */
const kiss_error *kiss_precondition_check(kiss_req *k, const kiss_validator *v, int *status);

/**
 * Evaluates the preconditions of a request that writes, before it does, where a GET of the resource sends a page: its
 * ETag is a weak one, which If-Match, other than `*`, never matches; there is a representation, so If-None-Match: `*` is
 * not met. Tags in If-None-Match are not compared: they are of pages, which nobody reads with the parameters of a write.
 *
 * @return NULL, or 412
 */
const kiss_error *kiss_precondition_write(const request_rec *r);

/**
 * Evaluates the preconditions of a request that writes an object, before it does.
 *
 * If-Match: a strong tag, with the suffix of any coding, that identifies the content. If-None-Match: no tag may.
 *
 * @param tag of the object as it is now, without quotes; NULL: there is none
 * @return NULL, or 412
 */
const kiss_error *kiss_precondition_object(const request_rec *r, const char *tag);

/**
 * Removes a Range that does not apply: of a method other than GET, or with an If-Range that is no strong tag. With a date it
 * is put back by the functions above, if that is the one of the representation.
 */
void kiss_precondition_range(kiss_req *k);

/** Registers the output filter that compares If-Match with the ETag as it was sent. In register_hooks. */
void kiss_precondition_register(void);

#endif
