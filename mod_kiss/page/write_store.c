/* SPDX-License-Identifier: Apache-2.0 */
/**
 * write_store - reads and writes objects by the statements of their plan.
 */
#include "page/write_store.h"

#include <string.h>

#include "lib/base/quote.h"
#include "lib/import/import_table.h"

/* --- reading --- */

static const char **copy_row(const kiss_value *row, int n, apr_pool_t *p)
{
    const char **values = apr_palloc(p, (apr_size_t)n * sizeof(*values));
    int i;

    for (i = 0; i < n; i++) {
        values[i] = row[i].data ? apr_pstrmemdup(p, row[i].data, row[i].len) : NULL;
    }
    return values;
}

static kiss_db_status read_rows(apr_array_header_t **rows, kiss_db_conn *conn, const kiss_statement *s, const char *key,
                                apr_pool_t *p)
{
    const kiss_value *row;
    kiss_db_cursor *cursor;
    kiss_db_status status = kiss_db_select(&cursor, conn, s, &key, p);

    *rows = apr_array_make(p, 4, sizeof(const char **));
    while (status == KISS_DB_OK && (status = kiss_db_next(cursor, &row)) == KISS_DB_OK && row) {
        APR_ARRAY_PUSH(*rows, const char **) = copy_row(row, s->columns, p);
    }
    return status;
}

/** A statement that is not derived from columns. */
static kiss_statement simple(const char *text, int bound, int columns)
{
    kiss_statement s;

    memset(&s, 0, sizeof(s));
    s.text = text;
    s.bound = bound;
    s.columns = columns;
    return s;
}

kiss_db_status kiss_write_store_read(kiss_write_object *object, int *owned, kiss_db_conn *conn, const kiss_write_plan *plan,
                                     const char *key, int lock, apr_pool_t *p)
{
    const kiss_value *row;
    apr_array_header_t *rows;
    kiss_db_status status = read_rows(&rows, conn, lock ? &plan->self.lock : &plan->self.read, key, p);
    int i;

    memset(object, 0, sizeof(*object));
    *owned = 0;
    if (status != KISS_DB_OK || rows->nelts == 0) {
        return status;
    }
    object->self = APR_ARRAY_IDX(rows, 0, const char **);
    for (i = 0; i < plan->nnested && status == KISS_DB_OK; i++) {
        status = read_rows(&object->nested[i], conn, lock ? &plan->nested[i].lock : &plan->nested[i].read, key, p);
    }
    if (status == KISS_DB_OK && plan->set->owner) {
        kiss_statement s = simple(apr_pstrcat(p, "SELECT 1 FROM ", plan->set->owner, " WHERE ", plan->self.column[0]->db,
                                              " = ?", NULL), 1, 1);

        status = kiss_db_row(&row, conn, &s, &key, p);
        *owned = status == KISS_DB_OK && row;
    }
    return status;
}

/** Looks up the references of the rows of a table. */
static kiss_db_status look_up(const char **fault, kiss_db_conn *conn, const kiss_write_plan *plan, const kiss_write_table *t,
                              const apr_array_header_t *rows, apr_pool_t *p)
{
    kiss_db_status status = KISS_DB_OK;
    int i, j;

    for (j = 1; j < t->n; j++) {
        const import_file *parent = t->column[j]->parent ? import_file_of(&import_customer_set, t->column[j]->parent) : NULL;

        for (i = 0; parent && parent != plan->self.file && i < rows->nelts && status == KISS_DB_OK && !*fault; i++) {
            const char *value = APR_ARRAY_IDX(rows, i, const char **)[j];
            kiss_statement s = simple(apr_pstrcat(p, "SELECT 1 FROM ", parent->table, " WHERE ",
                                                  import_key_of(parent)->db, " = ?", NULL), 1, 1);
            const kiss_value *row = NULL;

            status = value ? kiss_db_row(&row, conn, &s, &value, p) : KISS_DB_OK;
            if (status == KISS_DB_OK && value && !row) {
                *fault = apr_psprintf(p, "%s[%d].%s: %s is not known (%s of the import).", t->name, i, t->member[j],
                                      kiss_quote(p, value, strlen(value)), parent->file);
            }
        }
    }
    return status;
}

kiss_db_status kiss_write_store_references(const char **fault, kiss_db_conn *conn, const kiss_write_plan *plan,
                                           const kiss_write_object *object, apr_pool_t *p)
{
    kiss_db_status status = KISS_DB_OK;
    int i;

    *fault = NULL;
    for (i = 0; i < plan->nnested && status == KISS_DB_OK && !*fault; i++) {
        if (object->nested[i]) {
            status = look_up(fault, conn, plan, &plan->nested[i], object->nested[i], p);
        }
    }
    return status;
}

/* --- writing --- */

static int equal(const char *a, const char *b)
{
    return a == b || (a && b && strcmp(a, b) == 0);
}

/** 1 when the columns that are the key, or the others, are the same. */
static int same(const kiss_write_table *t, const char *const *a, const char *const *b, int key)
{
    int i;

    for (i = 0; i < t->n; i++) {
        if (kiss_write_plan_is_key(t->column[i]) == key && !equal(a[i], b[i])) {
            return 0;
        }
    }
    return 1;
}

/** The row with the same key, or NULL. */
static const char *const *find(const kiss_write_table *t, const apr_array_header_t *rows, const char *const *row)
{
    int i;

    for (i = 0; rows && i < rows->nelts; i++) {
        if (same(t, APR_ARRAY_IDX(rows, i, const char **), row, 1)) {
            return APR_ARRAY_IDX(rows, i, const char **);
        }
    }
    return NULL;
}

