/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fuzz target: extents of a list, as they may be in a file. Input: bytes of the list that are in its own file, its size, the
 * size of the base, then extents. What is accepted is compared byte by byte.
 */
#include <string.h>

#include "fuzz.h"
#include "lib/file/extent.h"

#define SIZE_MOST 4096

/* Never used: only compared. */
static apr_file_t *own_file, *base_file;

/** Each offset leads to where the extents say that it is. */
static void check_map(const apr_array_header_t *extents, apr_off_t size)
{
    const kiss_stored stored = { own_file, size, extents, base_file };
    apr_off_t at = 0, within;
    int i;

    for (i = 0; i < extents->nelts; i++) {
        const kiss_extent *e = &APR_ARRAY_IDX(extents, i, kiss_extent);

        for (within = 0; within < (apr_off_t)e->length; within++, at++) {
            apr_file_t *file = NULL;
            apr_off_t offset = -1;

            MUST(kiss_extent_find(&stored, at, &file, &offset) == (apr_off_t)e->length - within);
            MUST(file == (e->in_base ? base_file : own_file) && offset == (apr_off_t)e->offset + within);
        }
    }
    MUST(at == size);
}

/** The same added one by one, in pieces, are the same ranges: those that continue each other are one. */
static void check_added(const apr_array_header_t *extents, apr_off_t size, apr_off_t own, apr_off_t base, apr_pool_t *p)
{
    apr_array_header_t *added = apr_array_make(p, 1, sizeof(kiss_extent)), *again;
    int i;

    for (i = 0; i < extents->nelts; i++) {
        const kiss_extent *e = &APR_ARRAY_IDX(extents, i, kiss_extent);
        const apr_size_t half = (apr_size_t)e->length / 2;

        if (half) {
            kiss_extents_add(added, (int)e->in_base, (apr_off_t)e->offset, half);
        }
        kiss_extents_add(added, (int)e->in_base, (apr_off_t)e->offset + (apr_off_t)half, (apr_size_t)e->length - half);
    }
    MUST(added->nelts <= extents->nelts && kiss_extents_own(added) == own);
    MUST(kiss_extents_take(&again, (apr_size_t)added->nelts, added->elts, own, size, p) == APR_SUCCESS);
    MUST(kiss_extents_fit(added, base) == kiss_extents_fit(extents, base));
    for (i = 1; i < added->nelts; i++) {
        const kiss_extent *e = &APR_ARRAY_IDX(added, i, kiss_extent);

        MUST(e->in_base != e[-1].in_base || e->offset != e[-1].offset + e[-1].length);
    }
    check_map(added, size);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    apr_pool_t *p = fuzz_pool();
    fuzz_bytes in = { (const char *)data, size };
    const apr_off_t own = (apr_off_t)(fuzz_byte(&in) << 8 | fuzz_byte(&in)), whole = own + (apr_off_t)fuzz_byte(&in) * 8;
    const apr_off_t base = (apr_off_t)fuzz_byte(&in) * 8;
    const apr_size_t count = in.left / sizeof(kiss_extent);
    apr_array_header_t *extents;

    own_file = apr_palloc(p, 1);
    base_file = apr_palloc(p, 1);
    if (kiss_extents_take(&extents, count, in.at, own, whole, p) == APR_SUCCESS) {
        MUST((apr_size_t)extents->nelts == count && kiss_extents_own(extents) == own);
        if (kiss_extents_fit(extents, base)) {
            apr_size_t i;

            for (i = 0; i < count; i++) {
                const kiss_extent *e = &APR_ARRAY_IDX(extents, i, kiss_extent);

                MUST(!e->in_base || (e->offset + e->length <= (apr_uint64_t)base && e->offset <= e->offset + e->length));
            }
        }
        if (whole <= SIZE_MOST) {
            check_map(extents, whole);
            check_added(extents, whole, own, base, p);
        }
    }
    apr_pool_clear(p);
    return 0;
}
