/* SPDX-License-Identifier: Apache-2.0 */
/**
 * import_log - finds the SKUs that an import changes, and raises the revisions with them.
 *
 * They are read, not copied by INSERT ... SELECT: that would lock rows of others, who wait for the revisions that this
 * transaction holds. The rows of the log are written by the trigger of the table `revision`, as for every other change: it
 * numbers and chains them, and cuts the log. In SQL `o` is the real table and `n` the temporary one.
 */
#include "import_log.h"

#include <stdlib.h>
#include <string.h>

#include <apr_strings.h>

#include "ctl_db.h"
#include "ctl_message.h"
#include "import_progress.h"
#include "import_sql.h"

#define MOST 16384              /* SKUs of a revision: what the log keeps of it, about */
#define MOST_ROWS (4 * MOST)    /* rows that are looked at for that: a SKU may have several */
#define MOST_IN_ALL 1048576     /* rows of all revisions that are kept in memory */
#define WORTH 5                 /* where more than 1/5 of the SKUs have changed, a list is read completely anyway */
#define BATCH 1000

/** What the callbacks below write about. */
typedef struct {
    import_run *run;
    const import_file *def;
    const import_revision *revision;
    apr_size_t kept;            /* rows, of all revisions */
} finder;

/** Whether a revision is still to be raised with its SKUs. */
static int is_logged(const import_bump *bump)
{
    return bump && !bump->gap && bump->rows <= MOST_ROWS;
}

static void note_sku(finder *f, const char *dataset, const char *scope, const char *sku)
{
    import_bump *bump = import_bump_of(f->run, dataset, scope);

    if (!is_logged(bump)) {
        return;
    }
    if (f->kept == MOST_IN_ALL) {
        bump->gap = 1;
        return;
    }
    f->kept++;
    if (!bump->skus) {
        bump->skus = apr_array_make(f->run->c->pool, 16, sizeof(const char *));
    }
    APR_ARRAY_PUSH(bump->skus, const char *) = apr_pstrdup(f->run->c->pool, sku);
}

/** Row: scope, SKU, and for each revision whether it is to be raised for that. */
static void note_row(void *ctx, char **values)
{
    finder *f = ctx;
    const import_revision *revision = f->def->revisions;
    int i;

    for (i = 0; revision[i].dataset; i++) {
        if (values[2 + i] && *values[2 + i] == '1') {
            note_sku(f, revision[i].dataset, values[0], values[1]);
        }
    }
}

/** Row: scope, SKU. */
static void note_member(void *ctx, char **values)
{
    finder *f = ctx;

    note_sku(f, f->revision->dataset, values[0], values[1]);
}

/** Whether any revision of that dataset is to be raised with its SKUs. */
static int wants(const import_run *run, const char *dataset)
{
    apr_hash_index_t *i;
    void *value;

    for (i = apr_hash_first(run->c->pool, run->revisions); i; i = apr_hash_next(i)) {
        apr_hash_this(i, NULL, NULL, &value);
        if (strcmp(((import_bump *)value)->dataset, dataset) == 0 && is_logged(value)) {
            return 1;
        }
    }
    return 0;
}

/** The columns of note_row() for rows of which each has come or gone, or changed as far as `differing` says. */
static const char *flags(apr_pool_t *p, const import_file *def, const char *come, const char *differing)
{
    const char *list = "";
    int i;

    for (i = 0; def->revisions[i].dataset; i++) {
        const char *changed = def->revisions[i].changed;

        list = apr_pstrcat(p, list, ", ", def->revisions[i].set ? "0" : come, " OR (", differing, " AND ",
                           changed ? changed : "1", ")", NULL);
    }
    return list;
}

/** SKUs whose rows come, change or go. */
static int find_rows(finder *f, const import_part *part)
{
    const import_file *def = part->def;
    apr_pool_t *p = f->run->c->pool;
    const char *scope = def->scope ? def->scope : NULL, *differing = import_differs(p, def);
    const char *new = apr_pstrcat(p, "o.", import_key_of(def)->db, " IS NULL", NULL);

    differing = differing ? differing : "0";
    if (part->added + part->changed > 0
        && import_each(f->run, apr_pstrcat(p, "SELECT ", scope ? "n." : "''", scope ? scope : "", ", n.", def->sku,
                                           flags(p, def, new, differing), " FROM ", part->stage, " n LEFT JOIN ", def->table,
                                           " o ON ", import_keys(p, def, "o.", "n."), " WHERE ", new, " OR ", differing,
                                           NULL), note_row, f) != CTL_OK) {
        return CTL_FAILED;
    }
    return part->removed == 0 ? CTL_OK
        : import_each(f->run, apr_pstrcat(p, "SELECT ", scope ? "o." : "''", scope ? scope : "", ", o.", def->sku,
                                          flags(p, def, "1", "0"), import_removed_from(p, part), NULL), note_row, f);
}

/** SKUs that come into a set, or leave it. */
static int find_members(finder *f, const import_part *part)
{
    const import_file *def = part->def;
    apr_pool_t *p = f->run->c->pool;

    for (f->revision = def->revisions; f->revision->dataset && part->added + part->removed > 0; f->revision++) {
        const char *columns, *set = f->revision->set;

        if (!set || !wants(f->run, f->revision->dataset)) {
            continue;
        }
        columns = apr_pstrcat(p, "a.", def->scope, ", a.", def->sku, NULL);
        if (import_each(f->run, import_lacking(p, def, set, columns, part->stage, def->table), note_member, f)
            || import_each(f->run, import_lacking(p, def, set, columns, def->table, part->stage), note_member, f)) {
            return CTL_FAILED;
        }
    }
    return CTL_OK;
}

