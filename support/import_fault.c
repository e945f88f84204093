/* SPDX-License-Identifier: Apache-2.0 */
/**
 * import_fault - keeps faults and notes, a bounded number of each sort.
 */
#include "import_fault.h"

#include <stdarg.h>
#include <string.h>

#include <apr_strings.h>

struct import_findings {
    apr_array_header_t *errors, *sorts, *notes;
    apr_hash_t *note_sorts;
    apr_uint64_t nerrors, nnotes;
};

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

/** A copy, with counters of its own. */
static apr_hash_t *copy_counts(apr_pool_t *p, apr_hash_t *from)
{
    apr_hash_t *to = apr_hash_make(p);
    apr_hash_index_t *i;

    for (i = apr_hash_first(p, from); i; i = apr_hash_next(i)) {
        const void *key;
        void *count;

        apr_hash_this(i, &key, NULL, &count);
        apr_hash_set(to, key, APR_HASH_KEY_STRING, apr_pmemdup(p, count, sizeof(apr_uint64_t)));
    }
    return to;
}

import_findings *import_findings_keep(const import_run *run)
{
    apr_pool_t *p = run->c->pool;
    import_findings *kept = apr_palloc(p, sizeof(*kept));

    kept->errors = apr_array_copy(p, run->errors);
    kept->sorts = apr_array_copy(p, run->sorts);
    kept->notes = apr_array_copy(p, run->notes);
    kept->note_sorts = copy_counts(p, run->note_sorts);
    kept->nerrors = run->nerrors;
    kept->nnotes = run->nnotes;
    return kept;
}

void import_findings_restore(import_run *run, const import_findings *kept)
{
    apr_pool_t *p = run->c->pool;

    run->errors = apr_array_copy(p, kept->errors);
    run->sorts = apr_array_copy(p, kept->sorts);
    run->notes = apr_array_copy(p, kept->notes);
    run->note_sorts = copy_counts(p, kept->note_sorts);
    run->nerrors = kept->nerrors;
    run->nnotes = kept->nnotes;
}
