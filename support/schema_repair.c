/**
 * schema_repair - puts back what a database lacks, and raises its revisions; `touch` raises them alone.
 */
#include "schema_diff.h"

#include <string.h>

#include <apr_strings.h>

#include "cmd.h"
#include "ctl_db.h"
#include "ctl_message.h"
#include "ctl_out.h"
#include "ctl_schema.h"
#include "import.h"

#define GUARD "truncate_guard"

/** Every revision but the epoch, or those of one dataset. */
#define RAISE_ALL "UPDATE revision SET n = GREATEST(n + 1, DEFAULT(n)) WHERE dataset <> 'epoch'"

/** Rows of `revision` that are missing, before a file makes them: with numbers of the clock, not with those of version 1. */
static int make_rows(ctl *c, const schema_parts *parts)
{
    apr_array_header_t *names = schema_parts_datasets(parts, c->pool);
    int i, rc = CTL_OK;

    for (i = 0; i < names->nelts && rc == CTL_OK; i++) {
        rc = ctl_db_run(c, NULL, "INSERT IGNORE INTO revision (dataset) VALUES (?)", 1, APR_ARRAY_IDX(names, i, const char *));
    }
    return rc;
}

static int differs(const apr_array_header_t *differences, schema_kind kind)
{
    int i, n = 0;

    for (i = 0; i < differences->nelts; i++) {
        n += APR_ARRAY_IDX(differences, i, schema_difference).kind == kind;
    }
    return n;
}

/** Takes keys off the tables that they went away with. The guard is made anew as a whole, by its file. */
static int free_keys(ctl *c, const apr_array_header_t *differences)
{
    int i, rc = differs(differences, SCHEMA_KEY) ? ctl_db_exec(c, "DROP TABLE IF EXISTS " GUARD) : CTL_OK;

    for (i = 0; i < differences->nelts && rc == CTL_OK; i++) {
        const schema_difference *d = &APR_ARRAY_IDX(differences, i, schema_difference);
        const schema_key *k = d->part;

        if (d->kind == SCHEMA_KEY && d->other && strcmp(k->table, GUARD) != 0) {
            rc = ctl_db_exec(c, apr_psprintf(c->pool, "ALTER TABLE `%s` DROP FOREIGN KEY %s", d->other, k->name));
        }
    }
    return rc;
}

static int make_keys(ctl *c, const apr_array_header_t *differences)
{
    int i, rc = CTL_OK;

    for (i = 0; i < differences->nelts && rc == CTL_OK; i++) {
        const schema_difference *d = &APR_ARRAY_IDX(differences, i, schema_difference);
        const schema_key *k = d->part;

        if (d->kind == SCHEMA_KEY && strcmp(k->table, GUARD) != 0) {
            rc = ctl_db_exec(c, apr_psprintf(c->pool, "ALTER TABLE %s ADD %s", k->table, k->sql));
        }
    }
    return rc;
}

static int make_triggers(ctl *c, const apr_array_header_t *differences)
{
    int i, rc = CTL_OK;

    for (i = 0; i < differences->nelts && rc == CTL_OK; i++) {
        const schema_difference *d = &APR_ARRAY_IDX(differences, i, schema_difference);
        const schema_trigger *t = d->part;

        if (d->kind == SCHEMA_TRIGGER) {
            rc = ctl_db_exec(c, apr_pstrcat(c->pool, "DROP TRIGGER IF EXISTS ", t->name, NULL));
            rc = rc == CTL_OK ? ctl_db_exec(c, t->sql) : rc;
        }
    }
    return rc;
}

/** The sums that triggers keep may have missed something. */
static int derive(ctl *c)
{
    const import_derived *d = *c->verb->database->lead ? import_kss_set.derived : import_customer_set.derived;
    int rc = CTL_OK;

    for (; d && d->sql && rc == CTL_OK; d++) {
        rc = ctl_db_exec(c, d->sql);
    }
    return rc;
}

