/* SPDX-License-Identifier: Apache-2.0 */
/**
 * gzip - an answer, compressed while it is still being made (gzip, RFC 1952), chunk by chunk (lib/file/chunk_index.h).
 *
 * A chunk is compressed with the text of the chunk before it as dictionary, and ends at a byte. So its compressed bytes depend on
 * these two chunks alone: where both stand side by side in an earlier state of the list, they are copied from that. The result
 * depends on the answer only, not on which of its states was there.
 */
#ifndef KISS_GZIP_H
#define KISS_GZIP_H

#include "lib/base/etag.h"
#include "lib/file/progress.h"
#include "lib/file/spool.h"

/** An earlier state of a list, compressed. */
typedef struct {
    kiss_value list;                    /**< what kiss_gzip() made */
    const apr_array_header_t *chunks;   /**< of kiss_chunk: what it said of it */
} kiss_gzipped;

/**
 * Compresses all of `source` into a spool, in constant memory; waits for what is not there yet. Sets the spool's chunks.
 *
 * @param spool linkable and empty
 * @param old   NULL, or of which chunks can be taken; whose list it is does not matter
 * @param p     for buffers, and for the chunks
 * @return APR_SUCCESS when the source was whole, APR_ENOMEM, or why reading or writing failed
 */
apr_status_t kiss_gzip(kiss_spool *spool, kiss_progress *source, const kiss_gzipped *old, apr_pool_t *p);

/**
 * Digest of all that the compressed bytes depend on beside the answer: this unit, and zlib, of which other versions, its
 * successors, and processors that compress make other bytes. Two of them must not be sent with one strong ETag.
 *
 * @param digest receives KISS_ETAG_DIGEST characters [0-9a-f] and NUL: of what becomes of a list that is always the same
 * @return APR_SUCCESS, or APR_ENOMEM
 */
apr_status_t kiss_gzip_digest(char digest[KISS_ETAG_DIGEST + 1], apr_pool_t *p);

#endif
