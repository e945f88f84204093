/* SPDX-License-Identifier: Apache-2.0 */
/**
 * chunk_index - content-defined chunks of a list: complete rows of about 17 KB, whose bounds depend on the list's bytes
 * alone. What is equal in two versions of a list is mostly in equal chunks, and these are copied instead of being
 * written and compressed again.
 *
 * The rows of one SKU are never divided. The separator before a row belongs to its chunk: the first one starts with
 * `[{`, all others with `,\n{`; the `]` after the last one is in no chunk. Likewise in other formats. So a chunk that
 * starts at the same offset with the same bytes ends at the same offset, no matter what follows, unless it is the last
 * one.
 *
 * Pure, thread-safe.
 */
#ifndef KISS_CHUNK_INDEX_H
#define KISS_CHUNK_INDEX_H

#include <apr_tables.h>

#include "lib/base/value.h"

/** A chunk. Files of cached lists contain the same struct: a change of it needs another magic of those files. */
typedef struct {
    apr_uint64_t id;            /**< random, copied with the bytes: equal ids mean equal bytes */
    apr_uint32_t length;        /**< its length in bytes */
    apr_uint32_t checksum;      /**< their CRC-32 */
    apr_uint32_t packed;        /**< length of its compressed bytes, in the index of a compressed list; else 0 */
    apr_uint32_t packed_checksum;   /**< their CRC-32; else 0 */
} kiss_chunk;

/** No chunk that another one follows is shorter than this: up to there rows need not be looked at. */
#define KISS_CHUNK_MIN 11264

/**
 * The rule: 1 when a chunk ends after the rows of a SKU.
 *
 * @param length bytes of the chunk with these rows
 * @param rows   bytes of these rows, with the separator before each of them
 * @param sku    as it is written, without its quotes
 */
int kiss_chunk_ends(apr_off_t length, apr_off_t rows, const kiss_value *sku);

/**
 * Checks and copies an index that was read from a file, which may contain anything.
 *
 * @param chunks receives them: an array of kiss_chunk in `p`
 * @param count  number of chunks
 * @param data   that many kiss_chunk, not aligned
 * @param list   maximum of the sum of their lengths: in a compressed list of the compressed ones
 * @return APR_SUCCESS; APR_EMISMATCH when it cannot be the index of such a list
 */
apr_status_t kiss_chunk_index_take(apr_array_header_t **chunks, apr_size_t count, const void *data, apr_off_t list,
                                   apr_pool_t *p);

#endif
