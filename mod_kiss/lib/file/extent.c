/* SPDX-License-Identifier: Apache-2.0 */
/**
 * extent - the ranges of files that a list consists of.
 */
#include "lib/file/extent.h"

#include <string.h>

void kiss_extents_add(apr_array_header_t *extents, int in_base, apr_off_t offset, apr_size_t length)
{
    kiss_extent *last = extents->nelts ? &APR_ARRAY_IDX(extents, extents->nelts - 1, kiss_extent) : NULL;

    if (last && last->in_base == (apr_uint64_t)in_base && last->offset + last->length == (apr_uint64_t)offset) {
        last->length += length;
        return;
    }
    last = apr_array_push(extents);
    last->offset = (apr_uint64_t)offset;
    last->length = length;
    last->in_base = (apr_uint64_t)in_base;
}

apr_off_t kiss_extents_own(const apr_array_header_t *extents)
{
    apr_uint64_t own = 0;
    int i;

    for (i = 0; i < extents->nelts; i++) {
        const kiss_extent *e = &APR_ARRAY_IDX(extents, i, kiss_extent);

        own += e->in_base ? 0 : e->length;
    }
    return (apr_off_t)own;
}

apr_status_t kiss_extents_take(apr_array_header_t **extents, apr_size_t count, const void *data, apr_off_t own,
                               apr_off_t size, apr_pool_t *p)
{
    const char *at = data;
    apr_uint64_t end = 0, total = 0;
    apr_size_t i;

    *extents = apr_array_make(p, (int)count, sizeof(kiss_extent));
    for (i = 0; i < count; i++, at += sizeof(kiss_extent)) {
        kiss_extent *e = apr_array_push(*extents);

        memcpy(e, at, sizeof(*e));
        if (!e->length || e->length > (apr_uint64_t)size - total || e->in_base > 1
            || e->offset > (apr_uint64_t)APR_INT64_MAX - e->length || (!e->in_base && e->offset != end)) {
            return APR_EMISMATCH;
        }
        total += e->length;
        end += e->in_base ? 0 : e->length;
    }
    /* Its own bytes are in the order of the list, and none is left over. */
    return total == (apr_uint64_t)size && end == (apr_uint64_t)own ? APR_SUCCESS : APR_EMISMATCH;
}

int kiss_extents_fit(const apr_array_header_t *extents, apr_off_t size)
{
    int i;

    for (i = 0; i < extents->nelts; i++) {
        const kiss_extent *e = &APR_ARRAY_IDX(extents, i, kiss_extent);

        if (e->in_base && (e->length > (apr_uint64_t)size || e->offset > (apr_uint64_t)size - e->length)) {
            return 0;
        }
    }
    return 1;
}

apr_off_t kiss_extent_find(const kiss_stored *stored, apr_off_t at, apr_file_t **file, apr_off_t *offset)
{
    int i;

    if (!stored->extents) {
        *file = stored->file;
        *offset = at;
        return stored->size - at;
    }
    for (i = 0; i < stored->extents->nelts; i++) {
        const kiss_extent *e = &APR_ARRAY_IDX(stored->extents, i, kiss_extent);

        if (at < (apr_off_t)e->length) {
            *file = e->in_base ? stored->base : stored->file;
            *offset = (apr_off_t)e->offset + at;
            return (apr_off_t)e->length - at;
        }
        at -= (apr_off_t)e->length;
    }
    return 0;
}
