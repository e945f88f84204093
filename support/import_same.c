/* SPDX-License-Identifier: Apache-2.0 */
/**
 * import_same - compares files with tables by digests of their rows, in one pass over each.
 *
 * The tables are read before the revisions are locked, in one consistent read. A revision that has risen until then shows
 * that they are not what was read.
 */
#include "import_same.h"

#include <string.h>

#include <apr_general.h>
#include <apr_strings.h>

#include "ctl_db.h"
#include "ctl_message.h"
#include "import_check.h"
#include "import_digest.h"
#include "import_fault.h"
#include "import_progress.h"
#include "import_sql.h"
#include "import_stage.h"

#define REVISIONS "SELECT CONCAT(COUNT(*), ' ', COALESCE(SUM(n), 0)) FROM revision"

/** A state of the tables. */
struct import_snapshot {
    const char *revisions;                      /* a text that each change makes another one */
    unsigned char key[IMPORT_DIGEST_KEY];       /* of the digests */
};

/** Columns whose value is not simply that of a cell. */
#define NOT_PLAIN (IMPORT_OPTIONAL | IMPORT_CREATED | IMPORT_UPDATED | IMPORT_STAYS | IMPORT_STAGED | IMPORT_HIDDEN \
                   | IMPORT_UNIQUE)

/** Whether the rows of the set's tables are just those of its files: none is filled, kept or set aside. */
static int is_plain(const import_file *def)
{
    const import_column *column;

    for (column = def->columns; column->csv; column++) {
        if ((column->flags & NOT_PLAIN) || column->fills[0].file) {
            return 0;
        }
    }
    return !def->keep && !def->remember;
}

static int is_plain_set(const import_set *set)
{
    int i;

    for (i = 0; i < set->n && is_plain(&set->files[i]); i++) {
    }
    return i == set->n;
}

static int is_empty(import_run *run, const import_part *part, int *empty)
{
    apr_uint64_t n = 0;
    int rc = import_count(run, &n, apr_pstrcat(run->c->pool, "SELECT COUNT(*) FROM (SELECT 1 FROM ", part->def->table,
                                               " LIMIT 1) x", NULL));

    *empty = n == 0;
    return rc;
}

int import_find_empty(import_run *run)
{
    int i, empty = !run->keep_absent && is_plain_set(run->set), rc = CTL_OK;

    for (i = 0; i < run->set->n && empty && rc == CTL_OK; i++) {
        if (run->parts[i].present) {
            rc = is_empty(run, &run->parts[i], &empty);
        }
    }
    run->direct = rc == CTL_OK && empty;
    for (i = 0; i < run->set->n && run->direct; i++) {
        run->parts[i].stage = run->parts[i].source = run->parts[i].def->table;
    }
    return rc;
}

/** "a, b": the columns that are compared. */
static const char *compared(const import_run *run, const import_part *part)
{
    const char *list = "";
    int i;

    for (i = 0; part->def->columns[i].csv; i++) {
        if (!run->keep_absent || !(part->absent >> i & 1)) {
            list = apr_pstrcat(run->c->pool, list, *list ? ", " : "", part->def->columns[i].db, NULL);
        }
    }
    return list;
}

static int digest_table(import_run *run, const import_part *part, import_digest *digest)
{
    const import_column *columns = part->def->columns;
    MYSQL *db = run->c->db;
    MYSQL_RES *result;
    MYSQL_ROW row;
    const char *sql = apr_pstrcat(run->c->pool, "SELECT ", compared(run, part), " FROM ", part->def->table, NULL);

    if (mysql_query(db, sql) || !(result = mysql_use_result(db))) {
        return ctl_db_error(run->c, "the database refused a statement");
    }
    while ((row = mysql_fetch_row(result)) && !import_stopped()) {
        const unsigned long *lengths = mysql_fetch_lengths(result);
        int i, k = 0;

        for (i = 0; columns[i].csv; i++) {
            if (!run->keep_absent || !(part->absent >> i & 1)) {
                import_digest_value(digest, &columns[i], row[k], lengths[k]);
                k++;
            }
        }
        import_digest_row(digest);
    }
    mysql_free_result(result);
    return mysql_errno(db) ? ctl_db_error(run->c, "cannot read the answer of the database") : CTL_OK;
}

