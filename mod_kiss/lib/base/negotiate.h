/* SPDX-License-Identifier: Apache-2.0 */
/** negotiate - which variant of an answer a client accepts: Accept-Encoding and A-IM. Pure, thread-safe. */
#ifndef KISS_NEGOTIATE_H
#define KISS_NEGOTIATE_H

/**
 * Whether an Accept-Encoding prefers gzip to the plain answer (RFC 9110 section 12.5.3: q-values, `*`, `x-gzip`).
 *
 * @param header its value, or NULL
 * @return 1 for gzip, 0 for no coding
 */
int kiss_negotiate_gzip(const char *header);

/**
 * Whether an A-IM accepts an instance manipulation (RFC 3229 section 10.5.3).
 *
 * @param header its value, or NULL
 */
int kiss_negotiate_im(const char *header, const char *name);

#endif
