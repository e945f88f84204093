/* SPDX-License-Identifier: Apache-2.0 */
/**
 * import_apply - writes, inside the transaction, what import_compare found to differ. In SQL `o` is the real table and `n`
 * the temporary one.
 */
#include "import_apply.h"

#include <string.h>

#include <apr_strings.h>

#include "ctl_db.h"
#include "import_derive.h"
#include "import_fault.h"
#include "import_log.h"
#include "import_progress.h"
#include "import_sql.h"
#include "import_yield.h"

/** Rows that a note names. */
#define NAMED 20

/** What a column gets from the file: a time that it does not give is the one there is, or now. */
static const char *given(apr_pool_t *p, const import_column *column, int exists)
{
    const char *value = apr_pstrcat(p, "n.", column->db, NULL);

    if (column->flags & (IMPORT_CREATED | IMPORT_UPDATED)) {
        return apr_pstrcat(p, "COALESCE(", value, ", ", exists && (column->flags & IMPORT_CREATED) ? "o." : "",
                           exists && (column->flags & IMPORT_CREATED) ? column->db : "UTC_TIMESTAMP(3)", ")", NULL);
    }
    return value;
}

/** "o.a = n.a, o.b = n.b" over the columns that are no key. */
static const char *assignments(apr_pool_t *p, const import_file *def)
{
    const import_column *column;
    const char *list = "";

    for (column = def->columns; column->csv; column++) {
        if (!(column->flags & (IMPORT_KEY | IMPORT_STAGED))) {
            list = apr_pstrcat(p, list, *list ? ", " : "", "o.", column->db, " = ", given(p, column, 1), NULL);
        }
    }
    if (def->absent) {
        list = apr_pstrcat(p, list, *list ? ", " : "", "o.", def->absent, " = NULL", NULL);
    }
    return list;
}

/** "a, b": the columns of the table, or what a new row gets in them. */
static const char *column_list(apr_pool_t *p, const import_file *def, int values)
{
    const import_column *column;
    const char *list = "";

    for (column = def->columns; column->csv; column++) {
        if (!(column->flags & IMPORT_STAGED)) {
            list = apr_pstrcat(p, list, *list ? ", " : "", values ? given(p, column, 0) : column->db, NULL);
        }
    }
    return list;
}

static const char *added_from(apr_pool_t *p, const import_part *part)
{
    return apr_pstrcat(p, " FROM ", part->stage, " n LEFT JOIN ", part->def->table, " o ON ",
                       import_keys(p, part->def, "o.", "n."), " WHERE o.", import_key_of(part->def)->db, " IS NULL",
                       NULL);
}

/**
 * Takes values that must be unique away from the rows that will have others, so that the rows to come find them free.
 * No cell can hold the values that replace them: control characters are refused.
 */
static int free_uniques(import_run *run, const import_part *part)
{
    const import_column *column;
    apr_pool_t *p = run->c->pool;
    int rc = CTL_OK;

    for (column = part->def->columns; column->csv && rc == CTL_OK; column++) {
        if ((column->flags & IMPORT_UNIQUE) && part->changed + part->removed > 0) {
            rc = ctl_db_exec(run->c, apr_psprintf(p, "UPDATE %s o LEFT JOIN %s n ON %s SET o.%s = %s%s%s"
                                                  " WHERE NOT (o.%s <=> n.%s) AND (n.line IS NOT NULL OR %s)",
                                                  part->def->table, part->stage,
                                                  import_keys(p, part->def, "n.", "o."), column->db,
                                                  column->flags & IMPORT_NULL ? "NULL" : "CONCAT(CHAR(1), o.",
                                                  column->flags & IMPORT_NULL ? "" : import_key_of(part->def)->db,
                                                  column->flags & IMPORT_NULL ? "" : ")", column->db, column->db,
                                                  part->removable));
        }
    }
    return rc;
}

static int add_rows(import_run *run, const import_part *part)
{
    apr_pool_t *p = run->c->pool;

    return part->added == 0 ? CTL_OK
        : ctl_db_exec(run->c, apr_pstrcat(p, "INSERT INTO ", part->def->table, " (",
                                          column_list(p, part->def, 0), ") SELECT ",
                                          column_list(p, part->def, 1), added_from(p, part), NULL));
}

static int change_rows(import_run *run, const import_part *part)
{
    apr_pool_t *p = run->c->pool;

    return part->changed == 0 ? CTL_OK
        : ctl_db_exec(run->c, apr_pstrcat(p, "UPDATE ", part->def->table, " o JOIN ", part->stage, " n ON ",
                                          import_keys(p, part->def, "n.", "o."), " SET ",
                                          assignments(p, part->def), " WHERE ", import_differs(p, part->def),
                                          NULL));
}

/** A list of rows, by name. */
typedef struct {
    import_run *run;
    const char *list, *word;                /* word: of what they own */
    int n;
} named;

/** Row: key, and how much of `word` it owns. */
static void add_name(void *ctx, char **values)
{
    named *k = ctx;
    apr_pool_t *p = k->run->c->pool;

    if (k->n++ < NAMED) {
        k->list = apr_pstrcat(p, k->list, *k->list ? ", " : "", values[0],
                              k->word ? apr_psprintf(p, " (%s %s%s)", values[1], k->word,
                                                     strcmp(values[1], "1") == 0 ? "" : "s") : "", NULL);
    }
}

