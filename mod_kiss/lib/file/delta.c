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

    if (kiss_rows_key(&x, one, &a->key) != 0 || kiss_rows_key(&y, two, &b->key) != 0) {
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
static apr_status_t pass(kiss_spool *delta, const kiss_value *before, const kiss_value *now, kind what)
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

apr_status_t kiss_delta_write(kiss_spool *delta, const kiss_value *before, const kiss_value *now)
{
    static const char *const heads[] = { "{\"added\":[", "],\n\"changed\":[", "],\n\"removed\":[" };
    apr_status_t rv = APR_SUCCESS;
    kind what;

    for (what = ADDED; what <= REMOVED && rv == APR_SUCCESS; what++) {
        rv = kiss_json_text_raw(delta->buffer, heads[what], strlen(heads[what])) ? APR_ENOMEM : pass(delta, before, now, what);
    }
    if (rv == APR_SUCCESS) {
        rv = kiss_json_text_raw(delta->buffer, "]}", 2) ? APR_ENOMEM : APR_SUCCESS;
    }
    return rv;
}
