/* SPDX-License-Identifier: Apache-2.0 */
/**
 * import_fill - columns whose value follows from another file or table: looked up, or made there.
 *
 * Inside the transaction, because real tables are read. In SQL `n` is the temporary table and `p` the one looked into.
 */
#include "import_fill.h"

#include <stdlib.h>
#include <string.h>

#include <apr_strings.h>

#include "ctl_db.h"
#include "ctl_out.h"
#include "import_fault.h"
#include "import_sql.h"
#include "import_stage.h"
#include "lib/base/quote.h"

/** What the callbacks below write about. */
typedef struct {
    import_run *run;
    const import_part *part;
    const import_column *column, *by;
    const char *file;
} filling;

/** Makes a file that the folder does not have out of its table's rows, so that rows can be added to it. */
static int adopt(import_run *run, import_part *parent)
{
    apr_pool_t *p = run->c->pool;
    const import_column *column;
    const char *list = "";

    for (column = parent->def->columns; column->csv; column++) {
        list = apr_pstrcat(p, list, ", ", column->db, NULL);
    }
    if (import_make_stage(run, parent) != CTL_OK
        || ctl_db_exec(run->c, apr_pstrcat(p, "INSERT INTO ", parent->stage, " (line", list, ") SELECT 0", list,
                                           " FROM ",
                                           parent->def->table, NULL)) != CTL_OK) {
        return CTL_FAILED;
    }
    parent->present = parent->made = 1;
    parent->source = parent->stage;
    return import_count(run, &parent->rows, apr_pstrcat(p, "SELECT COUNT(*) FROM ", parent->stage, NULL));
}

/** Makes the rows of the parent that are looked for and missing, in the order of their names. */
static int make_missing(import_run *run, const import_part *part, const import_fill *fill)
{
    import_part *parent = import_part_of(run, fill->file);
    apr_pool_t *p = run->c->pool;
    const char *missing = apr_psprintf(p, " FROM %s n LEFT JOIN %s p ON p.%s = n.%s WHERE p.%s IS NULL AND n.%s"
                                       " IS NOT NULL", part->stage, parent->source, fill->theirs, fill->ours,
                                       fill->theirs, fill->ours);
    apr_uint64_t n = 0;
    const char *sql;

    if (import_count(run, &n, apr_pstrcat(p, "SELECT COUNT(DISTINCT n.", fill->ours, ")", missing, NULL)) != CTL_OK) {
        return CTL_FAILED;
    }
    if (n == 0) {
        return CTL_OK;
    }
    if (!parent->present && adopt(run, parent) != CTL_OK) {
        return CTL_FAILED;
    }
    sql = apr_psprintf(p, "INSERT INTO %s (line, %s, %s) SELECT 0, t.top + ROW_NUMBER() OVER (ORDER BY m.name), m.name"
                       " FROM (SELECT DISTINCT n.%s AS name%s) m, (SELECT COALESCE(MAX(%s), 0) AS top FROM %s) t",
                       parent->stage, fill->take, fill->theirs, fill->ours, missing, fill->take, parent->source);
    if (ctl_db_exec(run->c, sql) != CTL_OK) {
        return CTL_FAILED;
    }
    parent->rows += n;
    import_note(run, "%s: %" APR_UINT64_T_FMT " %s in no file and in no table: added to the %s", part->shown, n,
                n == 1 ? "name stands" : "names stand", parent->def->rows);
    return CTL_OK;
}

/** Looks one column up. Of the rows that the table has already each is taken once: it can become only one row. */
static int look_up(import_run *run, const import_part *part, const import_column *column, const import_fill *fill)
{
    const import_part *parent = import_part_of(run, fill->file);
    int own = parent == part;
    const char *once = own ? apr_psprintf(run->c->pool, " LEFT JOIN %s m ON m.%s = p.%s", part->stage, column->db,
                                          fill->take) : "";

    return ctl_db_exec(run->c, apr_psprintf(run->c->pool, "UPDATE %s n JOIN %s p ON p.%s = n.%s%s SET n.%s = p.%s"
                                            " WHERE n.%s IS NULL%s", part->stage,
                                            own ? part->def->table : parent->source, fill->theirs, fill->ours, once,
                                            column->db, fill->take, column->db, own ? " AND m.line IS NULL" : ""));
}

/** Row: line, what was looked for. */
static void not_found(void *ctx, char **values)
{
    filling *f = ctx;

    if (values[1]) {
        import_fault(f->run, f->part, atol(values[0]), f->by->csv, "%s is not in %s",
                     kiss_quote(f->run->scratch, values[1], strlen(values[1])), f->file);
    }
    else {
        import_fault(f->run, f->part, atol(values[0]), f->column->csv, "is empty, and so is %s", f->by->csv);
    }
}

/** A column that must have a value has one now. */
static int check_filled(import_run *run, const import_part *part, const import_column *column)
{
    const import_fill *fill = &column->fills[0];
    filling f = {run, part, column, import_column_stored(part->def, fill->ours), fill->file};

    if (column->flags & (IMPORT_NULL | IMPORT_HIDDEN)) {
        return CTL_OK;
    }
    return import_each(run, apr_psprintf(run->c->pool, "SELECT line, %s FROM %s WHERE %s IS NULL ORDER BY line",
                                         fill->ours, part->stage, column->db), not_found, &f);
}