static int compare_part(import_run *run, import_part *part, apr_pool_t *p)
{
    apr_uint64_t faults = run->nerrors;
    import_findings *kept = import_findings_keep(run);
    const import_part before = *part;
    import_digest file, table;
    int singles = 0;

    import_digest_start(&file, run->snapshot->key, p);
    import_digest_start(&table, run->snapshot->key, p);
    if (import_digest_file(run, part, &file) != CTL_OK
        || (run->nerrors == faults && (digest_table(run, part, &table) != CTL_OK
                                  || import_has_second_single(run, part, &singles) != CTL_OK))) {
        return CTL_FAILED;
    }
    part->same = run->nerrors == faults && singles == 0 && import_digest_same(&file, &table);
    if (part->same) {
        part->source = part->def->table;
        part->before = part->rows;
    }
    else {
        *part = before;
        import_findings_restore(run, kept);
    }
    return CTL_OK;
}

int import_snapshot_begin(import_run *run)
{
    struct import_snapshot *snapshot = apr_pcalloc(run->c->pool, sizeof(*snapshot));
    apr_status_t rv = apr_generate_random_bytes(snapshot->key, sizeof(snapshot->key));

    if (rv != APR_SUCCESS) {
        return ctl_fail("cannot get random bytes: %s", apr_psprintf(run->c->pool, "%pm", &rv));
    }
    if (!is_plain_set(run->set)) {
        return CTL_OK;
    }
    run->snapshot = snapshot;
    return ctl_db_exec(run->c, "START TRANSACTION WITH CONSISTENT SNAPSHOT") != CTL_OK ? CTL_FAILED
        : ctl_db_value(run->c, &snapshot->revisions, REVISIONS, 0);
}

int import_find_same(import_run *run, import_part *part)
{
    apr_pool_t *p;
    int rc, empty;

    if (!run->snapshot || part->unread || part->def->absent) {
        return CTL_OK;
    }
    rc = is_empty(run, part, &empty);
    if (rc == CTL_OK && !empty) {
        apr_pool_create(&p, run->c->pool);
        rc = compare_part(run, part, p);
        apr_pool_destroy(p);
    }
    return rc;
}

int import_snapshot_end(import_run *run)
{
    return run->snapshot ? ctl_db_exec(run->c, "COMMIT") : CTL_OK;
}

int import_snapshot_check(import_run *run)
{
    const char *now;

    if (!run->snapshot) {
        return CTL_OK;
    }
    if (ctl_db_value(run->c, &now, REVISIONS, 0) != CTL_OK) {
        return CTL_FAILED;
    }
    run->again = strcmp(now, run->snapshot->revisions) != 0;
    return CTL_OK;
}

/** What the rows of a count are about. */
typedef struct {
    import_run *run;
    import_part *part;
} counter;

/** Row: scope, rows. */
static void count_scope(void *ctx, char **values)
{
    counter *k = ctx;
    const import_revision *revision;

    k->part->added += (apr_uint64_t)apr_atoi64(values[1]);
    for (revision = k->part->def->revisions; revision->dataset; revision++) {
        import_raise(k->run, revision->dataset, values[0], 0);
    }
}

int import_count_new(import_run *run)
{
    const char *sql;
    int i;

    for (i = 0; i < run->set->n; i++) {
        import_part *part = &run->parts[i];
        const import_file *def = part->def;
        counter k = {run, part};

        import_progress(run, part, IMPORT_COMPARING, 0);
        sql = apr_pstrcat(run->c->pool, "SELECT ", def->scope ? def->scope : "''", ", COUNT(*) FROM ", def->table,
                          import_grouped(run->c->pool, def, def->scope), NULL);
        if (part->present && import_each(run, sql, count_scope, &k) != CTL_OK) {
            return CTL_FAILED;
        }
    }
    return CTL_OK;
}
