/* SPDX-License-Identifier: Apache-2.0 */
/**
 * etag - entity tags in request headers (RFC 9110 section 8.8.3), and what intermediaries make of ours.
 *
 * The compressed variant of the list with the tag "T" has the tag
 * "T-gzip1a2b3c4d". What applies a content coding to an answer
 * changes the tag in the same way: mod_deflate, mod_brotli, Caddy and lighttpd append "-gzip", "-br" or "-zstd", Jetty
 * "--gzip", nginx and HAProxy make it weak; what undoes ours appends to "T-gzip1ebf6702", as mod_deflate's INFLATE does
 * with "-gunzip". All of them identify the same list; only one is the tag of the bytes that are sent. Pure, thread-safe.
 */
#ifndef KISS_ETAG_H
#define KISS_ETAG_H

#include <apr_pools.h>

/** Characters of an ETag of ours: 16 bytes in base64url. */
#define KISS_ETAG_LEN 22

/**
 * Suffix of the tag of a compressed answer: codings never share a strong ETag (RFC 9110 section 8.8.3.3). A digest of what
 * the compressed bytes depend on, apart from the content, is appended to it (lib/file/gzip.h).
 */
#define KISS_ETAG_GZIP "-gzip"

/** Characters of that digest. */
#define KISS_ETAG_DIGEST 8

/**
 * Part of what every ETag is a digest of: raised when the same rows are written differently by a new version of the module.
 */
#define KISS_ETAG_FORMAT "1"

/** The ETag of what `text` describes, all that an answer depends on: a digest. In `p`. */
const char *kiss_etag_make(const char *text, apr_pool_t *p);

/** An entity tag in a header, as the client has written it. */
typedef struct {
    const char *opaque;         /**< the characters between the quotes; not terminated */
    apr_size_t len;             /**< its length */
    int weak;                   /**< it is preceded by W/ */
} kiss_etag;

/** 1 when the header is `*`: any tag. */
int kiss_etag_is_any(const char *header);

/**
 * Reads the next tag of a list.
 *
 * @param header where to continue; NULL at the end
 * @return 1 when there is one
 */
int kiss_etag_next(kiss_etag *tag, const char **header);

/** 1 when the tag is exactly this one and strong: the strong comparison. */
int kiss_etag_is(const kiss_etag *tag, const char *opaque);

/**
 * Length of the tag without the suffix of a coding, which may follow that of ours: `len`, that of all our tags; 0 when it is
 * none of ours.
 */
apr_size_t kiss_etag_bare(const kiss_etag *tag, apr_size_t len);

/** 1 when the tag, weak or not and with the suffix of any coding, identifies the content with the tag `bare`. */
int kiss_etag_stands_for(const kiss_etag *tag, const char *bare);

#endif
