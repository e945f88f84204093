/* SPDX-License-Identifier: Apache-2.0 */
/**
 * gzip - compresses an answer while it is still being built (gzip, RFC 1952), chunk by chunk (lib/file/chunk_index.h).
 *
 * A chunk is compressed with the text of the previous chunk as dictionary, and its compressed bytes end at a byte
 * boundary. So they depend on these two chunks alone: where both are neighbours in an earlier version of the list, they
 * are copied from that. The result depends on the answer only, not on the earlier version.
 */
#ifndef KISS_GZIP_H
#define KISS_GZIP_H

#include "lib/base/etag.h"
#include "lib/file/progress.h"
#include "lib/file/spool.h"

/** An earlier version of a list, compressed. */
typedef struct {
    kiss_stored stored;                 /**< the output of kiss_gzip(); the positions of its files are not used */
    const apr_array_header_t *chunks;   /**< of kiss_chunk: its chunks */
    int copied;                         /**< set by kiss_gzip(): number of chunks copied from it */
} kiss_gzipped;

/**
 * Compresses all of `source` into a spool, in constant memory; waits for bytes that are not written yet. Sets the
 * spool's chunks.
 *
 * @param spool linkable and empty; it may refer to the base of `old`, or to its only file (kiss_spool_refer_to())
 * @param old   NULL, or an earlier version whose chunks can be copied; any other list is allowed, too
 * @param p     for buffers, and for the chunks
 * @return APR_SUCCESS when the source was complete, APR_ENOMEM, or the error of reading or writing
 */
apr_status_t kiss_gzip(kiss_spool *spool, kiss_progress *source, kiss_gzipped *old, apr_pool_t *p);

/** Compresses a text that is in memory, as kiss_gzip() would a source without chunks. @return likewise */
apr_status_t kiss_gzip_text(kiss_spool *spool, char *text, apr_size_t len, apr_pool_t *p);

/**
 * Digest of all that the compressed bytes depend on in addition to the answer: this unit, and zlib, since the output
 * differs between its versions, its successors, and processors that compress. Different bytes must not be sent with the
 * same strong ETag.
 *
 * @param digest receives KISS_ETAG_DIGEST characters [0-9a-f] and NUL: of the output for a constant list
 * @return APR_SUCCESS, or APR_ENOMEM
 */
apr_status_t kiss_gzip_digest(char digest[KISS_ETAG_DIGEST + 1], apr_pool_t *p);

#endif
