/* SPDX-License-Identifier: Apache-2.0 */
/**
 * schema_repair - puts back what a database lacks, and raises its revisions.
 */
#include "schema_repair.h"

#include <string.h>

#include <apr_strings.h>

#include "ctl_db.h"
#include "schema_files.h"

#define GUARD "truncate_guard"

/** Rows of `revision` that are missing, before a file makes them: with numbers of the clock, not with those of version 1. */
static int make_rows(ctl *c, const schema_parts *parts)
{
    apr_array_header_t *names = schema_parts_datasets(parts, c->pool);
    int i, rc = CTL_OK;

    for (i = 0; i < names->nelts && rc == CTL_OK; i++) {
        rc = ctl_db_run(c, NULL, "INSERT IGNORE INTO revision (dataset) VALUES (?)", 1,
                        APR_ARRAY_IDX(names, i, const char *));
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

/** What the files make but for triggers: what is there already stays as it is. */
static int run_rest(ctl *c, const schema_parts *parts)
{
    int i, rc = CTL_OK;

    for (i = 0; i < parts->rest->nelts && rc == CTL_OK; i++) {
        rc = schema_send(c, "the schema files", APR_ARRAY_IDX(parts->rest, i, const char *));
    }
    return rc;
}

int schema_repair(ctl *c, const schema_parts *parts, const apr_array_header_t *differences, int (*derive)(ctl *c))
{
    /* Without the table itself nothing was remembered that could be taken for what comes. */
    if ((!differs(differences, SCHEMA_TABLE) && make_rows(c, parts) != CTL_OK)
        || free_keys(c, differences) != CTL_OK || run_rest(c, parts) != CTL_OK || make_keys(c, differences) != CTL_OK
        || make_triggers(c, differences) != CTL_OK || derive(c) != CTL_OK) {
        return CTL_FAILED;
    }
    return ctl_db_exec(c, SCHEMA_RAISE_ALL);
}