/** Appends the values of the key to those of a statement. @return their number */
static int add_key(const char **args, int n, const kiss_write_table *t, const char *const *row)
{
    int i;

    for (i = 0; i < t->n; i++) {
        if (kiss_write_plan_is_key(t->column[i])) {
            args[n++] = row[i];
        }
    }
    return n;
}

static kiss_db_status remove_row(kiss_db_conn *conn, const kiss_write_table *t, const char *const *row)
{
    const char *args[KISS_MAX_WRITE_COLUMNS];

    add_key(args, 0, t, row);
    return kiss_db_execute(conn, &t->remove, args);
}

/** Inserts a row, or changes the one that is there, unless it is the same. @param wrote is set to 1 when it was not */
static kiss_db_status put_row(kiss_db_conn *conn, const kiss_write_table *t, const char *const *old, const char *const *row,
                              int *wrote)
{
    const char *args[2 * KISS_MAX_WRITE_COLUMNS];

    if (old && same(t, old, row, 0)) {
        return KISS_DB_OK;
    }
    *wrote = 1;
    memcpy(args, row, (apr_size_t)t->n * sizeof(*args));
    if (!old) {
        return kiss_db_execute(conn, &t->insert, args);
    }
    add_key(args, t->n, t, row);
    return kiss_db_execute(conn, &t->update, args);
}

/** Makes the rows of a table those of `rows`. */
static kiss_db_status replace(kiss_db_conn *conn, const kiss_write_table *t, const apr_array_header_t *old,
                              const apr_array_header_t *rows, int *wrote)
{
    kiss_db_status status = KISS_DB_OK;
    int i;

    for (i = 0; old && i < old->nelts && status == KISS_DB_OK; i++) {
        const char *const *row = APR_ARRAY_IDX(old, i, const char **);

        if (!find(t, rows, row)) {
            *wrote = 1;
            status = remove_row(conn, t, row);
        }
    }
    for (i = 0; i < rows->nelts && status == KISS_DB_OK; i++) {
        const char *const *row = APR_ARRAY_IDX(rows, i, const char **);

        status = put_row(conn, t, find(t, old, row), row, wrote);
    }
    return status;
}

/** The values of the object, those that are absent as they are; adds the names of those that differ. */
static const char **merge(const char **changed, const kiss_write_table *t, const char *const *old, const char *const *values,
                          apr_pool_t *p)
{
    const char **merged = apr_pmemdup(p, values, (apr_size_t)t->n * sizeof(*merged));
    int i;

    for (i = 0; i < t->n; i++) {
        merged[i] = values[i] == kiss_write_absent && old ? old[i] : values[i];
        if (!old || !equal(merged[i], old[i])) {
            *changed = apr_pstrcat(p, *changed, **changed ? "," : "", t->member[i], NULL);
        }
    }
    return merged;
}

kiss_db_status kiss_write_store_change(const char **changed, kiss_db_conn *conn, const kiss_write_plan *plan,
                                       const kiss_write_object *old, const kiss_write_object *object, apr_pool_t *p)
{
    const char **self;
    kiss_db_status status;
    int i, j, wrote = 0;

    *changed = "";
    self = merge(changed, &plan->self, old->self, object->self, p);
    status = put_row(conn, &plan->self, old->self, self, &wrote);
    for (i = 0; i < plan->nnested && status == KISS_DB_OK; i++) {
        apr_array_header_t *rows = object->nested[i];

        for (j = 0; rows && j < rows->nelts; j++) {
            APR_ARRAY_IDX(rows, j, const char **)[0] = self[0];
        }
        wrote = 0;
        status = rows ? replace(conn, &plan->nested[i], old->nested[i], rows, &wrote) : KISS_DB_OK;
        if (wrote) {
            *changed = apr_pstrcat(p, *changed, **changed ? "," : "", plan->nested[i].name, NULL);
        }
    }
    return status;
}

kiss_db_status kiss_write_store_remove(kiss_db_conn *conn, const kiss_write_plan *plan, const kiss_write_object *object,
                                       apr_pool_t *p)
{
    const apr_array_header_t *none = apr_array_make(p, 1, sizeof(const char **));
    kiss_db_status status = KISS_DB_OK;
    int i, wrote;

    for (i = 0; i < plan->nnested && status == KISS_DB_OK; i++) {
        /* Where the import demands the object, the table has a foreign key. */
        if (plan->nested[i].column[0]->parent) {
            status = replace(conn, &plan->nested[i], object->nested[i], none, &wrote);
        }
    }
    return status == KISS_DB_OK ? remove_row(conn, &plan->self, object->self) : status;
}

kiss_db_status kiss_write_store_own(kiss_db_conn *conn, const kiss_write_plan *plan, const char *key, const char *admin,
                                    apr_pool_t *p)
{
    const char *args[] = { key, admin };
    kiss_statement s = simple(apr_pstrcat(p, "INSERT INTO ", plan->set->owner, " (", plan->self.column[0]->db,
                                          ", admin_code) VALUES (?, ?) ON DUPLICATE KEY UPDATE admin_code = VALUES(admin_code)",
                                          NULL), 2, 0);

    return kiss_db_execute(conn, &s, args);
}

kiss_db_status kiss_write_store_audit(kiss_db_conn *conn, const kiss_write_plan *plan, const char *key, const char *changed)
{
    const kiss_req *k = kiss_db_request(conn);
    const char *args[] = { k->principal, k->r->method, plan->set->item, key, changed, k->request_id };
    kiss_statement s = simple("INSERT INTO admin_audit (written_at, admin_code, method, dataset, sku, members, request_id)"
                              " VALUES (UTC_TIMESTAMP(6), ?, ?, ?, ?, ?, ?)", 6, 0);

    return kiss_db_execute(conn, &s, args);
}
