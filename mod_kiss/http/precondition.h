/* SPDX-License-Identifier: Apache-2.0 */
/**
 * precondition - evaluates the preconditions of a request (RFC 9110 section 13): If-Match, If-None-Match, If-Range.
 *
 * No answer has a Last-Modified date, so If-Modified-Since and If-Unmodified-Since are ignored (sections 13.1.3
 * and 13.1.4) and an If-Range with a date matches nothing. httpd's ap_meets_conditions() would use the current time
 * instead.
 */
#ifndef KISS_PRECONDITION_H
#define KISS_PRECONDITION_H

#include "core/kiss.h"

/** The representation that is about to be sent. */
typedef struct {
    const char *tag;            /**< its ETag without quotes and coding */
    const char *coding;         /**< suffix of our own coding, or "" */
    int weak;                   /**< the ETag is a weak one */
} kiss_validator;

/**
 * 1 when the answer becomes a part of another one (a subrequest, as of server-side includes) or the document of an
 * error: then the client's preconditions, ranges and codings do not apply to it.
 */
int kiss_precondition_is_fragment(const request_rec *r);

/** Sets the ETag, of a representation that is not the one whose preconditions were evaluated. */
void kiss_precondition_tag(kiss_req *k, const kiss_validator *v);

/**
 * Sets the ETag and evaluates the preconditions, in the order of section 13.2.2.
 *
 * If-None-Match: the tag with the suffix of any coding matches, and the ETag of the 304 is the one that matched.
 * If-Match: only the tag of the bytes that are sent matches; where an output filter may still apply a coding, it is
 * compared after that filter.
 *
 * @param status receives 304, or 0 when the answer is to be sent
 * @return NULL, or 412
 */
const kiss_error *kiss_precondition_check(kiss_req *k, const kiss_validator *v, int *status);

/** Removes a Range that does not apply: of a method other than GET, or with an If-Range that is no strong tag. */
void kiss_precondition_range(request_rec *r);

/** Registers the output filter that compares If-Match with the ETag as it was sent. In register_hooks. */
void kiss_precondition_register(void);

#endif
