/* SPDX-License-Identifier: Apache-2.0 */
/**
 * list_patch - copies the rows of an earlier version and inserts changed ones.
 */
#include "lib/file/list_patch.h"

#include <string.h>

#include "lib/base/json_text.h"
#include "lib/file/list_rows.h"

struct kiss_patch {
    kiss_spool *out;
    kiss_chunks *chunks;        /* of the new list */
    kiss_chunked old;
    kiss_row_group at;          /* in the old list: the next SKU */
    const char *from;           /* in the old list: where the rows start that were neither copied nor left out */
    int rows;                   /* 1 when the new list has rows */
};

apr_status_t kiss_patch_begin(kiss_patch **patch, kiss_spool *out, const kiss_chunked *old, apr_pool_t *p)
{
    kiss_patch *made = apr_pcalloc(p, sizeof(*made));

    *patch = made;
    made->out = out;
    made->old = *old;
    if (kiss_rows_first(&made->at, &old->list) != 0) {
        return APR_EGENERAL;
    }
    made->from = made->at.rows;
    return kiss_chunks_begin(&made->chunks, out, p);
}

/** Appends the separator before a row. */
static apr_status_t separate(kiss_patch *patch)
{
    const char *separator = patch->rows ? ",\n" : "[";

    patch->rows = 1;
    return kiss_json_text_raw(patch->out->buffer, separator, strlen(separator)) ? APR_ENOMEM : APR_SUCCESS;
}

/** Copies the rows of the old list up to the current SKU. `last`: none follows. */
static apr_status_t copy_run(kiss_patch *patch, int last)
{
    const char *list = patch->old.list.data, *to = patch->at.len ? patch->at.rows - strlen(",\n")
        : patch->at.end - strlen("]");
    apr_status_t rv = APR_SUCCESS;

    if (patch->from < to) {
        rv = kiss_chunks_run(patch->chunks, &patch->old, (apr_size_t)(patch->from - list), (apr_size_t)(to - list), last);
        patch->rows = 1;
        patch->from = patch->at.rows;
    }
    return rv;
}

apr_status_t kiss_patch_put(kiss_patch *patch, const kiss_value *sku, const kiss_value *rows)
{
    kiss_row_group *at = &patch->at;
    char buffer[KISS_ROWS_KEY];
    kiss_value key;
    apr_status_t rv;
    int begin;

    if (kiss_rows_seek(at, sku) != 0) {
        return APR_EGENERAL;
    }
    rv = copy_run(patch, 0);
    if (rv == APR_SUCCESS && at->len
        && (kiss_rows_key(&key, buffer, &at->key) != 0
            || (kiss_rows_order(&key, sku) == 0 && kiss_rows_next(at) != 0))) {
        rv = APR_EGENERAL;
    }
    patch->from = at->rows;
    if (rv != APR_SUCCESS || !rows->len) {
        return rv;
    }
    begin = patch->out->buffer->bpos;
    rv = separate(patch);
    if (rv == APR_SUCCESS && kiss_json_text_raw(patch->out->buffer, rows->data, rows->len)) {
        rv = APR_ENOMEM;
    }
    rv = rv == APR_SUCCESS ? kiss_chunks_row(patch->chunks, begin) : rv;
    return rv == APR_SUCCESS ? kiss_spool_flush(patch->out, 0) : rv;
}

apr_status_t kiss_patch_end(kiss_patch *patch)
{
    const char *end;
    apr_status_t rv;

    patch->at.len = 0;
    rv = copy_run(patch, 1);
    kiss_chunks_end(patch->chunks);
    end = patch->rows ? "]" : "[]";
    return rv == APR_SUCCESS && kiss_json_text_raw(patch->out->buffer, end, strlen(end)) ? APR_ENOMEM : rv;
}
