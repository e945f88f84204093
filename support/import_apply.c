/**
 * import_apply - the transaction: what differs between temporary and real tables is counted, then written.
 *
 * Counting first, per scope, tells which revisions to raise and leaves out statements that would change nothing. In SQL
 * `o` is the real table and `n` the temporary one.
 */
#include "import.h"

#include <string.h>

#include <apr_strings.h>

#include "ctl_db.h"

/** Rows that a note names. */
#define NAMED 20

/** Notes that the revision of `dataset` and `scope` must rise. */
static void bump(import_run *run, const char *dataset, const char *scope)
{
    apr_pool_t *p = run->c->pool;
    const char *key = apr_pstrcat(p, dataset, *scope ? " " : "", scope, NULL);
    import_bump *new;

    if (!apr_hash_get(run->revisions, key, APR_HASH_KEY_STRING)) {
        new = apr_palloc(p, sizeof(*new));
        new->dataset = dataset;
        new->scope = apr_pstrdup(p, scope);
        apr_hash_set(run->revisions, key, APR_HASH_KEY_STRING, new);
    }
}

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
    apr_int64_t added = apr_strtoi64(values[1], NULL, 10);
    int i;

    k->part->added += added;
    k->part->changed += apr_strtoi64(values[2], NULL, 10);
    for (i = 0; revision[i].dataset; i++) {
        if ((added > 0 && !revision[i].set) || apr_strtoi64(values[3 + i], NULL, 10) > 0) {
            bump(k->run, revision[i].dataset, values[0]);
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
    int i;

    k->part->removed += apr_strtoi64(values[1], NULL, 10);
    for (i = 0; revision[i].dataset; i++) {
        if (!revision[i].set) {
            bump(k->run, revision[i].dataset, values[0]);
        }
    }
}

/** What a comparison of sets is about. */
typedef struct {
    import_run *run;
    const char *dataset;
} set_change;

/** Row: scope. */
static void set_changed(void *ctx, char **values)
{
    set_change *k = ctx;

    bump(k->run, k->dataset, values[0]);
}

/** "SELECT DISTINCT a.scope FROM ... a WHERE NOT EXISTS (...)": scopes in which `one` has
    a value of `set` that `other` lacks. */
static const char *lacking(apr_pool_t *p, const char *scope, const char *set, const char *one, const char *other)
{
    return apr_psprintf(p, "SELECT DISTINCT a.%s FROM %s a WHERE NOT EXISTS (SELECT 1 FROM %s b WHERE b.%s = a.%s"
                        " AND b.%s = a.%s)", scope, one, other, scope, scope, set, set);
}

/** Raises the revisions that depend on a set of values, where it changes. */
static int compare_sets(import_run *run, const import_part *part)
{
    const import_file *def = part->def;
    apr_pool_t *p = run->c->pool;
    int i;

    for (i = 0; def->revisions[i].dataset && part->added + part->removed > 0; i++) {
        const char *set = def->revisions[i].set;
        set_change k = {run, def->revisions[i].dataset};

        if (set && (import_each(run, lacking(p, def->scope, set, part->stage, def->table), set_changed, &k) != CTL_OK
                    || import_each(run, lacking(p, def->scope, set, def->table, part->stage), set_changed, &k) != CTL_OK)) {
            return CTL_FAILED;
        }
    }
    return CTL_OK;
}

/** Row: number. */
static void one_number(void *ctx, char **values)
{
    *(apr_uint64_t *)ctx = (apr_uint64_t)apr_strtoi64(values[0], NULL, 10);
}

/** "NOT (o.a <=> n.a AND ...)" over the columns that are no key, or NULL when there is none. Who is back differs. */
static const char *differs(apr_pool_t *p, const import_file *def)
{
    const import_column *column;
    const char *list = NULL;

    for (column = def->columns; column->csv; column++) {
        if (column->flags & (IMPORT_CREATED | IMPORT_UPDATED)) {
            list = apr_pstrcat(p, list ? list : "NOT (", list ? " AND " : "", "o.", column->db, " = COALESCE(n.",
                               column->db, ", o.", column->db, ")", NULL);
        }
        else if (!(column->flags & (IMPORT_KEY | IMPORT_STAGED))) {
            list = apr_pstrcat(p, list ? list : "NOT (", list ? " AND " : "", "o.", column->db, " <=> n.", column->db,
                               NULL);
        }
    }
    if (def->absent) {
        list = apr_pstrcat(p, list ? list : "NOT (", list ? " AND " : "", "o.", def->absent, " IS NULL", NULL);
    }
    return list ? apr_pstrcat(p, list, ")", NULL) : NULL;
}

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

const char *import_removed_from(apr_pool_t *p, const import_part *part)
{
    return apr_pstrcat(p, " FROM ", part->def->table, " o LEFT JOIN ", part->stage, " n ON ",
                       import_keys(p, part->def, "n.", "o."), " WHERE n.line IS NULL AND ",
                       part->removable, NULL);
}

static const char *added_from(apr_pool_t *p, const import_part *part)
{
    return apr_pstrcat(p, " FROM ", part->stage, " n LEFT JOIN ", part->def->table, " o ON ",
                       import_keys(p, part->def, "o.", "n."), " WHERE o.", import_key_of(part->def)->db, " IS NULL",
                       NULL);
}

/** One row a scope; without scopes one row, or none when there is nothing. */
static const char *grouped(apr_pool_t *p, const import_file *def, const char *scope)
{
    return def->scope ? apr_pstrcat(p, " GROUP BY ", scope, NULL) : " HAVING COUNT(*) > 0";
}

/** Counts rows to add and to change: one pass over the temporary table, by the real table's key. */
static int compare_new(import_run *run, import_part *part)
{
    const import_file *def = part->def;
    apr_pool_t *p = run->c->pool;
    const char *there = apr_pstrcat(p, "o.", import_key_of(def)->db, " IS NOT NULL", NULL), *sums = "";
    const char *differing = differs(p, def), *scope = def->scope ? apr_pstrcat(p, "n.", def->scope, NULL) : "''";
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
                                        import_keys(p, def, "o.", "n."), grouped(p, def, scope), NULL),
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
    const char *stay = def->keep;

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
        || import_each(run, apr_pstrcat(p, "SELECT COUNT(*) FROM ", def->table, " o WHERE ", part->removable, NULL),
                       one_number, &part->before) != CTL_OK) {
        return CTL_FAILED;
    }
    /* Where every row of the table is in the file, there is nothing to look for. */
    if ((def->keep || def->remember || def->here || part->before != part->rows - part->added)
        && import_each(run, apr_pstrcat(p, "SELECT ", scope, ", COUNT(*)", import_removed_from(p, part),
                                        grouped(p, def, scope), NULL), count_removed, &k) != CTL_OK) {
        return CTL_FAILED;
    }
    return compare_sets(run, part);
}

