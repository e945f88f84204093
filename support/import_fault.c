/* SPDX-License-Identifier: Apache-2.0 */
/**
 * import_fault - keeps faults and notes, a bounded number of each sort.
 */
#include "import_fault.h"

#include <stdarg.h>
#include <string.h>

#include <apr_strings.h>

static int sort_of(import_run *run, int part, long line, const char *column, const char *fmt)
{
    const char *about = column ? column : fmt;
    import_sort *sort;
    int i;

    for (i = 0; i < run->sorts->nelts; i++) {
        sort = &APR_ARRAY_IDX(run->sorts, i, import_sort);
        if (sort->part == part && sort->whole == (line == 0) && !sort->column == !column
            && strcmp(sort->about, about) == 0) {
            return i;
        }
    }
    sort = apr_array_push(run->sorts);
    memset(sort, 0, sizeof(*sort));
    sort->part = part;
    sort->column = column ? apr_pstrdup(run->c->pool, column) : NULL;
    sort->about = column ? sort->column : fmt;
    sort->whole = line == 0;
    return i;
}

void import_fault(import_run *run, const import_part *part, long line, const char *column, const char *fmt, ...)
{
    int at = sort_of(run, (int)(part - run->parts), line, column, fmt);
    import_sort *sort = &APR_ARRAY_IDX(run->sorts, at, import_sort);
    import_error *error;
    va_list args;

    run->nerrors++;
    if (sort->count++ >= IMPORT_MAX_ERRORS) {
        return;
    }
    sort->kept++;
    error = apr_array_push(run->errors);
    error->part = sort->part;
    error->sort = at;
    error->line = line;
    error->order = run->errors->nelts;
    error->column = sort->column;
    va_start(args, fmt);
    error->reason = apr_pvsprintf(run->c->pool, fmt, args);
    va_end(args);
}

void import_note(import_run *run, const char *fmt, ...)
{
    apr_uint64_t *count = apr_hash_get(run->note_sorts, fmt, APR_HASH_KEY_STRING);
    va_list args;

    if (!count) {
        count = apr_pcalloc(run->c->pool, sizeof(*count));
        apr_hash_set(run->note_sorts, fmt, APR_HASH_KEY_STRING, count);
    }
    run->nnotes++;
    if ((*count)++ < IMPORT_MAX_ERRORS) {
        va_start(args, fmt);
        APR_ARRAY_PUSH(run->notes, const char *) = apr_pvsprintf(run->c->pool, fmt, args);
        va_end(args);
    }
}
