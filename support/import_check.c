/**
 * import_check - duplicates within a file, references between files and tables, as they would be after the import.
 */
#include "import.h"

#include <stdlib.h>
#include <string.h>

#include <apr_strings.h>

#include "ctl_out.h"

#define EXAMPLES 3

/** What the callbacks below write about. */
typedef struct {
    import_run *run;
    const import_part *part, *parent;
    const import_column *column;
    apr_uint64_t count;
    const char *examples;
} check;

const char *import_keys(apr_pool_t *p, const import_file *def, const char *lead, const char *other)
{
    const char *list = "";
    const import_column *column;

    for (column = def->columns; column->csv; column++) {
        if (!(column->flags & IMPORT_KEY)) {
            continue;
        }
        list = other ? apr_pstrcat(p, list, *list ? " AND " : "", lead, column->db, " = ", other, column->db, NULL)
            : apr_pstrcat(p, list, *list ? ", " : "", lead, column->db, NULL);
    }
    return list;
}

/** Row: line, first line, then the key. */
static void duplicate(void *ctx, char **values)
{
    check *k = ctx;
    const import_column *column;
    const char *names = "", *key = "";
    int i = 2;

    if (k->run->nerrors >= IMPORT_MAX_ERRORS) {
        k->run->nerrors++;                  /* counted, but its text would be thrown away */
        return;
    }
    for (column = k->part->def->columns; column->csv; column++) {
        if (column->flags & IMPORT_KEY) {
            const char *value = ctl_out_quote(k->run->c->pool, values[i], strlen(values[i]));

            names = apr_pstrcat(k->run->c->pool, names, *names ? ", " : "", column->csv, NULL);
            key = apr_pstrcat(k->run->c->pool, key, *key ? ", " : "", value, NULL);
            i++;
        }
    }
    import_fault(k->run, k->part, atol(values[0]), names, "%s stands already in line %s", key, values[1]);
}

static int check_duplicates(import_run *run, const import_part *part)
{
    apr_pool_t *p = run->c->pool;
    const char *keys = import_keys(p, part->def, "", NULL);
    check k = {run, part, NULL, NULL, 0, ""};

    return import_each(run, apr_pstrcat(p, "SELECT n.line, f.line, ", import_keys(p, part->def, "n.", NULL),
                                        " FROM (SELECT MIN(line) AS line, ", keys, " FROM ", part->stage,
                                        " GROUP BY ", keys, " HAVING COUNT(*) > 1) f JOIN ", part->stage, " n ON ",
                                        import_keys(p, part->def, "n.", "f."),
                                        " WHERE n.line <> f.line ORDER BY n.line", NULL), duplicate, &k);
}

/** Row: line, first line, the value that may stand once. */
static void second_single(void *ctx, char **values)
{
    check *k = ctx;
    const import_file *def = k->part->def;

    import_fault(k->run, k->part, atol(values[0]), def->single, "%s for %s: the first stands in line %s",
                 def->single_error, ctl_out_quote(k->run->c->pool, values[2], strlen(values[2])), values[1]);
}

static int check_single(import_run *run, const import_part *part)
{
    const import_file *d = part->def;
    check k = {run, part, NULL, NULL, 0, ""};

    if (!d->single) {
        return CTL_OK;
    }
    return import_each(run, apr_psprintf(run->c->pool, "SELECT n.line, f.line, n.%s FROM (SELECT MIN(line) AS line, %s"
                                         " FROM %s WHERE %s GROUP BY %s HAVING COUNT(*) > 1) f JOIN %s n"
                                         " ON n.%s = f.%s AND n.%s WHERE n.line <> f.line ORDER BY n.line",
                                         d->single_of, d->single_of, part->stage, d->single_if, d->single_of,
                                         part->stage, d->single_of, d->single_of, d->single_if), second_single, &k);
}

/** Row: line, value. */
static void unknown_parent(void *ctx, char **values)
{
    check *k = ctx;

    import_fault(k->run, k->part, atol(values[0]), k->column->csv, "%s is not in %s",
                 ctl_out_quote(k->run->c->pool, values[1], strlen(values[1])),
                 k->parent->present ? k->parent->def->file
                 : apr_pstrcat(k->run->c->pool, "the database, and there is no ", k->parent->def->file, NULL));
}

