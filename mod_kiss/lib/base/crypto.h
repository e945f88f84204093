/* SPDX-License-Identifier: Apache-2.0 */
/**
 * crypto - random bytes, digests and files of secrets. The only unit that reads a secret from disk.
 *
 * Shared by the module and kissctl. Thread-safe; memory comes from the given pool.
 */
#ifndef KISS_CRYPTO_H
#define KISS_CRYPTO_H

#include <apr_pools.h>

/** Bytes of a SHA-256 digest. */
#define KISS_SHA256_LEN 32

/** Fills `buf` with `n` bytes from the system's generator. @return APR_SUCCESS or APR_EGENERAL; never weak bytes. */
apr_status_t kiss_crypto_random(unsigned char *buf, apr_size_t n);

/** SHA-256 (FIPS 180-4) of `n` bytes. */
void kiss_crypto_sha256(unsigned char out[KISS_SHA256_LEN], const void *data, apr_size_t n);

/** HMAC with SHA-256 (RFC 2104) of `n` bytes. @return 1, or 0 when memory failed */
int kiss_crypto_hmac(unsigned char out[KISS_SHA256_LEN], const void *key, apr_size_t key_len, const void *data,
                     apr_size_t n);

/** Compares in a time that depends on `n` only. @return 1 when equal. */
int kiss_crypto_equal(const void *a, const void *b, apr_size_t n);

/** base64url without padding (RFC 4648 section 5). @return NUL-terminated text in `p`. */
char *kiss_crypto_base64url(apr_pool_t *p, const unsigned char *data, apr_size_t n);

/**
 * Decodes base64url without padding, strictly: no blanks, no '=', no '+' or '/', no stray bits in the last character.
 *
 * @param out receives the bytes, in `p`, followed by a NUL
 * @param n   receives their number
 * @return 1, or 0 when the text is not base64url
 */
int kiss_crypto_unbase64url(unsigned char **out, apr_size_t *n, const char *text, apr_size_t len, apr_pool_t *p);

/**
 * Reads a small file that holds a secret, and refuses one that group or others can read or write, one that is not
 * owned by root or by the current user, and one of more than 64 KiB.
 *
 * @param text receives the content, NUL-terminated, in `p`
 * @return NULL, or a sentence in `p` that states what is wrong and what to do
 */
const char *kiss_crypto_read_file(const char **text, const char *path, apr_pool_t *p);

#endif
