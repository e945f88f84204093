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

/**
 * The names of columns.
 *
 * @param lead  before each of them
 * @param after after each
 * @param which 0: all of them; 1: the key of their table; 2: the key of the object
 */
static const char *list(const kiss_write_table *t, const char *lead, const char *after, const char *between, int which,
                        apr_pool_t *p)
{
    const char *text = "";
    int i;

    for (i = 0; i < (which == 2 ? t->keys : t->n); i++) {
        if (which != 1 || kiss_write_plan_is_key(t->column[i])) {
            text = apr_pstrcat(p, text, *text ? between : "", lead, t->column[i]->db, after, NULL);
        }
    }
    return text;
}

kiss_statement kiss_write_plan_statement(const char *text, int columns)
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

/** 1 when a column is among those by which the rows are found. */
static int is_given(const kiss_write_table *t, const char *db)
{
    int i;

    for (i = 0; i < t->keys && strcmp(t->column[i]->db, db) != 0; i++) {
        continue;
    }
    return i < t->keys;
}

/**
 * "SELECT ... FROM ... WHERE". The key of a table with scopes begins with the scope: where that is not given, rows
 * are found in one scope after the other. Else all rows would be read, and locked.
 */
static const char *select_from(const kiss_write_table *t, const import_set *imports, apr_pool_t *p)
{
    const import_file *def = t->file, *scopes = NULL;
    int i;

    for (i = 0; def->scope && !is_given(t, def->scope) && i < t->n; i++) {
        if (strcmp(t->column[i]->db, def->scope) == 0 && t->column[i]->parent) {
            scopes = import_file_of(imports, t->column[i]->parent);
        }
    }
    return apr_pstrcat(p, "SELECT ", list(t, "t.", "", ", ", 0, p), " FROM ",
                       !scopes ? "" : apr_pstrcat(p, scopes->table, " s STRAIGHT_JOIN ", NULL), def->table, " t",
                       !scopes ? "" : apr_pstrcat(p, " ON t.", def->scope, " = s.", import_key_of(scopes)->db, NULL),
                       " WHERE ", NULL);
}

/** Derives the statements of a table. */
static void derive(kiss_write_table *t, const import_set *imports, apr_pool_t *p)
{
    const char *table = t->file->table, *from = select_from(t, imports, p), *marks = "?", *key = t->column[0]->db;
    const char *by = list(t, "", " = ?", " AND ", 1, p), *order = list(t, "t.", "", ", ", 1, p);
    const char *read = apr_pstrcat(p, from, list(t, "t.", " = ?", " AND ", 2, p), " ORDER BY ", order, NULL);
    int i;

    for (i = 1; i < t->n; i++) {
        marks = apr_pstrcat(p, marks, ", ?", NULL);
    }
    t->read = kiss_write_plan_statement(read, t->n);
    t->lock = kiss_write_plan_statement(apr_pstrcat(p, read, " FOR UPDATE", NULL), t->n);
    if (t->keys == 1) {
        const char *range = t->name ? apr_pstrcat(p, " AND t.", key, " <= ?", NULL) : "";

        t->page = kiss_write_plan_statement(apr_pstrcat(p, from, "t.", key, " > ?", range, " ORDER BY ", order,
                                                        t->name ? "" : " LIMIT ?", NULL), t->n);
    }
    t->insert = kiss_write_plan_statement(apr_pstrcat(p, "INSERT INTO ", table, " (", list(t, "", "", ", ", 0, p),
                                                      ") VALUES (", marks, ")", NULL), 0);
    t->update = kiss_write_plan_statement(apr_pstrcat(p, "UPDATE ", table, " SET ", list(t, "", " = ?", ", ", 0, p),
                                                      " WHERE ", by, NULL), 0);
    t->remove = kiss_write_plan_statement(apr_pstrcat(p, "DELETE FROM ", table, " WHERE ", by, NULL), 0);
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

/** Adds all columns of members. @param owner the object that the rows belong to; NULL: it is the object itself */
static const char *make_table(kiss_write_table *t, const char *file, const kiss_write_member *members,
                              const kiss_write_table *owner, const import_set *imports, apr_pool_t *p)
{
    const char *e = NULL;
    int i;

    t->file = import_file_of(imports, file);
    if (!t->file) {
        return apr_psprintf(p, "%s is no file of the import", file);
    }
    for (i = 0; owner && i < t->keys && !e; i++) {
        e = add(t, NULL, owner->column[i]->csv, imports, p);
    }
    for (; members->name && !e; members++) {
        e = add(t, members->name, members->csv, imports, p);
    }
    if (!e && t->n < t->keys) {
        return apr_psprintf(p, "%s: it has fewer members than its key", file);
    }
    if (!e) {
        derive(t, imports, p);
    }
    return e;
}

const char *kiss_write_plan_make(kiss_write_plan **plan, const kiss_writeset *set, const import_set *imports, apr_pool_t *p)
{
    kiss_write_plan *made = apr_pcalloc(p, sizeof(*made));
    const kiss_write_rows *rows;
    const char *e;

    made->set = set;
    made->self.keys = set->keys;
    e = make_table(&made->self, set->file, set->members, NULL, imports, p);
    for (rows = set->nested; rows && rows->name && !e; rows++) {
        kiss_write_table *t = &made->nested[made->nnested];

        if (made->nnested++ == KISS_MAX_WRITE_ROWS - 1) {
            return "too many arrays";
        }
        t->name = rows->name;
        t->keys = set->keys;
        e = make_table(t, rows->file, rows->members, &made->self, imports, p);
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
    texts[2] = t->page.text;
    texts[3] = t->insert.text;
    texts[4] = t->update.text;
    texts[5] = t->remove.text;
}

int kiss_write_plan_statements(const kiss_plan *plan)
{
    int i, n = 0;

    for (i = 0; i < plan->writes->nelts; i++) {
        n += KISS_WRITE_STATEMENTS * (1 + APR_ARRAY_IDX(plan->writes, i, const kiss_write_plan *)->nnested);
    }
    return n;
}
