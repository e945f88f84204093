/* SPDX-License-Identifier: Apache-2.0 */
/**
 * jwt_keys - a parser of the file of token signing keys. Pure; thread-safe.
 *
 * One key a line: `KID SECRET`, where KID is 1 to 64 of [A-Za-z0-9._-] and SECRET is base64url of 32 bytes or more
 * (RFC 8725 section 3.5, RFC 7518 section 3.2). '#' starts a comment line. The first key signs, all verify: a new key
 * is put on top, the old one removed after the tokens that it signed have expired.
 */
#ifndef KISS_JWT_KEYS_H
#define KISS_JWT_KEYS_H

#include <apr_tables.h>

/** One signing key. */
typedef struct {
    const char *kid;                /**< key id, the `kid` of RFC 7515 section 4.1.4 */
    const unsigned char *secret;    /**< HMAC key */
    apr_size_t len;                 /**< its length in bytes, 32 or more */
} kiss_jwt_key;

/**
 * Parses the content of a key file.
 *
 * @param keys receives an array of kiss_jwt_key, in the file's order, at least one; texts live in `p`
 * @return NULL, or a sentence in `p` that names the line; never contains a secret
 */
const char *kiss_jwt_keys_parse(apr_array_header_t **keys, const char *text, apr_pool_t *p);

/** The key with this id, compared byte for byte, or NULL. */
const kiss_jwt_key *kiss_jwt_keys_find(const apr_array_header_t *keys, const char *kid);

#endif
