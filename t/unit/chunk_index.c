/* SPDX-License-Identifier: Apache-2.0 */
/* Unit test: where chunks end, and their index as anybody may have left it. */
#include <string.h>

#include <apr_strings.h>

#include "lib/file/chunk_index.h"
#include "unit.h"

#define ROWS 200000

/** Chunks of rows of one length: how long they are on average, the shortest, the longest. */
static void divide(int row, apr_off_t *mean, apr_off_t *least, apr_off_t *most)
{
    apr_off_t length = 0, total = 0;
    int i, n = 0;

    *least = APR_INT32_MAX;
    *most = 0;
    for (i = 0; i < ROWS; i++) {
        const char *text = apr_psprintf(pool, "%07d", i);
        kiss_value sku = { text, strlen(text) };

        length += row;
        if (kiss_chunk_ends(length, row, &sku)) {
            *least = length < *least ? length : *least;
            *most = length > *most ? length : *most;
            total += length;
            length = 0;
            n++;
        }
    }
    *mean = total / n;
}

static void test_rule(void)
{
    static const int rows[] = { 40, 80, 500, 1100, 3000, 8000 };
    apr_off_t mean, least, most;
    kiss_value sku = { "A1", 2 };
    apr_size_t i;

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        divide(rows[i], &mean, &least, &most);
        okf(mean > 16000 && mean < 20500 && least >= 11264 && most < 24576 + rows[i],
            "rows of %d bytes: chunks of %d on average, from %d to %d", rows[i], (int)mean, (int)least, (int)most);
    }
    ok(kiss_chunk_ends(APR_INT64_MAX / 2, APR_INT32_MAX, &sku) && !kiss_chunk_ends(100, 100, &sku),
       "the longest row, and a short one");
}

/** @return what becomes of an index of these chunks for a list of `size` bytes */
static apr_status_t take(const kiss_chunk *chunks, apr_size_t n, apr_off_t size)
{
    char *unaligned = apr_palloc(pool, n * sizeof(*chunks) + 1);
    apr_array_header_t *taken;
    apr_status_t rv;

    memcpy(unaligned + 1, chunks, n * sizeof(*chunks));
    rv = kiss_chunk_index_take(&taken, n, unaligned + 1, size, pool);
    return rv == APR_SUCCESS && memcmp(taken->elts, chunks, n * sizeof(*chunks)) != 0 ? APR_EGENERAL : rv;
}

static void test_index(void)
{
    kiss_chunk c[] = { { 1, 12, 3, 0, 0 }, { 2, 13, 4, 0, 0 } }, z[] = { { 1, 1000, 3, 20, 7 }, { 2, 2000, 4, 30, 8 } };

    ok(take(c, 2, 25) == APR_SUCCESS && take(c, 2, 26) == APR_SUCCESS && take(c, 0, 0) == APR_SUCCESS, "an index");
    ok(take(c, 2, 24) == APR_EMISMATCH, "... of more than the list");
    ok(take(z, 2, 50) == APR_SUCCESS && take(z, 2, 49) == APR_EMISMATCH, "... of a compressed one");
    z[1].packed = 0;
    ok(take(z, 2, 1000000) == APR_EMISMATCH, "... half of which is compressed");
    c[1].length = 0;
    ok(take(c, 2, 25) == APR_EMISMATCH, "... with an empty chunk");
    c[0].length = c[1].length = 0xffffffffu;
    ok(take(c, 2, 0xfffffffeu) == APR_EMISMATCH, "... whose lengths are large");
}

void unit_chunk_index(void)
{
    test_rule();
    test_index();
}
