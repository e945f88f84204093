/* SPDX-License-Identifier: Apache-2.0 */
/**
 * chunk_index - the chunks of a list: whole rows of about 19 KB together, whose bounds depend on the list's bytes alone. What has not
 * changed from one state of a list to the next stands in chunks that have not, and these are copied, not written and compressed
 * once more.
 *
 * The rows of one SKU are never divided. What stands before a row belongs to its chunk: the first begins with `[{`, each other
 * with `,\n{`; what follows the last one, `]`, is in none. So a chunk that begins at the same place with the same bytes ends at the
 * same place, whatever follows, unless it is the last one.
 *
 * Pure, thread-safe.
 */
#ifndef KISS_CHUNK_INDEX_H
#define KISS_CHUNK_INDEX_H

#include <apr_tables.h>

#include "lib/base/value.h"

/** A chunk. As it is in memory it stands in files of kept lists, too: whoever alters it gives those another magic. */
typedef struct {
    apr_uint64_t id;            /**< drawn when its bytes were written, and copied with them: equal ids are equal bytes */
    apr_uint32_t length;        /**< bytes of it */
    apr_uint32_t checksum;      /**< their CRC-32 */
    apr_uint32_t packed;        /**< bytes of its compressed form, in the index of a compressed list; else 0 */
    apr_uint32_t packed_checksum;   /**< their CRC-32; else 0 */
} kiss_chunk;

/**
 * The rule: 1 when a chunk ends behind the rows of a SKU.
 *
 * @param length bytes of the chunk with these rows
 * @param rows   bytes of these rows, with what stands before each of them
 * @param sku    as JSON text, without its quotes
 */
int kiss_chunk_ends(apr_off_t length, apr_off_t rows, const kiss_value *sku);

/**
 * Takes an index as it was read from a file, where anything may stand.
 *
 * @param chunks receives them: an array of kiss_chunk in `p`
 * @param count  how many there are
 * @param data   as many kiss_chunk, not aligned
 * @param list   most bytes that all of them have together: in a compressed list of their compressed form
 * @return APR_SUCCESS; APR_EMISMATCH when it cannot be the index of such a list
 */
apr_status_t kiss_chunk_index_take(apr_array_header_t **chunks, apr_size_t count, const void *data, apr_off_t list, apr_pool_t *p);

#endif