/** Notes by name which rows are set aside and which are back. */
static int tell_absent(import_run *run, const import_part *part)
{
    const import_file *def = part->def;
    apr_pool_t *p = run->c->pool;
    named gone = {run, "", def->owned_word, 0}, back = {run, "", NULL, 0};
    const char *key = import_key_of(def)->db;

    if (!def->absent) {
        return CTL_OK;
    }
    if (part->removed > 0
        && import_each(run, apr_psprintf(p, "SELECT o.%s, (SELECT COUNT(*) FROM %s d WHERE d.%s = o.%s)%s ORDER BY 1",
                                         key, def->owned, key, key, import_removed_from(p, part)), add_name, &gone)
        != CTL_OK) {
        return CTL_FAILED;
    }
    if (part->changed > 0
        && import_each(run, apr_psprintf(p, "SELECT o.%s FROM %s o JOIN %s n ON %s WHERE o.%s IS NOT NULL ORDER BY 1", key,
                                         def->table, part->stage, import_keys(p, def, "n.", "o."), def->absent), add_name,
                       &back) != CTL_OK) {
        return CTL_FAILED;
    }
    if (gone.n > 0) {
        import_note(run, "no longer in %s, set aside and refused; what they own stays: %s%s", part->shown, gone.list,
                    gone.n > NAMED ? ", ..." : "");
    }
    if (back.n > 0) {
        import_note(run, "in %s again: %s%s", part->shown, back.list, back.n > NAMED ? ", ..." : "");
    }
    return CTL_OK;
}

/** Removes what the file lacks, or sets it aside. */
static int remove_rows(import_run *run, const import_part *part)
{
    const import_file *def = part->def;
    apr_pool_t *p = run->c->pool;

    if (part->removed == 0) {
        return CTL_OK;
    }
    if (!def->absent) {
        return ctl_db_exec(run->c, apr_pstrcat(p, "DELETE o", import_removed_from(p, part), NULL));
    }
    return ctl_db_exec(run->c, apr_psprintf(p, "UPDATE %s o LEFT JOIN %s n ON %s SET o.%s = COALESCE(o.%s,"
                                            " UTC_TIMESTAMP()), %s WHERE n.line IS NULL AND %s", def->table, part->stage,
                                            import_keys(p, def, "n.", "o."), def->absent, def->absent, def->give_up,
                                            part->removable));
}

/** Notes how many rows each table has now, by which it is known later that they were changed past the triggers. */
static int note_rows(import_run *run)
{
    apr_pool_t *p = run->c->pool;
    int i, rc = CTL_OK;

    for (i = 0; i < run->set->n && rc == CTL_OK; i++) {
        const import_part *part = &run->parts[i];
        const import_file *def = part->def;
        /* Where rows stay that the file lacks, part->before is not all of them. */
        const char *rows = def->here || def->keep || def->remember || import_yield_to(run, def, "o.")
            ? apr_pstrcat(p, "(SELECT COUNT(*) FROM ", def->table, ")", NULL)
            : apr_psprintf(p, "%" APR_UINT64_T_FMT, part->before + part->added - part->removed);

        if (part->present) {
            rc = ctl_db_run(run->c, NULL, apr_pstrcat(p, "REPLACE INTO last_load (table_name, dataset, revisions, row_count)"
                                                      " SELECT ?, ?, (SELECT COALESCE(SUM(n), 0) FROM revision WHERE"
                                                      " dataset = ?), ", rows, NULL), 3, def->table,
                            def->revisions[0].dataset, def->revisions[0].dataset);
        }
    }
    return rc;
}

/** Runs one step over all files, in the order of the set; removing, backwards. */
static int each_part(import_run *run, import_step step, int (*work)(import_run *, const import_part *))
{
    int i;

    for (i = 0; i < run->set->n; i++) {
        const import_part *part = &run->parts[step == IMPORT_REMOVING ? run->set->n - 1 - i : i];

        if (!part->present) {
            continue;
        }
        import_progress(run, part, step, 0);
        if (work(run, part) != CTL_OK || import_stopped()) {
            return CTL_FAILED;
        }
    }
    return CTL_OK;
}

int import_apply(import_run *run)
{
    /* Rows are removed last: a customer may have moved from a price list that goes away to one that is new. */
    if (import_log_find(run) != CTL_OK
        || each_part(run, IMPORT_LOOKING, tell_absent) != CTL_OK
        || each_part(run, IMPORT_ROOM, free_uniques) != CTL_OK
        || each_part(run, IMPORT_ADDING, add_rows) != CTL_OK
        || each_part(run, IMPORT_CHANGING, change_rows) != CTL_OK
        || each_part(run, IMPORT_REMOVING, remove_rows) != CTL_OK
        || import_derive(run) != CTL_OK) {
        return CTL_FAILED;
    }
    return import_finish(run);
}

int import_finish(import_run *run)
{
    return import_log_raise(run) == CTL_OK ? note_rows(run) : CTL_FAILED;
}