/** Whether a column gets what the table has: the file lacks it, and nothing in the file determines it. */
static int is_kept(const import_run *run, const import_part *part, int at)
{
    const import_column *column = &part->def->columns[at], *by;

    if (!run->keep_absent || !(part->absent >> at & 1)
        || (column->flags & (IMPORT_KEY | IMPORT_STAGED | IMPORT_HIDDEN | IMPORT_CREATED | IMPORT_UPDATED | IMPORT_STAYS))) {
        return 0;
    }
    if (!column->fills[0].file) {
        return 1;
    }
    by = import_column_stored(part->def, column->fills[0].ours);
    return !(by->flags & IMPORT_STAGED) || (part->absent >> (by - part->def->columns) & 1);
}

/** Row: line. */
static void without_value(void *ctx, char **values)
{
    filling *f = ctx;

    import_fault(f->run, f->part, atol(values[0]), f->column->csv, "is missing, and this row is new: the table has nothing"
                 " to keep");
}

/** With --keep-absent: rows that the table has keep what the file does not have. New ones need what has no default. */
static int keep_absent(import_run *run, const import_part *part)
{
    const import_file *def = part->def;
    apr_pool_t *p = run->c->pool;
    const char *list = "";
    int i;

    for (i = 0; def->columns[i].csv; i++) {
        const import_column *column = &def->columns[i];
        filling f = {run, part, column, NULL, NULL};

        if (!is_kept(run, part, i)) {
            continue;
        }
        list = apr_pstrcat(p, list, *list ? ", n." : " SET n.", column->db, " = o.", column->db, NULL);
        if (!(column->flags & (IMPORT_OPTIONAL | IMPORT_ABSENT))
            && import_each(run, apr_pstrcat(p, "SELECT n.line FROM ", part->stage, " n LEFT JOIN ", def->table, " o ON ",
                                            import_keys(p, def, "o.", "n."), " WHERE o.", import_key_of(def)->db,
                                            " IS NULL ORDER BY n.line", NULL), without_value, &f) != CTL_OK) {
            return CTL_FAILED;
        }
    }
    return !*list ? CTL_OK
        : ctl_db_exec(run->c, apr_pstrcat(p, "UPDATE ", part->stage, " n JOIN ", def->table, " o ON ",
                                          import_keys(p, def, "o.", "n."), list, NULL));
}

static int fill_column(import_run *run, const import_part *part, const import_column *column)
{
    int i;

    for (i = 0; i < IMPORT_MAX_FILLS && column->fills[i].file; i++) {
        const import_fill *fill = &column->fills[i];

        if (import_part_of(run, fill->file)->keys_lost) {
            return CTL_OK;                  /* its own faults come first */
        }
        if ((fill->made && make_missing(run, part, fill) != CTL_OK) || look_up(run, part, column, fill) != CTL_OK) {
            return CTL_FAILED;
        }
    }
    return i ? check_filled(run, part, column) : CTL_OK;
}

/** Fills the columns of a file that are part of its key, or the others. */
static int fill_part(import_run *run, const import_part *part, unsigned int key)
{
    const import_column *column;

    for (column = part->def->columns; column->csv; column++) {
        if ((column->flags & IMPORT_KEY) == key && (fill_column(run, part, column) != CTL_OK || import_stopped())) {
            return CTL_FAILED;
        }
    }
    return CTL_OK;
}

int import_fill_all(import_run *run)
{
    int i;

    for (i = 0; i < run->set->n; i++) {
        const import_part *part = &run->parts[i];

        /* A row must be known by its key before it can keep anything. */
        if (part->present && !part->same && (fill_part(run, part, IMPORT_KEY) != CTL_OK || keep_absent(run, part) != CTL_OK
                              || fill_part(run, part, 0) != CTL_OK)) {
            return CTL_FAILED;
        }
    }
    return CTL_OK;
}

/**
 * A value that no two rows may have stays with its row only if no other row of the file has it: the temporary table is
 * joined with itself for that.
 */
static int keep_unique(import_run *run, const import_part *part, const import_column *column)
{
    apr_pool_t *p = run->c->pool;

    return ctl_db_exec(run->c, apr_psprintf(p, "UPDATE %s n JOIN %s o ON %s LEFT JOIN %s m ON m.%s = o.%s"
                                            " SET n.%s = o.%s WHERE n.%s IS NULL AND o.%s IS NOT NULL AND m.line IS NULL",
                                            part->stage, part->def->table, import_keys(p, part->def, "o.", "n."),
                                            part->stage, column->db, column->db, column->db, column->db, column->db,
                                            column->db));
}

static int keep_unsaid(import_run *run, const import_part *part)
{
    apr_pool_t *p = run->c->pool;
    const import_column *column;
    const char *list = "";

    for (column = part->def->columns; column->csv; column++) {
        if (!(column->flags & IMPORT_STAYS)) {
            continue;
        }
        if (!(column->flags & IMPORT_UNIQUE)) {
            list = apr_pstrcat(p, list, *list ? ", n." : "n.", column->db, " = COALESCE(n.", column->db, ", o.", column->db,
                               ")", NULL);
        }
        else if (keep_unique(run, part, column) != CTL_OK) {
            return CTL_FAILED;
        }
    }
    return !*list ? CTL_OK
        : ctl_db_exec(run->c, apr_pstrcat(p, "UPDATE ", part->stage, " n JOIN ", part->def->table, " o ON ",
                                          import_keys(p, part->def, "o.", "n."), " SET ", list, NULL));
}

int import_keep_unsaid(import_run *run)
{
    int i;

    for (i = 0; i < run->set->n; i++) {
        if (run->parts[i].present && keep_unsaid(run, &run->parts[i]) != CTL_OK) {
            return CTL_FAILED;
        }
    }
    return CTL_OK;
}
