/* SPDX-License-Identifier: Apache-2.0 */
/**
 * etag - entity tags: derived from a digest, read from headers, compared.
 */
#include "lib/base/etag.h"

#include <string.h>

#include "lib/base/crypto.h"

/* Characters of the names of content codings (RFC 9110 section 8.4.1) that are appended to tags; the longest in use is
 * "deflate". Ours has a digest appended to it. */
#define CODING "abcdefghijklmnopqrstuvwxyz0123456789"
#define MAX_CODING 16

_Static_assert(sizeof(KISS_ETAG_GZIP) - 1 + KISS_ETAG_DIGEST <= 1 + MAX_CODING, "our own tags stand for their list");

/* Alphabet of our tags: base64url. */
#define WORD "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-"

/* Bytes of the digest. */
#define BYTES 16

const char *kiss_etag_make(const char *text, apr_pool_t *p)
{
    unsigned char digest[KISS_SHA256_LEN];

    kiss_crypto_sha256(digest, text, strlen(text));
    return kiss_crypto_base64url(p, digest, BYTES);
}

int kiss_etag_is_any(const char *header)
{
    header += strspn(header, " \t");
    return *header == '*' && header[1 + strspn(header + 1, " \t")] == '\0';
}

int kiss_etag_next(kiss_etag *tag, const char **header)
{
    const char *begin = *header ? strchr(*header, '"') : NULL, *end = begin ? strchr(begin + 1, '"') : NULL;

    if (!end) {
        *header = NULL;
        return 0;
    }
    tag->weak = begin - *header >= 2 && begin[-2] == 'W' && begin[-1] == '/';
    tag->opaque = begin + 1;
    tag->len = (apr_size_t)(end - begin) - 1;
    *header = end + 1;
    return 1;
}

int kiss_etag_is(const kiss_etag *tag, const char *opaque)
{
    return !tag->weak && strlen(opaque) == tag->len && memcmp(tag->opaque, opaque, tag->len) == 0;
}

/** 1 when these `n` characters are one or two hyphens followed by the name of a coding. */
static int is_suffix(const char *s, apr_size_t n)
{
    apr_size_t hyphens = n > 1 && s[1] == '-' ? 2 : 1;

    return n > hyphens && s[0] == '-' && n - hyphens <= MAX_CODING && strspn(s + hyphens, CODING) >= n - hyphens;
}

/** Length of the suffix of our own coding at the beginning of these `n` characters, where another one follows; else 0. */
static apr_size_t own_suffix(const char *s, apr_size_t n)
{
    const apr_size_t name = sizeof(KISS_ETAG_GZIP) - 1;

    return n > name + KISS_ETAG_DIGEST && memcmp(s, KISS_ETAG_GZIP, name) == 0
           && strspn(s + name, "0123456789abcdef") >= KISS_ETAG_DIGEST ? name + KISS_ETAG_DIGEST : 0;
}

apr_size_t kiss_etag_bare(const kiss_etag *tag, apr_size_t len)
{
    const char *rest = tag->opaque + len;
    apr_size_t n, own;

    if (tag->len < len || strspn(tag->opaque, WORD) < len) {
        return 0;
    }
    n = tag->len - len;
    own = own_suffix(rest, n);
    return n == 0 || is_suffix(rest + own, n - own) ? len : 0;
}

int kiss_etag_stands_for(const kiss_etag *tag, const char *bare)
{
    apr_size_t len = strlen(bare);

    return kiss_etag_bare(tag, len) == len && memcmp(tag->opaque, bare, len) == 0;
}
