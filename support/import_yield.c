/* SPDX-License-Identifier: Apache-2.0 */
/**
 * import_yield - leaves rows that belong to others as they are, or takes them over.
 */
#include "import_yield.h"

#include <string.h>

#include <apr_strings.h>

#include "ctl_db.h"
#include "import_fault.h"
#include "lib/base/plural.h"

const char *import_yield_is(const import_run *run, const import_file *def, const char *value)
{
    return !run->yields || !def->others ? NULL
        : apr_psprintf(run->c->pool, "EXISTS (SELECT 1 FROM %s w WHERE w.%s = %s)", def->others, def->sku, value);
}

const char *import_yield_to(const import_run *run, const import_file *def, const char *row)
{
    return import_yield_is(run, def, apr_pstrcat(run->c->pool, row, def->sku, NULL));
}

/** The table that says what belongs to others, or NULL. All files of a set name the same one. */
static const char *table_of(const import_run *run)
{
    int i;

    for (i = 0; i < run->set->n && !run->set->files[i].others; i++) {
    }
    return i < run->set->n ? run->set->files[i].others : NULL;
}

int import_yield_find(import_run *run)
{
    const char *table = table_of(run);
    const char *sql = apr_pstrcat(run->c->pool, "SELECT COUNT(*) FROM (SELECT 1 FROM ", table ? table : "", " LIMIT 1) x",
                                  NULL);
    apr_uint64_t n = 0;
    int rc = table && !run->take_over ? import_count(run, &n, sql) : CTL_OK;

    run->yields = n > 0;
    return rc;
}

/** Takes the rows of others out of a temporary table. */
static int take_out(import_run *run, import_part *part)
{
    const char *theirs = import_yield_to(run, part->def, "n.");
    apr_uint64_t n = 0;

    if (!theirs || !part->present || part->same) {
        return CTL_OK;
    }
    if (ctl_db_run(run->c, &n, apr_pstrcat(run->c->pool, "DELETE n FROM ", part->stage, " n WHERE ", theirs, NULL), 0)
        != CTL_OK) {
        return CTL_FAILED;
    }
    part->rows -= n;
    if (n > 0) {
        import_note(run, "%s: %" APR_UINT64_T_FMT " row%s left out, whose product%s a PIM has written (--take-over: these become"
                    " the import's)", part->shown, n, KISS_PLURAL_S(n), KISS_PLURAL_S(n));
    }
    return CTL_OK;
}

/** Notes how many rows of others the table has that the file lacks. */
static int count_left(import_run *run, const import_part *part)
{
    const char *theirs = import_yield_to(run, part->def, "o.");
    apr_uint64_t n = 0;

    /* Of the products only: what belongs to them goes with them. */
    if (!theirs || !part->present || part != run->parts) {
        return CTL_OK;
    }
    if (import_count(run, &n, apr_pstrcat(run->c->pool, "SELECT COUNT(*) FROM ", part->def->table, " o WHERE ", theirs,
                                          NULL)) != CTL_OK) {
        return CTL_FAILED;
    }
    import_note(run, "%" APR_UINT64_T_FMT " of the %s belong%s to a PIM and %s as they are", n, part->def->rows,
                KISS_PLURAL(n, "s", ""), KISS_PLURAL(n, "stays", "stay"));
    return CTL_OK;
}

int import_yield(import_run *run)
{
    const char *table = table_of(run);
    int i, yielded = run->yields;

    if (!table) {
        return CTL_OK;
    }
    if (run->take_over) {
        return run->parts[0].present ? ctl_db_exec(run->c, apr_pstrcat(run->c->pool, "DELETE FROM ", table, NULL)) : CTL_OK;
    }
    if (import_yield_find(run) != CTL_OK) {
        return CTL_FAILED;
    }
    if (run->yields != yielded) {
        run->again = 1;                     /* somebody wrote the first one meanwhile */
        return CTL_FAILED;
    }
    for (i = 0; i < run->set->n; i++) {
        if (take_out(run, &run->parts[i]) != CTL_OK || count_left(run, &run->parts[i]) != CTL_OK) {
            return CTL_FAILED;
        }
    }
    return CTL_OK;
}