/** What the files make but for triggers: what is there already stays as it is. */
static int run_rest(ctl *c, const schema_parts *parts)
{
    int i, rc = CTL_OK;

    for (i = 0; i < parts->rest->nelts && rc == CTL_OK; i++) {
        rc = schema_send(c, "the schema files", APR_ARRAY_IDX(parts->rest, i, const char *));
    }
    return rc;
}

int schema_repair(ctl *c, const schema_parts *parts, const apr_array_header_t *differences)
{
    /* Without the table itself nothing was remembered that could be taken for what comes. */
    if ((!differs(differences, SCHEMA_TABLE) && make_rows(c, parts) != CTL_OK)
        || free_keys(c, differences) != CTL_OK || run_rest(c, parts) != CTL_OK || make_keys(c, differences) != CTL_OK
        || make_triggers(c, differences) != CTL_OK || derive(c) != CTL_OK) {
        return CTL_FAILED;
    }
    return ctl_db_exec(c, RAISE_ALL);
}

/* --- touch --- */

static int report(ctl *c, apr_uint64_t raised)
{
    static const out_column columns[] = {{"Raised", OUT_NUMBER}};
    const char *row[] = {apr_psprintf(c->pool, "%" APR_UINT64_T_FMT, raised)};

    ctl_out_row(c, columns, 1, row);
    return CTL_OK;
}

/** Names, for a message. */
static const char *joined(ctl *c, const apr_array_header_t *rows)
{
    const char *list = "";
    int i;

    for (i = 0; i < rows->nelts; i++) {
        list = apr_pstrcat(c->pool, list, i ? ", " : "", CTL_ROW(rows, i)[0], NULL);
    }
    return list;
}

/** Says what of the two is unknown, and what there is. */
static int refuse_dataset(ctl *c, const char *dataset, const char *scope)
{
    apr_array_header_t *datasets, *scopes;
    int known = 0, i;

    if (ctl_db_rows(c, &datasets, c->pool, "SELECT DISTINCT dataset FROM revision WHERE dataset <> 'epoch' ORDER BY 1", 0) != CTL_OK
        || ctl_db_rows(c, &scopes, c->pool, "SELECT scope FROM revision WHERE dataset = ? AND scope <> '' ORDER BY 1", 1,
                       dataset) != CTL_OK) {
        return CTL_FAILED;
    }
    for (i = 0; i < datasets->nelts; i++) {
        known |= strcmp(CTL_ROW(datasets, i)[0], dataset) == 0;
    }
    if (scope && (known || strcmp(dataset, "all") == 0)) {
        return scopes->nelts > 0 ? ctl_fail("there is no '%s' in dataset '%s': there are %s", scope, dataset, joined(c, scopes))
            : ctl_fail("dataset '%s' has no scopes: leave '%s' out", dataset, scope);
    }
    return ctl_fail("there is no dataset '%s': there are all, %s", dataset, joined(c, datasets));
}

int cmd_touch(ctl *c, const char *const *args)
{
    apr_uint64_t raised = 0;
    int rc;

    /* The sums first: who sees the new number must see them. */
    if (schema_require(c) != CTL_OK
        || ((strncmp(args[0], "invoice", 7) == 0 || strcmp(args[0], "all") == 0) && derive(c) != CTL_OK)) {
        return CTL_FAILED;
    }
    rc = args[1] ? ctl_db_run(c, &raised, RAISE_ALL " AND dataset = ? AND scope = ?", 2, args[0], args[1])
       : strcmp(args[0], "all") == 0 ? ctl_db_run(c, &raised, RAISE_ALL, 0)
       : ctl_db_run(c, &raised, RAISE_ALL " AND dataset = ?", 1, args[0]);
    if (rc == CTL_OK && raised == 0) {
        return refuse_dataset(c, args[0], args[1]);
    }
    return rc == CTL_OK ? report(c, raised) : CTL_FAILED;
}
