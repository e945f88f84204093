/* SPDX-License-Identifier: Apache-2.0 */
/**
 * write_plan - derives tables and statements of what is written.
 */
#include "lib/api/write_plan.h"

#include <string.h>

#include <apr_strings.h>

int kiss_write_plan_is_key(const import_column *column)
{
    return (column->flags & IMPORT_KEY) != 0;
}

/** The names of the columns, joined by commas, each followed by `after`. @param keys 1: of those that are the key only */
static const char *list(const kiss_write_table *t, const char *between, const char *after, int keys, apr_pool_t *p)
{
    const char *text = "";
    int i;

    for (i = 0; i < t->n; i++) {
        if (!keys || kiss_write_plan_is_key(t->column[i])) {
            text = apr_pstrcat(p, text, *text ? between : "", t->column[i]->db, after, NULL);
        }
    }
    return text;
}

static kiss_statement statement(const char *text, int columns)
{
    kiss_statement s;

    memset(&s, 0, sizeof(s));
    s.text = text;
    s.columns = columns;
    for (; *text; text++) {
        s.bound += *text == '?';
    }
    return s;
}

/** Derives the statements of a table. @param key the column by which its rows are found */
static void derive(kiss_write_table *t, const import_column *key, apr_pool_t *p)
{
    const char *table = t->file->table, *all = list(t, ", ", "", 0, p), *marks = "?", *by = list(t, " AND ", " = ?", 1, p);
    const char *read = apr_pstrcat(p, "SELECT ", all, " FROM ", table, " WHERE ", key->db, " = ? ORDER BY ",
                                   list(t, ", ", "", 1, p), NULL);
    int i;

    for (i = 1; i < t->n; i++) {
        marks = apr_pstrcat(p, marks, ", ?", NULL);
    }
    t->read = statement(read, t->n);
    t->lock = statement(apr_pstrcat(p, read, " FOR UPDATE", NULL), t->n);
    t->insert = statement(apr_pstrcat(p, "INSERT INTO ", table, " (", all, ") VALUES (", marks, ")", NULL), 0);
    t->update = statement(apr_pstrcat(p, "UPDATE ", table, " SET ", list(t, ", ", " = ?", 0, p), " WHERE ", by, NULL), 0);
    t->remove = statement(apr_pstrcat(p, "DELETE FROM ", table, " WHERE ", by, NULL), 0);
}

/** Adds the column of a member. @return NULL, or an error text */
static const char *add(kiss_write_table *t, const char *name, const char *csv, const import_set *imports, apr_pool_t *p)
{
    const import_column *column = import_column_of(imports, t->file->file, csv);

    if (!column || t->n == KISS_MAX_WRITE_COLUMNS) {
        return apr_psprintf(p, "%s: %s is no column of the import, or one too many", t->file->file, csv);
    }
    t->member[t->n] = name;
    t->column[t->n++] = column;
    return NULL;
}

/** @param key column of the key of what the rows belong to; NULL: it is the object itself */
static const char *make_table(kiss_write_table *t, const char *name, const char *file, const kiss_write_member *members,
                              const import_column *key, const import_set *imports, apr_pool_t *p)
{
    const char *e = NULL;

    t->name = name;
    t->file = import_file_of(imports, file);
    if (!t->file) {
        return apr_psprintf(p, "%s is no file of the import", file);
    }
    if (key) {
        e = add(t, NULL, key->csv, imports, p);
    }
    for (; members->name && !e; members++) {
        e = add(t, members->name, members->csv, imports, p);
    }
    if (!e) {
        derive(t, t->column[0], p);
    }
    return e;
}

const char *kiss_write_plan_make(kiss_write_plan **plan, const kiss_writeset *set, const import_set *imports, apr_pool_t *p)
{
    kiss_write_plan *made = apr_pcalloc(p, sizeof(*made));
    const kiss_write_rows *rows;
    const char *e = make_table(&made->self, NULL, set->file, set->members, NULL, imports, p);

    made->set = set;
    for (rows = set->nested; rows && rows->name && !e; rows++) {
        e = made->nnested == KISS_MAX_WRITE_ROWS ? "too many arrays"
          : make_table(&made->nested[made->nnested++], rows->name, rows->file, rows->members, made->self.column[0], imports,
                       p);
    }
    *plan = made;
    return e;
}

const kiss_write_plan *kiss_write_plan_of(const kiss_plan *plan, const kiss_writeset *set)
{
    int i;

    for (i = 0; i < plan->writes->nelts; i++) {
        const kiss_write_plan *found = APR_ARRAY_IDX(plan->writes, i, const kiss_write_plan *);

        if (found->set == set) {
            return found;
        }
    }
    return NULL;
}

void kiss_write_plan_texts(const char *texts[KISS_WRITE_STATEMENTS], const kiss_write_table *t)
{
    texts[0] = t->read.text;
    texts[1] = t->lock.text;
    texts[2] = t->insert.text;
    texts[3] = t->update.text;
    texts[4] = t->remove.text;
}

int kiss_write_plan_statements(const kiss_plan *plan)
{
    int i, n = 0;

    for (i = 0; i < plan->writes->nelts; i++) {
        n += KISS_WRITE_STATEMENTS * (1 + APR_ARRAY_IDX(plan->writes, i, const kiss_write_plan *)->nnested);
    }
    return n;
}
