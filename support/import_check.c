/* SPDX-License-Identifier: Apache-2.0 */
/**
 * import_check - duplicates within a file, references between files and tables, as they would be after the import.
 */
#include "import_check.h"

#include <stdlib.h>
#include <string.h>

#include <apr_strings.h>

#include "ctl_out.h"
#include "import_fault.h"
#include "import_progress.h"
#include "import_sql.h"
#include "import_yield.h"
#include "lib/base/plural.h"
#include "lib/base/quote.h"

#define EXAMPLES 3

/** What the callbacks below write about. */
typedef struct {
    import_run *run;
    const import_part *part, *parent;
    const import_column *column;
    apr_uint64_t count;
    const char *examples;
} check;

/** Row: line, first line, then the key. */
static void duplicate(void *ctx, char **values)
{
    check *k = ctx;
    const import_column *column;
    const char *names = "", *key = "";
    int i = 2;

    for (column = k->part->def->columns; column->csv; column++) {
        if (column->flags & IMPORT_KEY) {
            const char *value = kiss_quote(k->run->scratch, values[i], strlen(values[i]));

            names = apr_pstrcat(k->run->scratch, names, *names ? ", " : "", column->csv, NULL);
            key = apr_pstrcat(k->run->scratch, key, *key ? ", " : "", value, NULL);
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

/** Row: line, first line, the value that may occur once. */
static void second_single(void *ctx, char **values)
{
    check *k = ctx;
    const import_file *def = k->part->def;

    import_fault(k->run, k->part, atol(values[0]), def->single, "%s for %s: the first stands in line %s",
                 def->single_error, kiss_quote(k->run->scratch, values[2], strlen(values[2])), values[1]);
}

int import_has_second_single(import_run *run, const import_part *part, int *found)
{
    const import_file *d = part->def;
    apr_uint64_t n = 0;
    int rc = !d->single ? CTL_OK
        : import_count(run, &n, apr_psprintf(run->c->pool, "SELECT COUNT(*) FROM (SELECT 1 FROM %s WHERE %s GROUP BY %s"
                                             " HAVING COUNT(*) > 1 LIMIT 1) x", d->table, d->single_if, d->single_of));

    *found = n > 0;
    return rc;
}

static int check_single(import_run *run, const import_part *part)
{
    const import_file *d = part->def;
    check k = {run, part, NULL, NULL, 0, ""};

    if (!d->single) {
        return CTL_OK;
    }
    if (run->direct) {
        return import_has_second_single(run, part, &run->again);
    }
    return import_each(run, apr_psprintf(run->c->pool, "SELECT n.line, f.line, n.%s FROM (SELECT MIN(line) AS line, %s"
                                         " FROM %s WHERE %s GROUP BY %s HAVING COUNT(*) > 1) f JOIN %s n"
                                         " ON n.%s = f.%s AND n.%s WHERE n.line <> f.line ORDER BY n.line",
                                         d->single_of, d->single_of, part->stage, d->single_if, d->single_of,
                                         part->stage, d->single_of, d->single_of, d->single_if), second_single, &k);
}

/** Row: line, first line, value. */
static void second_unique(void *ctx, char **values)
{
    check *k = ctx;

    import_fault(k->run, k->part, atol(values[0]), k->column->csv, "%s stands already in line %s",
                 kiss_quote(k->run->scratch, values[2], strlen(values[2])), values[1]);
}

static int check_uniques(import_run *run, const import_part *part)
{
    const import_column *column;
    int rc = CTL_OK;

    for (column = part->def->columns; column->csv && rc == CTL_OK; column++) {
        check k = {run, part, NULL, column, 0, ""};

        if (column->flags & IMPORT_UNIQUE) {
            rc = import_each(run, apr_psprintf(run->c->pool, "SELECT n.line, f.line, n.%s FROM (SELECT MIN(line) AS line,"
                                               " %s FROM %s GROUP BY %s HAVING COUNT(*) > 1) f JOIN %s n ON n.%s = f.%s"
                                               " WHERE n.line <> f.line ORDER BY n.line", column->db, column->db,
                                               part->stage, column->db, part->stage, column->db, column->db),
                             second_unique, &k);
        }
    }
    return rc;
}

/** Row: line, key. */
static void key_of_another(void *ctx, char **values)
{
    check *k = ctx;

    import_fault(k->run, k->part, atol(values[0]), k->column->csv, "%s is the code of %s",
                 kiss_quote(k->run->scratch, values[1], strlen(values[1])), k->part->def->apart_word);
}

/** Keys that somebody else has. */
static int check_apart(import_run *run, const import_part *part)
{
    const import_file *d = part->def;
    apr_pool_t *p = run->c->pool;
    check k = {run, part, NULL, import_key_of(d), 0, ""};
    const char *from;
    apr_uint64_t n = 0;
    int rc;

    if (!d->apart) {
        return CTL_OK;
    }
    from = apr_psprintf(p, " FROM %s n JOIN %s o ON o.%s = n.%s", part->source, d->apart, d->apart_key, k.column->db);
    if (!run->direct) {
        return import_each(run, apr_psprintf(p, "SELECT n.line, n.%s%s ORDER BY n.line", k.column->db, from),
                           key_of_another, &k);
    }
    rc = import_count(run, &n, apr_pstrcat(p, "SELECT COUNT(*)", from, NULL));
    run->again = run->again || n > 0;
    return rc;
}

/** Row: barcode, rows that have it. */
static void shared_barcode(void *ctx, char **values)
{
    check *k = ctx;

    if (k->count++ == 0) {
        k->examples = apr_pstrcat(k->run->c->pool, kiss_quote(k->run->c->pool, values[0], strlen(values[0])), " of ",
                                  values[1], " ", k->part->def->rows, NULL);
    }
}

/** Barcodes that several rows share: noted, not refused. */
static int check_barcodes(import_run *run, const import_part *part)
{
    apr_pool_t *p = run->c->pool;
    const import_column *column;
    int rc = CTL_OK;

    for (column = part->def->columns; column->csv && rc == CTL_OK; column++) {
        check k = {run, part, NULL, column, 0, ""};

        if (!(column->flags & IMPORT_GTIN)) {
            continue;
        }
        rc = import_each(run, apr_psprintf(p, "SELECT %s, COUNT(*) AS many FROM %s WHERE %s <> '' GROUP BY %s"
                                           " HAVING many > 1 ORDER BY many DESC, %s", column->db, part->source,
                                           column->db, column->db, column->db), shared_barcode, &k);
        if (rc == CTL_OK && k.count > 0) {
            import_note(run, "%s: %" APR_UINT64_T_FMT " value%s of %s %s shared by several %s (%s%s)", part->shown,
                        k.count, KISS_PLURAL_S(k.count), column->csv, k.count == 1 ? "is" : "are", part->def->rows,
                        k.count == 1 ? "" : "most: ", k.examples);
        }
    }
    return rc;
}

/** The names in the file of the columns that must be found in the parent. */
static const char *reference_name(apr_pool_t *p, const check *k)
{
    const import_column *column;
    const char *list = "";

    if (!import_is_composite(k->parent->def)) {
        return k->column->csv;
    }
    for (column = k->parent->def->columns; column->csv; column++) {
        if (column->flags & IMPORT_KEY) {
            list = apr_pstrcat(p, list, *list ? ", " : "", column->csv, NULL);
        }
    }
    return list;
}

/** Row: line, value. */
static void unknown_parent(void *ctx, char **values)
{
    check *k = ctx;

    import_fault(k->run, k->part, atol(values[0]), reference_name(k->run->scratch, k), "%s is not in %s",
                 kiss_quote(k->run->scratch, values[1], strlen(values[1])),
                 k->parent->present ? k->parent->shown
                 : apr_pstrcat(k->run->scratch, "the database, and there is no ", k->parent->shown, NULL));
}

/** Row: value. */
static void lost_parent(void *ctx, char **values)
{
    check *k = ctx;

    if (k->count++ < EXAMPLES) {
        k->examples = apr_pstrcat(k->run->c->pool, k->examples, *k->examples ? ", " : "",
                                  kiss_quote(k->run->c->pool, values[0], strlen(values[0])), NULL);
    }
}

/** " FROM child n LEFT JOIN parent p ON ... WHERE p has none" */
static const char *orphans(apr_pool_t *p, const check *k, const char *child)
{
    const import_file *parent = k->parent->def;
    const char *key = import_key_of(parent)->db;
    const char *match = import_is_composite(parent) ? import_keys(p, parent, "p.", "n.")
        : apr_psprintf(p, "p.%s = n.%s", key, k->column->db);

    /* What belongs to others is there, whether the file has it or not. */
    const char *theirs = import_yield_is(k->run, parent, apr_pstrcat(p, "n.", k->column->db, NULL));

    return apr_psprintf(p, " FROM %s n LEFT JOIN %s p ON %s WHERE p.%s IS NULL AND n.%s IS NOT NULL%s%s", child,
                        k->parent->source, match, key, k->column->db, theirs ? " AND NOT " : "", theirs ? theirs : "");
}

/** SQL: the value that must be found in the parent, as people read it. */
static const char *reference_value(apr_pool_t *p, const check *k)
{
    return import_is_composite(k->parent->def)
        ? apr_pstrcat(p, "CONCAT_WS(', ', ", import_keys(p, k->parent->def, "n.", NULL), ")", NULL)
        : apr_pstrcat(p, "n.", k->column->db, NULL);
}

/** Names what a parent's new content lacks, though `rows` of the database need it; `remedy`: what else can be done. */
static int check_still_used(import_run *run, check *k, const char *child, const char *rows, const char *remedy)
{
    apr_pool_t *p = run->c->pool;
    int rc = import_each(run, apr_psprintf(p, "SELECT DISTINCT %s%s ORDER BY 1", reference_value(p, k),
                                           orphans(p, k, child)), lost_parent, k);

    if (rc == CTL_OK && k->count > 0) {
        import_fault(run, k->parent, 0, NULL, "lacks %" APR_UINT64_T_FMT " %s%s that the %s of the database still use "
                     "(%s%s): put %s back%s%s", k->count, import_key_of(k->parent->def)->csv, KISS_PLURAL_S(k->count), rows,
                     k->examples, k->count > EXAMPLES ? ", ..." : "", k->count == 1 ? "it" : "them", remedy,
                     !*remedy ? "" : k->count == 1 ? " without it" : " without them");
    }
    return rc;
}

/** Rows of the table that stay although the file lacks them. */
static const char *kept_rows(apr_pool_t *p, const import_part *part)
{
    return apr_psprintf(p, "(SELECT o.* FROM %s o LEFT JOIN %s n ON %s WHERE n.line IS NULL AND (%s))",
                        part->def->table, part->stage, import_keys(p, part->def, "n.", "o."), part->def->keep);
}

/** References that must hold. */
static int check_reference(import_run *run, check *k)
{
    apr_pool_t *p = run->c->pool;
    const import_file *def = k->part->def;
    int rc;

    if (!k->part->present) {
        return check_still_used(run, k, def->table, def->rows, apr_pstrcat(p, ", or add ", def->file, NULL));
    }
    rc = import_each(run, apr_psprintf(p, "SELECT n.line, %s%s ORDER BY n.line", reference_value(p, k),
                                       orphans(p, k, k->part->source)), unknown_parent, k);
    return rc == CTL_OK && def->keep && k->parent->present
        ? check_still_used(run, k, kept_rows(p, k->part), def->kept, "") : rc;
}

/** References that may be open: noted, not refused. */
static int check_wanted(import_run *run, check *k)
{
    int rc = import_count(run, &k->count, apr_pstrcat(run->c->pool, "SELECT COUNT(*)",
                                                      orphans(run->c->pool, k, k->part->source), NULL));

    if (rc == CTL_OK && k->count > 0) {
        apr_pool_t *p = run->c->pool;
        const char *rows = k->part->present
            ? apr_psprintf(p, "%s: %" APR_UINT64_T_FMT " row%s", k->part->shown, k->count, KISS_PLURAL_S(k->count))
            : apr_psprintf(p, "%" APR_UINT64_T_FMT " of the %s of the database", k->count, k->part->def->rows);

        import_note(run, "%s name%s a %s that %s does not have: kept, not served until it does", rows,
                    k->count == 1 ? "s" : "", import_key_of(k->parent->def)->csv,
                    k->parent->present ? k->parent->shown : "the database");
    }
    return rc;
}

/** References of rows that the table has already: which line has none, is found when the file is staged. */
static int check_same(import_run *run, check *k)
{
    int rc = import_count(run, &k->count, apr_pstrcat(run->c->pool, "SELECT COUNT(*)",
                                                      orphans(run->c->pool, k, k->part->source), NULL));

    run->again = run->again || k->count > 0;
    return rc;
}

static int check_references(import_run *run, const import_part *part)
{
    const import_column *column;
    int rc = CTL_OK;

    for (column = part->def->columns; column->csv && rc == CTL_OK; column++) {
        const char *file = column->parent ? column->parent : column->wanted;
        check k = {run, part, file ? import_part_of(run, file) : NULL, column, 0, ""};

        if (!file || (!part->present && !k.parent->present)) {
            continue;                       /* nothing about it changes */
        }
        if (k.parent->keys_lost) {
            /* Its own faults come first; these would mostly be echoes of them. */
            if (part->present) {
                import_note(run, "%s: column %s is not compared with %s until that is repaired", part->shown,
                            column->csv, k.parent->shown);
            }
            continue;
        }
        if (column->parent && part->present && run->direct) {
            continue;                       /* the table's foreign key has refused what it should */
        }
        rc = !column->parent ? check_wanted(run, &k) : part->same ? check_same(run, &k) : check_reference(run, &k);
    }
    return rc;
}

int import_check(import_run *run)
{
    int i, rc = CTL_OK;

    for (i = 0; i < run->set->n && rc == CTL_OK; i++) {
        const import_part *part = &run->parts[i];

        import_progress(run, part, IMPORT_CHECKING, 0);
        if (part->present) {
            /* A table has keys of its own against duplicates. */
            rc = part->same || run->direct ? CTL_OK : check_duplicates(run, part);
            rc = rc == CTL_OK && !part->same && !run->direct ? check_uniques(run, part) : rc;
            rc = rc == CTL_OK && !part->same ? check_single(run, part) : rc;
            rc = rc == CTL_OK && !part->same ? check_apart(run, part) : rc;
            rc = rc == CTL_OK && !part->made ? check_barcodes(run, part) : rc;
        }
        rc = rc == CTL_OK ? check_references(run, part) : rc;
        if (import_stopped()) {
            return CTL_FAILED;
        }
    }
    return rc;
}
