/* SPDX-License-Identifier: Apache-2.0 */
/**
 * ratelimit_headers - the headers by which a client learns its limits. Each function sets them on the answer, an error
 * included.
 */
#ifndef KISS_RATELIMIT_HEADERS_H
#define KISS_RATELIMIT_HEADERS_H

#include "core/kiss.h"
#include "lib/ratelimit/fixed_window.h"

/**
 * RateLimit and RateLimit-Policy (draft-ietf-httpapi-ratelimit-headers) of all windows, in addition to the published
 * headers.
 */
void kiss_ratelimit_headers_windows(kiss_req *k, const kiss_fixed_window_state states[KISS_WINDOWS]);

/** X-Rate-Limit-Limit, -Remaining and -Reset of one window (contract section 4). */
void kiss_ratelimit_headers_window(kiss_req *k, const kiss_fixed_window_state *s, int w);

/** RateLimit-Limit, -Remaining and -Reset of the sliding hour (KSS API, section 2 "Rate limit"). */
void kiss_ratelimit_headers_hour(kiss_req *k, const kiss_fixed_window_state *s);

#endif
