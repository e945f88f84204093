/* SPDX-License-Identifier: Apache-2.0 */
/** negotiate - which variant of an answer a client accepts: Accept, Accept-Encoding and A-IM. Pure, thread-safe. */
#ifndef KISS_NEGOTIATE_H
#define KISS_NEGOTIATE_H

/**
 * Whether an Accept-Encoding prefers gzip to the plain answer (RFC 9110 section 12.5.3: q-values, `*`, `x-gzip`).
 *
 * @param header its value, or NULL
 * @return 1 for gzip, 0 for no coding
 */
int kiss_negotiate_gzip(const char *header);

/** Result of kiss_negotiate_type() where no range matches. */
#define KISS_NEGOTIATE_UNNAMED (-1)

/**
 * The weight of a media type by an Accept (RFC 9110 section 12.5.1): that of the most specific range that matches it; of
 * equal ones the last.
 *
 * @param header its value, or NULL
 * @param type   the media type with its parameters: `text/csv; charset=utf-8; header=present`
 * @param named  1 to consider only ranges with this type and subtype
 * @return thousandths, or KISS_NEGOTIATE_UNNAMED
 */
int kiss_negotiate_type(const char *header, const char *type, int named);

/**
 * Whether an A-IM accepts an instance manipulation (RFC 3229 section 10.5.3).
 *
 * @param header its value, or NULL
 */
int kiss_negotiate_im(const char *header, const char *name);

#endif