/**
 * Takes values that must be unique away from the rows that will have others, so that the rows to come find them free.
 * No cell can hold what stands in for them: control characters are refused.
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
                                          assignments(p, part->def), " WHERE ", differs(p, part->def),
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

/** Says by name who is set aside and who is back. */
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

/** Whether something in one of the files of `derived` changed. */
static int concerned(const import_run *run, const import_derived *derived)
{
    apr_size_t i;

    for (i = 0; i < sizeof(derived->files) / sizeof(*derived->files) && derived->files[i]; i++) {
        const import_part *part = import_part_of(run, derived->files[i]);

        if (part->added + part->changed + part->removed > 0) {
            return 1;
        }
    }
    return 0;
}

static int derive(import_run *run)
{
    const import_derived *derived = run->set->derived;

    import_progress(run, NULL, IMPORT_FOLLOWING, 0);
    for (; derived && derived->sql; derived++) {
        if (!concerned(run, derived)) {
            continue;
        }
        if (ctl_db_exec(run->c, derived->sql) != CTL_OK || import_stopped()) {
            return CTL_FAILED;
        }
        if (derived->dataset && mysql_affected_rows(run->c->db) > 0) {
            bump(run, derived->dataset, "");
        }
    }
    return CTL_OK;
}

static int raise_revisions(import_run *run)
{
    apr_hash_index_t *i;

    for (i = apr_hash_first(run->c->pool, run->revisions); i; i = apr_hash_next(i)) {
        const import_bump *raised;
        void *value;

        apr_hash_this(i, NULL, NULL, &value);
        raised = value;
        if (ctl_db_run(run->c, NULL, CTL_DB_RAISE, 2, raised->dataset, raised->scope) != CTL_OK) {
            return CTL_FAILED;
        }
    }
    return CTL_OK;
}

/** Notes how many rows each table has now, by which it is known later that they were changed past the triggers. */
static int note_rows(import_run *run)
{
    int i, rc = CTL_OK;

    for (i = 0; i < run->set->n && rc == CTL_OK; i++) {
        const import_file *def = run->parts[i].def;

        if (run->parts[i].present) {
            rc = ctl_db_run(run->c, NULL, apr_pstrcat(run->c->pool, "REPLACE INTO last_load (table_name, dataset, "
                                                                    "revisions, row_count)"
                                                      " SELECT ?, ?, (SELECT COALESCE(SUM(n), 0) FROM revision WHERE "
                                                      "dataset = ?),"
                                                      " COUNT(*) FROM ", def->table, NULL), 3,
                            def->table, def->revisions[0].dataset, def->revisions[0].dataset);
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

int import_compare(import_run *run)
{
    int i;

    for (i = 0; i < run->set->n; i++) {
        import_progress(run, &run->parts[i], IMPORT_COMPARING, 0);
        if (run->parts[i].present && (count_part(run, &run->parts[i]) != CTL_OK || import_stopped())) {
            return CTL_FAILED;
        }
    }
    return CTL_OK;
}

int import_apply(import_run *run)
{
    /* Rows are removed last: a customer may have moved from a price list that goes away to one that is new. */
    if (each_part(run, IMPORT_LOOKING, tell_absent) != CTL_OK
        || each_part(run, IMPORT_ROOM, free_uniques) != CTL_OK
        || each_part(run, IMPORT_ADDING, add_rows) != CTL_OK
        || each_part(run, IMPORT_CHANGING, change_rows) != CTL_OK
        || each_part(run, IMPORT_REMOVING, remove_rows) != CTL_OK
        || derive(run) != CTL_OK) {
        return CTL_FAILED;
    }
    return raise_revisions(run) == CTL_OK ? note_rows(run) : CTL_FAILED;
}
