/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzz target: the index of chunks, as it may be in a file; and the rule where chunks end. Input: the list's size, the
   index. */
#include <string.h>

#include "fuzz.h"
#include "lib/file/chunk_index.h"

/** Whether an index is one of a list of this size, computed with 128 bits. */
static int is_index(const kiss_chunk *chunks, apr_size_t n, apr_off_t list)
{
    unsigned __int128 total = 0;
    apr_size_t i;

    for (i = 0; i < n; i++) {
        total += chunks[i].packed ? chunks[i].packed : chunks[i].length;
        if (!chunks[i].length || !chunks[i].packed != !chunks[0].packed) {
            return 0;
        }
    }
    return total <= (unsigned __int128)list;
}

/** No chunk is shorter than its minimum, or without end: each rule depends on nothing but what it is given. */
static void check_rule(const char *sku, apr_size_t len)
{
    const kiss_value key = { sku, len };
    apr_off_t at, rows = 1 + (apr_off_t)len * 97, end = 0;

    for (at = rows; at < 1024 * 1024 && !end; at += rows) {
        end = kiss_chunk_ends(at, rows, &key) ? at : 0;
        MUST(!end || at >= KISS_CHUNK_MIN);
        MUST(kiss_chunk_ends(at, rows, &key) == (end != 0));
    }
    MUST(end);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    apr_pool_t *p = fuzz_pool();
    fuzz_bytes in = { (const char *)data, size };
    const apr_off_t list = (apr_off_t)fuzz_byte(&in) << (fuzz_byte(&in) % 40);
    const apr_size_t count = in.left / sizeof(kiss_chunk);
    kiss_chunk *aligned = apr_palloc(p, count * sizeof(*aligned) + 1);
    apr_array_header_t *chunks;

    memcpy(aligned, in.at, count * sizeof(*aligned));
    if (kiss_chunk_index_take(&chunks, count, in.at, list, p) == APR_SUCCESS) {
        MUST(is_index(aligned, count, list) && (apr_size_t)chunks->nelts == count);
        MUST(memcmp(chunks->elts, aligned, count * sizeof(*aligned)) == 0);
    }
    else {
        MUST(!is_index(aligned, count, list));
    }
    check_rule(in.at, in.left < 64 ? in.left : 64);
    apr_pool_clear(p);
    return 0;
}
