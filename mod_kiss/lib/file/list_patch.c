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
    apr_off_t from;             /* in the old list: where the rows start that were neither copied nor left out */
    int rows;                   /* 1 when the new list has rows */
};

/** Where the current SKU is in the old list; after the last one, where the rows end. */
static apr_off_t offset_of(const kiss_row_group *at)
{
    const kiss_piece *p = &at->list->pieces[at->piece];

    return p->start + (at->rows - p->data);
}

/** What precedes the current SKU was copied or left out. */
static void pass_rows(kiss_patch *patch)
{
    patch->from = offset_of(&patch->at);
}

apr_status_t kiss_patch_begin(kiss_patch **patch, kiss_spool *out, const kiss_chunked *old, apr_pool_t *p)
{
    kiss_patch *made = apr_pcalloc(p, sizeof(*made));

    *patch = made;
    made->out = out;
    made->old = *old;
    if (kiss_rows_first(&made->at, &made->old.text) != 0) {
        return APR_EGENERAL;
    }
    pass_rows(made);
    return kiss_chunks_begin(&made->chunks, out, made->old.text.format, p);
}

/** Appends the separator before a row. */
static apr_status_t separate(kiss_patch *patch)
{
    const kiss_row_format *f = patch->old.text.format;
    const int first = !patch->rows;

    patch->rows = 1;
    return kiss_json_text_raw(patch->out->buffer, first ? f->begin : f->separator, first ? f->begin_len : f->separator_len)
           ? APR_ENOMEM : APR_SUCCESS;
}

/** Where the rows of the old list end. @return -1 when it is no list */
static apr_off_t end_of_rows(const kiss_list_text *list)
{
    const kiss_piece *last = &list->pieces[list->count - 1];
    const char *from, *to;

    return kiss_rows_of_piece(&from, &to, list, list->count - 1) != 0 ? -1 : last->start + (to - last->data);
}

/** Copies the rows of the old list up to the current SKU, or all that are left. */
static apr_status_t copy_run(kiss_patch *patch, int rest)
{
    const kiss_list_text *list = &patch->old.text;
    const kiss_row_group *at = &patch->at;
    const apr_off_t to = rest ? end_of_rows(list) : offset_of(at) - (at->len ? (apr_off_t)list->format->separator_len : 0);
    apr_status_t rv = rest && to < 0 ? APR_EGENERAL : APR_SUCCESS;

    if (rv == APR_SUCCESS && patch->from < to) {
        rv = kiss_chunks_run(patch->chunks, &patch->old, patch->from, to, rest);
        patch->rows = 1;
    }
    pass_rows(patch);
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
        && (at->list->format->plain_key(&key, buffer, &at->key) != 0
            || (kiss_rows_order(&key, sku) == 0 && kiss_rows_next(at) != 0))) {
        rv = APR_EGENERAL;
    }
    pass_rows(patch);
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

    rv = copy_run(patch, 1);
    kiss_chunks_end(patch->chunks);
    end = patch->rows ? patch->old.text.format->end : patch->old.text.format->empty;
    return rv == APR_SUCCESS && kiss_json_text_raw(patch->out->buffer, end, strlen(end)) ? APR_ENOMEM : rv;
}
