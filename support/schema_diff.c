/* SPDX-License-Identifier: Apache-2.0 */
/**
 * schema_diff - compares a database with the schema files: tables, triggers with table and body, foreign keys, revisions.
 */
#include "schema_diff.h"

#include <string.h>

#include <apr_strings.h>

#include "ctl_db.h"
#include "schema_files.h"

int schema_parts_read(ctl *c, schema_parts **parts)
{
    apr_array_header_t *files;
    const char *text;
    int i;

    if (schema_files(c, &files) != CTL_OK) {
        return CTL_FAILED;
    }
    *parts = schema_parts_make(c->pool);
    for (i = 0; i < files->nelts; i++) {
        if (schema_file_text(c, &APR_ARRAY_IDX(files, i, schema_file), &text) != CTL_OK) {
            return CTL_FAILED;
        }
        schema_parts_add(*parts, text, c->pool);
    }
    return CTL_OK;
}

static void add(apr_array_header_t *list, schema_kind kind, const void *part, const char *other, const char *text)
{
    schema_difference *d = apr_array_push(list);

    d->kind = kind;
    d->part = part;
    d->other = other;
    d->text = text;
}

/** The row whose first column is `name`, or NULL. */
static const char **row_of(apr_array_header_t *rows, const char *name)
{
    int i;

    for (i = 0; i < rows->nelts; i++) {
        if (strcmp(CTL_ROW(rows, i)[0], name) == 0) {
            return CTL_ROW(rows, i);
        }
    }
    return NULL;
}

static int diff_tables(ctl *c, const schema_parts *parts, apr_array_header_t *list)
{
    apr_array_header_t *rows;
    int i;

    if (ctl_db_rows(c, &rows, c->pool, "SELECT table_name, COALESCE(engine, ''), COALESCE(create_options, '') LIKE"
                    " '%partitioned%' FROM information_schema.tables WHERE table_schema = DATABASE()", 0) != CTL_OK) {
        return CTL_FAILED;
    }
    for (i = 0; i < parts->tables->nelts; i++) {
        const char *name = APR_ARRAY_IDX(parts->tables, i, const char *), **row = row_of(rows, name);

        if (!row) {
            add(list, SCHEMA_TABLE, NULL, NULL, apr_pstrcat(c->pool, "missing: ", name, NULL));
        }
        else if (strcmp(row[1], "InnoDB") != 0 || *row[2] == '1') {
            add(list, SCHEMA_TABLE, NULL, NULL, apr_pstrcat(c->pool, "table ", name, *row[2] == '1'
                ? " has partitions, which can be emptied past the triggers" : " is not kept by InnoDB", NULL));
        }
    }
    return CTL_OK;
}

static int diff_triggers(ctl *c, const schema_parts *parts, apr_array_header_t *list)
{
    apr_array_header_t *rows;
    int i;

    if (ctl_db_rows(c, &rows, c->pool, "SELECT trigger_name, event_object_table, event_manipulation, action_timing,"
                    " action_statement FROM information_schema.triggers WHERE trigger_schema = DATABASE()", 0) != CTL_OK) {
        return CTL_FAILED;
    }
    for (i = 0; i < parts->triggers->nelts; i++) {
        const schema_trigger *t = &APR_ARRAY_IDX(parts->triggers, i, schema_trigger);
        const char **row = row_of(rows, t->name);

        if (!row) {
            add(list, SCHEMA_TRIGGER, t, NULL, apr_pstrcat(c->pool, "missing: ", t->name, NULL));
        }
        else if (strcmp(row[1], t->table) != 0) {
            add(list, SCHEMA_TRIGGER, t, row[1], apr_psprintf(c->pool, "trigger %s hangs on table %s, not on %s", t->name,
                                                              row[1], t->table));
        }
        else if (strcmp(row[2], t->event) != 0 || strcmp(row[3], t->timing) != 0 || !schema_parts_same(row[4], t->body)) {
            add(list, SCHEMA_TRIGGER, t, NULL, apr_psprintf(c->pool, "trigger %s does something else than sql/ says",
                                                                t->name));
        }
    }
    return CTL_OK;
}

