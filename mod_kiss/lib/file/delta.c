/* SPDX-License-Identifier: Apache-2.0 */
/**
 * delta - compares two lists SKU by SKU.
 */
#include "lib/file/delta.h"

#include <string.h>

#include "lib/base/json_text.h"
#include "lib/file/list_rows.h"

/** The kind of SKUs that a pass writes. */
typedef enum { ADDED, CHANGED, REMOVED } kind;

/* --- comparison --- */

/** Compares the current SKUs of two lists. @return 0 also when one of them is invalid; then `failed` is set */
static int compare(const kiss_row_group *a, const kiss_row_group *b, int *failed)
{
    char one[KISS_ROWS_KEY], two[KISS_ROWS_KEY];
    kiss_value x, y;

    if (a->list->format->plain_key(&x, one, &a->key) != 0 || b->list->format->plain_key(&y, two, &b->key) != 0) {
        *failed = 1;
        return 0;
    }
    return kiss_rows_order(&x, &y);
}

/** Advances in a list, which must be in order. */
static int advance(kiss_row_group *g)
{
    kiss_row_group before = *g;
    int failed = 0;

    return kiss_rows_next(g) != 0 || (g->len && (compare(&before, g, &failed) >= 0 || failed)) ? -1 : 0;
}

/* --- output --- */

static apr_status_t write_group(kiss_spool *delta, const kiss_row_group *g, kind what, int *count)
{
    struct printbuf *pb = delta->buffer;
    int failed = (*count)++ ? kiss_json_text_raw(pb, ",\n", 2) : 0;

    if (what == REMOVED) {
        failed = failed || kiss_json_text_raw(pb, "\"", 1) || kiss_json_text_raw(pb, g->key.data, g->key.len)
                 || kiss_json_text_raw(pb, "\"", 1);
    }
    else {
        failed = failed || kiss_json_text_raw(pb, g->rows, g->len);
    }
    return failed ? APR_ENOMEM : kiss_spool_flush(delta, 0);
}

/** Walks through both lists and writes the SKUs of one kind. */
static apr_status_t pass(kiss_spool *delta, const kiss_list_text *before, const kiss_list_text *now, kind what)
{
    kiss_row_group old, new;
    apr_status_t rv = kiss_rows_first(&old, before) || kiss_rows_first(&new, now) ? APR_EGENERAL : APR_SUCCESS;
    int count = 0, failed = 0;

    while (rv == APR_SUCCESS && (old.len || new.len)) {
        int order = !old.len ? 1 : !new.len ? -1 : compare(&old, &new, &failed);
        int altered = order == 0 && (old.len != new.len || memcmp(old.rows, new.rows, old.len) != 0);

        if (what == (order > 0 ? ADDED : order < 0 ? REMOVED : CHANGED) && (order || altered)) {
            rv = write_group(delta, order < 0 ? &old : &new, what, &count);
        }
        if (failed || (rv == APR_SUCCESS && ((order <= 0 && advance(&old)) || (order >= 0 && advance(&new))))) {
            rv = APR_EGENERAL;
        }
    }
    return rv;
}

/** Moves forward to a SKU. @param found receives 1 when the list has it. @return 0, or -1 when this is no list */
static int find(kiss_row_group *g, const kiss_value *sku, int *found)
{
    char buffer[KISS_ROWS_KEY];
    kiss_value key;

    *found = 0;
    if (kiss_rows_seek(g, sku) != 0 || (g->len && g->list->format->plain_key(&key, buffer, &g->key) != 0)) {
        return -1;
    }
    *found = g->len && kiss_rows_order(&key, sku) == 0;
    return 0;
}

static apr_status_t write_removed(kiss_spool *delta, const kiss_value *sku, int *count)
{
    apr_size_t replaced = 0;

    return ((*count)++ && kiss_json_text_raw(delta->buffer, ",\n", 2))
           || kiss_json_text_string(delta->buffer, sku->data, sku->len, &replaced) ? APR_ENOMEM : kiss_spool_flush(delta, 0);
}

/* Rows of an earlier version that is not known. */
static const kiss_row_group unknown;

/** Whether a SKU is of this kind, by its rows then and now; NULL: none. */
static int is_kind(kind what, const kiss_row_group *then, const kiss_row_group *now)
{
    switch (what) {
    case ADDED:
        return now && !then;
    case REMOVED:
        return !now && then;
    default:
        return now && then && (now->len != then->len || memcmp(now->rows, then->rows, now->len) != 0);
    }
}

/** Finds some SKUs in both lists and writes those of one kind. */
static apr_status_t pass_some(kiss_spool *delta, const kiss_list_text *before, const kiss_list_text *now,
                              const kiss_value *skus, int n, kind what)
{
    kiss_row_group old, new;
    apr_status_t rv = (before && kiss_rows_first(&old, before)) || kiss_rows_first(&new, now) ? APR_EGENERAL : APR_SUCCESS;
    int i, count = 0, was = 0, is = 0;

    for (i = 0; i < n && rv == APR_SUCCESS; i++) {
        if ((before && find(&old, &skus[i], &was) != 0) || find(&new, &skus[i], &is) != 0) {
            rv = APR_EGENERAL;
        }
        else if (is_kind(what, before ? was ? &old : NULL : &unknown, is ? &new : NULL)) {
            rv = what == REMOVED ? write_removed(delta, &skus[i], &count) : write_group(delta, &new, what, &count);
        }
    }
    return rv;
}

/* --- the whole --- */

static apr_status_t write_all(kiss_spool *delta, const kiss_list_text *before, const kiss_list_text *now,
                              const apr_array_header_t *skus)
{
    static const char *const heads[] = { "{\"added\":[", "],\n\"changed\":[", "],\n\"removed\":[" };
    apr_status_t rv = APR_SUCCESS;
    kind what;

    for (what = ADDED; what <= REMOVED && rv == APR_SUCCESS; what++) {
        rv = kiss_json_text_raw(delta->buffer, heads[what], strlen(heads[what])) ? APR_ENOMEM
             : skus ? pass_some(delta, before, now, (const kiss_value *)skus->elts, skus->nelts, what)
             : pass(delta, before, now, what);
    }
    if (rv == APR_SUCCESS) {
        rv = kiss_json_text_raw(delta->buffer, "]}", 2) ? APR_ENOMEM : APR_SUCCESS;
    }
    return rv;
}

apr_status_t kiss_delta_write(kiss_spool *delta, const kiss_list_text *before, const kiss_list_text *now)
{
    return write_all(delta, before, now, NULL);
}

apr_status_t kiss_delta_write_some(kiss_spool *delta, const kiss_list_text *before, const kiss_list_text *now,
                                   const apr_array_header_t *skus)
{
    return write_all(delta, before, now, skus);
}
