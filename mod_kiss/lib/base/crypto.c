/* SPDX-License-Identifier: Apache-2.0 */
/**
 * crypto - random bytes, digests, base64url and files of secrets, by OpenSSL and APR.
 */
#include "lib/base/crypto.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <apr_file_io.h>
#include <apr_portable.h>
#include <apr_strings.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/rand.h>

#include "lib/base/once.h"

#define MAX_SECRET_FILE (64 * 1024)

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

apr_status_t kiss_crypto_random(unsigned char *buf, apr_size_t n)
{
    return RAND_bytes(buf, (int)n) == 1 ? APR_SUCCESS : APR_EGENERAL;
}

/**
 * OpenSSL's SHA-256, fetched once. The one-shot function fetches it at each call, under locks that all threads share,
 * which takes longer than the digest itself.
 */
static const EVP_MD *sha256(void)
{
    static void *found;

    if (!kiss_once_get(&found)) {
        EVP_MD *md = EVP_MD_fetch(NULL, "SHA256", NULL);

        if (!kiss_once_set(&found, md)) {
            EVP_MD_free(md);
        }
    }
    return kiss_once_get(&found) ? (const EVP_MD *)kiss_once_get(&found) : EVP_sha256();
}

/**
 * A context of HMAC with SHA-256 that has no key yet. Each message is authenticated with a copy of it: fetching both
 * algorithms takes longer than authenticating a token.
 *
 * Copies of contexts that have their keys already, one for each key of the configuration, would save another 0.15
 * microseconds of the 50 and more that a request takes.
 */
static EVP_MAC_CTX *hmac_sha256(void)
{
    static void *found;

    if (!kiss_once_get(&found)) {
        OSSL_PARAM digest[] = {
            OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, "SHA256", 0), OSSL_PARAM_construct_end()
        };
        EVP_MAC *hmac = EVP_MAC_fetch(NULL, "HMAC", NULL);
        EVP_MAC_CTX *created = hmac ? EVP_MAC_CTX_new(hmac) : NULL;

        EVP_MAC_free(hmac);                 /* the context keeps it */
        if (!created || EVP_MAC_CTX_set_params(created, digest) != 1 || !kiss_once_set(&found, created)) {
            EVP_MAC_CTX_free(created);
        }
    }
    return kiss_once_get(&found);
}

void kiss_crypto_sha256(unsigned char out[KISS_SHA256_LEN], const void *data, apr_size_t n)
{
    if (EVP_Digest(data, n, out, NULL, sha256(), NULL) != 1) {
        abort();                            /* out of memory; no caller could continue without a digest */
    }
}

int kiss_crypto_hmac(unsigned char out[KISS_SHA256_LEN], const void *key, apr_size_t key_len, const void *data, apr_size_t n)
{
    EVP_MAC_CTX *bare = hmac_sha256(), *mac = bare ? EVP_MAC_CTX_dup(bare) : NULL;
    size_t len;
    int good = mac && EVP_MAC_init(mac, key, key_len, NULL) == 1 && EVP_MAC_update(mac, data, n) == 1
               && EVP_MAC_final(mac, out, &len, KISS_SHA256_LEN) == 1 && len == KISS_SHA256_LEN;

    EVP_MAC_CTX_free(mac);
    return good;
}

int kiss_crypto_equal(const void *a, const void *b, apr_size_t n)
{
    return CRYPTO_memcmp(a, b, n) == 0;
}

char *kiss_crypto_base64url(apr_pool_t *p, const unsigned char *data, apr_size_t n)
{
    char *text = apr_palloc(p, (n + 2) / 3 * 4 + 1), *to = text;
    apr_size_t i;

    for (i = 0; i < n; i += 3) {
        unsigned long v = (unsigned long)data[i] << 16;

        v |= i + 1 < n ? (unsigned long)data[i + 1] << 8 : 0;
        v |= i + 2 < n ? data[i + 2] : 0;
        *to++ = alphabet[v >> 18];
        *to++ = alphabet[v >> 12 & 63];
        if (i + 1 < n) {
            *to++ = alphabet[v >> 6 & 63];
        }
        if (i + 2 < n) {
            *to++ = alphabet[v & 63];
        }
    }
    *to = '\0';
    return text;
}

int kiss_crypto_unbase64url(unsigned char **out, apr_size_t *n, const char *text, apr_size_t len, apr_pool_t *p)
{
    unsigned char *to = apr_palloc(p, len / 4 * 3 + 4);
    unsigned long bits = 0;
    apr_size_t i, at = 0;
    int held = 0;

    for (i = 0; i < len; i++) {
        const char *c = text[i] ? strchr(alphabet, text[i]) : NULL;

        if (!c) {
            return 0;
        }
        bits = (bits << 6 | (unsigned long)(c - alphabet)) & 0xffffff;
        held += 6;
        if (held >= 8) {
            held -= 8;
            to[at++] = (unsigned char)(bits >> held);
        }
    }
    if (len % 4 == 1 || (bits & ((1UL << held) - 1)) != 0) {
        return 0;
    }
    to[at] = '\0';
    *out = to;
    *n = at;
    return 1;
}

const char *kiss_crypto_read_file(const char **text, const char *path, apr_pool_t *p)
{
    apr_file_t *f;
    /* Without blocking: the name may be that of a pipe, whose open or read would wait forever. */
    apr_status_t rv = apr_file_open(&f, path, APR_FOPEN_READ | APR_FOPEN_NONBLOCK, APR_OS_DEFAULT, p);
    struct stat st;
    apr_os_file_t fd;
    apr_size_t n;
    char *buf;

    if (rv != APR_SUCCESS) {
        return apr_psprintf(p, "cannot open %s: %pm", path, &rv);
    }
    apr_os_file_get(&fd, f);
    /* fstat of the open file, not stat of the name: the name may change between the check and the read. */
    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
        apr_file_close(f);
        return apr_psprintf(p, "%s is not a regular file", path);
    }
    if ((st.st_mode & 077) != 0 || (st.st_uid != 0 && st.st_uid != geteuid())) {
        apr_file_close(f);
        return apr_psprintf(p, "%s can be used by others than its owner, or is owned by neither root nor the user that "
                            "starts this program: run 'chown root %s; chmod 600 %s'", path, path, path);
    }
    if (st.st_size > MAX_SECRET_FILE) {
        apr_file_close(f);
        return apr_psprintf(p, "%s is larger than 64 KiB: not a file of secrets", path);
    }
    n = (apr_size_t)st.st_size;
    buf = apr_palloc(p, n + 1);
    rv = apr_file_read_full(f, buf, n, &n);
    apr_file_close(f);
    if (rv != APR_SUCCESS && rv != APR_EOF) {
        return apr_psprintf(p, "cannot read %s: %pm", path, &rv);
    }
    buf[n] = '\0';
    if (strlen(buf) != n) {
        return apr_psprintf(p, "%s contains a NUL byte: not a text file", path);
    }
    *text = buf;
    return NULL;
}