/** Row: value. */
static void lost_parent(void *ctx, char **values)
{
    check *k = ctx;

    if (k->count++ < EXAMPLES) {
        k->examples = apr_pstrcat(k->run->c->pool, k->examples, *k->examples ? ", " : "",
                                  ctl_out_quote(k->run->c->pool, values[0], strlen(values[0])), NULL);
    }
}

/** Row: number. */
static void count_of(void *ctx, char **values)
{
    ((check *)ctx)->count = apr_strtoi64(values[0], NULL, 10);
}

/** " FROM child n LEFT JOIN parent p ON ... WHERE p has none" */
static const char *orphans(apr_pool_t *p, const check *k)
{
    const char *key = import_key_of(k->parent->def)->db;

    return apr_psprintf(p, " FROM %s n LEFT JOIN %s p ON p.%s = n.%s WHERE p.%s IS NULL AND n.%s IS NOT NULL",
                        k->part->source, k->parent->source, key, k->column->db, key, k->column->db);
}

/** References that must hold. */
static int check_reference(import_run *run, check *k)
{
    apr_pool_t *p = run->c->pool;
    const char *from = orphans(p, k);
    int rc;

    if (k->part->present) {
        return import_each(run, apr_psprintf(p, "SELECT n.line, n.%s%s ORDER BY n.line", k->column->db, from),
                           unknown_parent, k);
    }
    rc = import_each(run, apr_psprintf(p, "SELECT DISTINCT n.%s%s ORDER BY 1", k->column->db, from), lost_parent, k);
    if (rc == CTL_OK && k->count > 0) {
        import_fault(run, k->parent, 0, NULL, "lacks %" APR_UINT64_T_FMT " %s%s that the %s of the database still use "
                     "(%s%s): put %s back or add a %s without %s", k->count, import_key_of(k->parent->def)->csv,
                     IMPORT_S(k->count), k->part->def->rows, k->examples, k->count > EXAMPLES ? ", ..." : "",
                     k->count == 1 ? "it" : "them", k->part->def->file, k->count == 1 ? "it" : "them");
    }
    return rc;
}

/** References that may be open: said, not refused. */
static int check_wanted(import_run *run, check *k)
{
    int rc = import_each(run, apr_pstrcat(run->c->pool, "SELECT COUNT(*)", orphans(run->c->pool, k), NULL), count_of,
                         k);

    if (rc == CTL_OK && k->count > 0) {
        import_note(run, "%" APR_UINT64_T_FMT " %s %s for %s%s that %s does not have: kept, not served until it does",
                    k->count, k->part->def->rows, k->count == 1 ? "is" : "are", import_key_of(k->parent->def)->csv,
                    IMPORT_S(k->count), k->parent->present ? k->parent->def->file : "the database");
    }
    return rc;
}

static const import_part *part_of(const import_run *run, const char *file)
{
    return &run->parts[import_file_of(run->set, file) - run->set->files];
}

static int check_references(import_run *run, const import_part *part)
{
    const import_column *column;
    int rc = CTL_OK;

    for (column = part->def->columns; column->csv && rc == CTL_OK; column++) {
        const char *file = column->parent ? column->parent : column->wanted;
        check k = {run, part, file ? part_of(run, file) : NULL, column, 0, ""};

        if (!file || (!part->present && !k.parent->present)) {
            continue;                       /* nothing about it changes */
        }
        if (k.parent->keys_lost) {
            /* Its own faults come first; these would mostly be echoes of them. */
            if (part->present) {
                import_note(run, "%s: column %s is not compared with %s until that is repaired", part->def->file,
                            column->csv, k.parent->def->file);
            }
            continue;
        }
        rc = column->parent ? check_reference(run, &k) : check_wanted(run, &k);
    }
    return rc;
}

int import_check(import_run *run)
{
    int i, rc = CTL_OK;

    for (i = 0; i < run->set->n && rc == CTL_OK; i++) {
        const import_part *part = &run->parts[i];

        import_progress(run, part, "checking", 0);
        if (part->present) {
            rc = check_duplicates(run, part);
            rc = rc == CTL_OK ? check_single(run, part) : rc;
        }
        rc = rc == CTL_OK ? check_references(run, part) : rc;
        if (import_stopped()) {
            return CTL_FAILED;
        }
    }
    return rc;
}