static int diff_keys(ctl *c, const schema_parts *parts, apr_array_header_t *list)
{
    apr_array_header_t *rows;
    int i;

    if (ctl_db_rows(c, &rows, c->pool, "SELECT constraint_name, table_name, referenced_table_name"
                    " FROM information_schema.referential_constraints WHERE constraint_schema = DATABASE()", 0) != CTL_OK) {
        return CTL_FAILED;
    }
    for (i = 0; i < parts->keys->nelts; i++) {
        const schema_key *k = &APR_ARRAY_IDX(parts->keys, i, schema_key);
        const char **row = row_of(rows, k->name);

        if (!row) {
            add(list, SCHEMA_KEY, k, NULL, apr_psprintf(c->pool, "foreign key %s of table %s is missing", k->name,
                                                            k->table));
        }
        else if (strcmp(row[1], k->table) != 0 || strcmp(row[2], k->parent) != 0) {
            add(list, SCHEMA_KEY, k, row[1], apr_psprintf(c->pool, "foreign key %s leads from %s to %s, not from %s to %s",
                                                          k->name, row[1], row[2], k->table, k->parent));
        }
    }
    return CTL_OK;
}

/** Rows of the Customer API's lists and warehouses; the KSS API has no scopes. */
#define SCOPED "SELECT CONCAT('prices ', l.price_list_code) FROM price_list l LEFT JOIN revision r" \
    " ON r.dataset = 'prices' AND r.scope = l.price_list_code WHERE r.n IS NULL" \
    " UNION ALL SELECT CONCAT('listing ', l.price_list_code) FROM price_list l LEFT JOIN revision r" \
    " ON r.dataset = 'listing' AND r.scope = l.price_list_code WHERE r.n IS NULL" \
    " UNION ALL SELECT CONCAT('stock ', w.stock_location) FROM warehouse w LEFT JOIN revision r" \
    " ON r.dataset = 'stock' AND r.scope = w.stock_location WHERE r.n IS NULL"

static int diff_rows(ctl *c, const schema_parts *parts, apr_array_header_t *list)
{
    apr_array_header_t *names = schema_parts_datasets(parts, c->pool), *rows;
    int i;

    APR_ARRAY_PUSH(names, const char *) = "epoch";
    if (ctl_db_rows(c, &rows, c->pool, "SELECT dataset FROM revision WHERE scope = ''", 0) != CTL_OK) {
        return CTL_FAILED;
    }
    for (i = 0; i < names->nelts; i++) {
        const char *name = APR_ARRAY_IDX(names, i, const char *);

        if (!row_of(rows, name)) {
            add(list, SCHEMA_ROW, NULL, NULL, apr_psprintf(c->pool, "revision %s has no row", name));
        }
    }
    if (*c->verb->database->lead) {
        return CTL_OK;
    }
    if (ctl_db_rows(c, &rows, c->pool, SCOPED, 0) != CTL_OK) {
        return CTL_FAILED;
    }
    for (i = 0; i < rows->nelts; i++) {
        add(list, SCHEMA_ROW, NULL, NULL, apr_psprintf(c->pool, "revision %s has no row", CTL_ROW(rows, i)[0]));
    }
    return CTL_OK;
}

int schema_diff(ctl *c, const schema_parts *parts, apr_array_header_t **differences)
{
    *differences = apr_array_make(c->pool, 16, sizeof(schema_difference));
    if (diff_tables(c, parts, *differences) != CTL_OK) {
        return CTL_FAILED;
    }
    /* The others are recognised by tables that must exist. */
    if ((*differences)->nelts == 0 && diff_rows(c, parts, *differences) != CTL_OK) {
        return CTL_FAILED;
    }
    return diff_triggers(c, parts, *differences) != CTL_OK ? CTL_FAILED : diff_keys(c, parts, *differences);
}

int schema_diff_foreign(ctl *c, const schema_parts *parts, apr_array_header_t **triggers)
{
    apr_array_header_t *rows;
    int i, j;

    *triggers = apr_array_make(c->pool, 4, sizeof(const char *));
    if (ctl_db_rows(c, &rows, c->pool, "SELECT trigger_name, event_object_table FROM information_schema.triggers"
                    " WHERE trigger_schema = DATABASE() ORDER BY 1", 0) != CTL_OK) {
        return CTL_FAILED;
    }
    for (i = 0; i < rows->nelts; i++) {
        const char **row = CTL_ROW(rows, i);

        for (j = 0; j < parts->triggers->nelts
                    && strcmp(APR_ARRAY_IDX(parts->triggers, j, schema_trigger).name, row[0]) != 0; j++) {
        }
        if (j == parts->triggers->nelts) {
            APR_ARRAY_PUSH(*triggers, const char *) = apr_pstrcat(c->pool, row[0], " ON ", row[1], NULL);
        }
    }
    return CTL_OK;
}
