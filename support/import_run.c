/* SPDX-License-Identifier: Apache-2.0 */
/**
 * import_run - what the stages of an import share: the run, its queries, and whether to stop.
 */
#include "import_run.h"

#include <apr_strings.h>

#include "ctl_db.h"

/** Set when the user wants to stop; accessed atomically. */
static int stopped;

import_run *import_run_make(ctl *c, const import_set *set)
{
    import_run *run = apr_pcalloc(c->pool, sizeof(*run));
    int i;

    run->c = c;
    run->set = set;
    run->losses = apr_array_make(c->pool, 4, sizeof(import_refusal));
    run->parts = apr_pcalloc(c->pool, sizeof(*run->parts) * set->n);
    for (i = 0; i < set->n; i++) {
        run->parts[i].def = &set->files[i];
        run->parts[i].shown = set->files[i].file;
        run->parts[i].stage = apr_pstrcat(c->pool, "kiss_in_", set->files[i].table, NULL);
        run->parts[i].source = set->files[i].table;
    }
    apr_pool_create(&run->scratch, c->pool);
    run->errors = apr_array_make(c->pool, 16, sizeof(import_error));
    run->sorts = apr_array_make(c->pool, 16, sizeof(import_sort));
    run->notes = apr_array_make(c->pool, 4, sizeof(const char *));
    run->note_sorts = apr_hash_make(c->pool);
    run->revisions = apr_hash_make(c->pool);
    run->started = apr_time_now();
    return run;
}

int import_stopped(void)
{
    return __atomic_load_n(&stopped, __ATOMIC_SEQ_CST);
}

void import_stop(void)
{
    __atomic_store_n(&stopped, 1, __ATOMIC_SEQ_CST);
}

import_part *import_part_of(const import_run *run, const char *file)
{
    return &run->parts[import_file_of(run->set, file) - run->set->files];
}

/** The key of a revision in run->revisions. */
static const char *bump_key(apr_pool_t *p, const char *dataset, const char *scope)
{
    return apr_pstrcat(p, dataset, *scope ? " " : "", scope, NULL);
}

import_bump *import_bump_of(const import_run *run, const char *dataset, const char *scope)
{
    return apr_hash_get(run->revisions, bump_key(run->scratch, dataset, scope), APR_HASH_KEY_STRING);
}

void import_raise(import_run *run, const char *dataset, const char *scope, apr_uint64_t rows)
{
    apr_pool_t *p = run->c->pool;
    import_bump *bump = import_bump_of(run, dataset, scope);

    if (!bump) {
        bump = apr_pcalloc(p, sizeof(*bump));
        bump->dataset = dataset;
        bump->scope = apr_pstrdup(p, scope);
        apr_hash_set(run->revisions, bump_key(p, dataset, scope), APR_HASH_KEY_STRING, bump);
    }
    bump->rows += rows;
    bump->gap = bump->gap || rows == 0;
}

int import_each(import_run *run, const char *sql, void (*row)(void *ctx, char **values), void *ctx)
{
    MYSQL *db = run->c->db;
    MYSQL_RES *result;
    MYSQL_ROW values;

    if (mysql_query(db, sql) || !(result = mysql_use_result(db))) {
        return ctl_db_error(run->c, "the database refused a statement");
    }
    while ((values = mysql_fetch_row(result))) {
        row(ctx, values);
        apr_pool_clear(run->scratch);
    }
    mysql_free_result(result);
    return mysql_errno(db) ? ctl_db_error(run->c, "cannot read the answer of the database") : CTL_OK;
}

/** Row: number. */
static void take_number(void *ctx, char **values)
{
    *(apr_uint64_t *)ctx = (apr_uint64_t)apr_strtoi64(values[0], NULL, 10);
}

int import_count(import_run *run, apr_uint64_t *n, const char *sql)
{
    return import_each(run, sql, take_number, n);
}
