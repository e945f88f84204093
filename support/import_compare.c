/* SPDX-License-Identifier: Apache-2.0 */
/**
 * import_compare - counts, inside the transaction, what differs between the temporary and the real tables.
 *
 * Counting first, per scope, tells which revisions to raise and leaves out statements that would change nothing. In SQL
 * `o` is the real table and `n` the temporary one.
 */
#include "import_compare.h"

#include <apr_strings.h>

#include "import_progress.h"
#include "import_sql.h"
#include "import_yield.h"

/** What the rows of a comparison are about. */
typedef struct {
    import_run *run;
    import_part *part;
} counter;

/** Row: scope, added, changed, and for each revision the changed rows that count for it. */
static void count_new(void *ctx, char **values)
{
    counter *k = ctx;
    const import_revision *revision = k->part->def->revisions;
    apr_uint64_t added = (apr_uint64_t)apr_atoi64(values[1]);
    int i;

    k->part->added += added;
    k->part->changed += (apr_uint64_t)apr_atoi64(values[2]);
    for (i = 0; revision[i].dataset; i++) {
        apr_uint64_t rows = (revision[i].set ? 0 : added) + (apr_uint64_t)apr_atoi64(values[3 + i]);

        if (rows > 0) {
            import_raise(k->run, revision[i].dataset, values[0], k->part->def->sku ? rows : 0);
        }
    }
    for (values += 3 + i, i = 0; k->part->def->losses[i].what; i++) {
        k->part->lost[i] += (apr_uint64_t)apr_strtoi64(values[i], NULL, 10);
    }
}

/** Row: scope, removed. */
static void count_removed(void *ctx, char **values)
{
    counter *k = ctx;
    const import_revision *revision = k->part->def->revisions;
    apr_uint64_t removed = (apr_uint64_t)apr_atoi64(values[1]);
    int i;

    k->part->removed += removed;
    for (i = 0; revision[i].dataset; i++) {
        if (!revision[i].set) {
            import_raise(k->run, revision[i].dataset, values[0], k->part->def->sku ? removed : 0);
        }
    }
}

/** What a comparison of sets is about. */
typedef struct {
    import_run *run;
    const char *dataset;
    int of_skus;
} set_change;

/** Row: scope, rows with a value that is in one of the sets only. */
static void set_changed(void *ctx, char **values)
{
    set_change *k = ctx;

    import_raise(k->run, k->dataset, values[0], k->of_skus ? (apr_uint64_t)apr_atoi64(values[1]) : 0);
}

/** For set_changed(): rows of `one` with a value of `set` that `other` lacks. */
static const char *lacking(apr_pool_t *p, const import_file *def, const char *set, const char *one, const char *other)
{
    return apr_pstrcat(p, import_lacking(p, def, set, apr_pstrcat(p, "a.", def->scope, ", COUNT(*)", NULL), one, other),
                       " GROUP BY a.", def->scope, NULL);
}

/** Raises the revisions that depend on a set of values, where it changes. */
static int compare_sets(import_run *run, const import_part *part)
{
    const import_file *def = part->def;
    apr_pool_t *p = run->c->pool;
    int i;

    for (i = 0; def->revisions[i].dataset && part->added + part->removed > 0; i++) {
        const char *set = def->revisions[i].set;
        set_change k = {run, def->revisions[i].dataset, def->sku != NULL};

        if (set && (import_each(run, lacking(p, def, set, part->stage, def->table), set_changed, &k) != CTL_OK
                    || import_each(run, lacking(p, def, set, def->table, part->stage), set_changed, &k) != CTL_OK)) {
            return CTL_FAILED;
        }
    }
    return CTL_OK;
}