static int find_of_part(finder *f, const import_part *part)
{
    int i, wanted = 0;

    for (i = 0; part->def->revisions[i].dataset; i++) {
        wanted = wanted || wants(f->run, part->def->revisions[i].dataset);
    }
    f->def = part->def;
    return !wanted || part->added + part->changed + part->removed == 0 ? CTL_OK
        : find_rows(f, part) == CTL_OK ? find_members(f, part) : CTL_FAILED;
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/** Leaves each SKU once. */
static void unite(apr_array_header_t *skus)
{
    const char **list = (const char **)skus->elts;
    int i, n = 0;

    qsort(list, (size_t)skus->nelts, sizeof(*list), by_text);
    for (i = 0; i < skus->nelts; i++) {
        if (n == 0 || strcmp(list[n - 1], list[i]) != 0) {
            list[n++] = list[i];
        }
    }
    skus->nelts = n;
}

/** Decides whether a revision is raised with its SKUs: few of those that it has, and there was one before. */
static int judge(import_run *run, import_bump *bump)
{
    const import_logged *logged = run->set->logged;
    const char *sql, *count, *there;

    for (; logged->dataset && strcmp(logged->dataset, bump->dataset) != 0; logged++) {
    }
    bump->gap = !is_logged(bump) || !bump->skus || !logged->dataset;
    if (bump->gap) {
        return CTL_OK;
    }
    unite(bump->skus);
    sql = apr_pstrcat(run->c->pool, "SELECT COUNT(DISTINCT sku) FROM ", logged->table, " WHERE ",
                      logged->scope ? logged->scope : "''", " = ?", NULL);
    if (ctl_db_value(run->c, &count, sql, 1, bump->scope) != CTL_OK
        || ctl_db_value(run->c, &there, "SELECT n FROM revision WHERE dataset = ? AND scope = ?", 2, bump->dataset,
                        bump->scope) != CTL_OK) {
        return CTL_FAILED;
    }
    bump->gap = !there || bump->skus->nelts > MOST || apr_atoi64(count) / WORTH < bump->skus->nelts;
    return CTL_OK;
}

/** Calls `work` for each revision that is to be raised. */
static int each_bump(import_run *run, int (*work)(import_run *, import_bump *))
{
    apr_hash_index_t *i;
    void *value;

    for (i = apr_hash_first(run->c->pool, run->revisions); i; i = apr_hash_next(i)) {
        apr_hash_this(i, NULL, NULL, &value);
        if (work(run, value) != CTL_OK || import_stopped()) {
            return CTL_FAILED;
        }
    }
    return CTL_OK;
}

int import_log_find(import_run *run)
{
    finder f = {run, NULL, NULL, 0};
    int i;

    if (!run->set->logged) {
        return CTL_OK;
    }
    for (i = 0; i < run->set->n; i++) {
        const import_part *part = &run->parts[i];

        if (part->present && part->def->sku && (find_of_part(&f, part) != CTL_OK || import_stopped())) {
            return CTL_FAILED;
        }
    }
    return each_bump(run, judge);
}

/** Sends `n` SKUs, from `skus` on, as one batch. */
static int raise_batch(import_run *run, MYSQL_STMT *stmt, import_bump *bump, char **skus, unsigned int n)
{
    char *dataset[BATCH], *scope[BATCH];
    unsigned long lengths[3][BATCH];
    MYSQL_BIND bind[3];
    char **texts[3] = {dataset, scope, skus};
    unsigned int i, k;

    memset(bind, 0, sizeof(bind));
    for (i = 0; i < n; i++) {
        dataset[i] = (char *)bump->dataset;
        scope[i] = (char *)bump->scope;
        for (k = 0; k < 3; k++) {
            lengths[k][i] = strlen(texts[k][i]);
        }
    }
    for (k = 0; k < 3; k++) {
        bind[k].buffer_type = MYSQL_TYPE_STRING;
        bind[k].buffer = texts[k];
        bind[k].length = lengths[k];
    }
    if (mysql_stmt_attr_set(stmt, STMT_ATTR_ARRAY_SIZE, &n) || mysql_stmt_bind_param(stmt, bind)
        || mysql_stmt_execute(stmt)) {
        return import_stopped() ? CTL_FAILED : ctl_db_stmt_error(run->c, stmt, "the log of changes");
    }
    return CTL_OK;
}

static int raise_one(import_run *run, import_bump *bump)
{
    static const char sql[] = CTL_DB_RAISE ", changed_sku = ?";
    MYSQL_STMT *stmt;
    int i, rc = CTL_OK;

    if (bump->gap) {
        return ctl_db_run(run->c, NULL, CTL_DB_RAISE, 2, bump->dataset, bump->scope);
    }
    stmt = mysql_stmt_init(run->c->db);
    if (!stmt) {
        return ctl_fail("out of memory");
    }
    if (mysql_stmt_prepare(stmt, sql, sizeof(sql) - 1)) {
        rc = ctl_db_stmt_error(run->c, stmt, "the log of changes");
    }
    for (i = 0; i < bump->skus->nelts && rc == CTL_OK; i += BATCH) {
        int left = bump->skus->nelts - i;

        rc = raise_batch(run, stmt, bump, (char **)bump->skus->elts + i, left < BATCH ? (unsigned int)left : BATCH);
    }
    mysql_stmt_close(stmt);
    return rc;
}

int import_log_raise(import_run *run)
{
    return each_bump(run, raise_one);
}
