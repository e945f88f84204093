/* SPDX-License-Identifier: Apache-2.0 */
/**
 * apikey - generates and recognises API keys. Pure except for the random bytes; thread-safe.
 *
 * A key is "kiss_", eight hexadecimal digits that name it in lists and logs, "_", and 256 random bits as base64url.
 * The database holds its SHA-256 and the eight digits; a plain digest is enough because nobody can guess 256 bits.
 */
#ifndef KISS_APIKEY_H
#define KISS_APIKEY_H

#include "lib/base/crypto.h"

/** Length of the public prefix. */
#define KISS_APIKEY_PREFIX_LEN 8

/** A new key. `text` is shown once and stored nowhere. */
typedef struct {
    const char *text;                               /**< the whole key */
    const char *prefix;                             /**< its public part */
    unsigned char hash[KISS_SHA256_LEN];            /**< what the database stores */
} kiss_apikey;

/** Generates a key; texts live in `p`. @return APR_SUCCESS, or the generator's failure. */
apr_status_t kiss_apikey_make(kiss_apikey *key, apr_pool_t *p);

/** The public prefix of a text that has the syntax of a key, in `p`, or NULL. */
const char *kiss_apikey_prefix(const char *text, apr_pool_t *p);

#endif