/** Counts rows to add and to change: one pass over the temporary table, by the real table's key. */
static int compare_new(import_run *run, import_part *part)
{
    const import_file *def = part->def;
    apr_pool_t *p = run->c->pool;
    const char *there = apr_pstrcat(p, "o.", import_key_of(def)->db, " IS NOT NULL", NULL), *sums = "";
    const char *differing = import_differs(p, def), *scope = def->scope ? apr_pstrcat(p, "n.", def->scope, NULL) : "''";
    counter k = {run, part};
    int i;

    differing = differing ? apr_pstrcat(p, there, " AND ", differing, NULL) : "0";
    for (i = 0; def->revisions[i].dataset; i++) {
        sums = apr_pstrcat(p, sums, ", SUM(", differing, def->revisions[i].changed ? " AND " : "",
                           def->revisions[i].changed ? def->revisions[i].changed : "", ")", NULL);
    }
    for (i = 0; def->losses[i].what; i++) {
        sums = apr_pstrcat(p, sums, ", SUM(", there, " AND ", def->losses[i].before, " AND NOT (",
                           def->losses[i].after, "))", NULL);
    }
    return import_each(run, apr_pstrcat(p, "SELECT ", scope, ", COUNT(*) - SUM(", there, "), SUM(", differing, ")",
                                        sums, " FROM ", part->stage, " n LEFT JOIN ", def->table, " o ON ",
                                        import_keys(p, def, "o.", "n."), import_grouped(p, def, scope), NULL),
                       count_new, &k);
}

/** SQL: whether all that a row of the table (o) refers to is there after the import. */
static const char *parents_stay(const import_run *run, const import_part *part)
{
    apr_pool_t *p = run->c->pool;
    const import_column *column;
    const char *list = "1";

    for (column = part->def->columns; column->csv; column++) {
        const import_part *parent = column->parent ? import_part_of(run, column->parent) : NULL;

        if (parent && parent->present) {
            list = apr_psprintf(p, "%s AND (o.%s IS NULL OR EXISTS (SELECT 1 FROM %s p WHERE p.%s = o.%s))", list,
                                column->db, parent->source, import_key_of(parent->def)->db, column->db);
        }
    }
    return list;
}

static const char *removable(const import_run *run, const import_part *part)
{
    apr_pool_t *p = run->c->pool;
    const import_file *def = part->def;
    const char *stay = def->keep, *theirs = import_yield_to(run, def, "o.");

    if (theirs) {
        return apr_pstrcat(p, "NOT ", theirs, NULL);
    }
    if (def->here) {
        return apr_pstrcat(p, "(", def->here, ")", NULL);
    }
    if (def->remember) {
        stay = apr_pstrcat(p, stay ? stay : "0", " OR (", def->remember, " AND ", parents_stay(run, part), ")", NULL);
    }
    return stay ? apr_pstrcat(p, "NOT (", stay, ")", NULL) : "1";
}

static int count_part(import_run *run, import_part *part)
{
    const import_file *def = part->def;
    apr_pool_t *p = run->c->pool;
    const char *scope = def->scope ? apr_pstrcat(p, "o.", def->scope, NULL) : "''";
    counter k = {run, part};

    part->removable = removable(run, part);
    if (compare_new(run, part) != CTL_OK
        || import_count(run, &part->before, apr_pstrcat(p, "SELECT COUNT(*) FROM ", def->table, " o WHERE ",
                                                        part->removable, NULL)) != CTL_OK) {
        return CTL_FAILED;
    }
    /* Where every row of the table is in the file, there is nothing to look for. */
    if ((def->keep || def->remember || def->here || import_yield_to(run, def, "o.")
         || part->before != part->rows - part->added)
        && import_each(run, apr_pstrcat(p, "SELECT ", scope, ", COUNT(*)", import_removed_from(p, part),
                                        import_grouped(p, def, scope), NULL), count_removed, &k) != CTL_OK) {
        return CTL_FAILED;
    }
    return compare_sets(run, part);
}

int import_compare(import_run *run)
{
    int i;

    for (i = 0; i < run->set->n; i++) {
        import_part *part = &run->parts[i];

        import_progress(run, part, IMPORT_COMPARING, 0);
        if (part->present && !part->same && (count_part(run, part) != CTL_OK || import_stopped())) {
            return CTL_FAILED;
        }
    }
    return CTL_OK;
}
