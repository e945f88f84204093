/* SPDX-License-Identifier: Apache-2.0 */
/**
 * list_plan - checks row sets and writes the statements of whole lists.
 */
#include "lib/api/list_plan.h"

#include <string.h>

#include <apr_strings.h>

#include "lib/api/dataset.h"

/** The select list: the key, then each column with different SQL, a price followed by its flag. */
static const char *select_list(const kiss_rowset *rows, int *columns, apr_pool_t *p)
{
    const char *list = rows->key;
    const kiss_column *c;

    *columns = 1;
    for (c = rows->columns; c && c->name; c++) {
        if (c->sql && strcmp(c->sql, rows->key) != 0) {
            list = apr_pstrcat(p, list, ", ", c->sql, NULL);
            ++*columns;
        }
        if (c->flag) {
            list = apr_pstrcat(p, list, ", ", c->flag, NULL);
            ++*columns;
        }
    }
    return list;
}

/** The condition that selects the part of the rows, NULL for all of them, and the number of its bound values. */
static const char *part_condition(const kiss_rowset *rows, kiss_sql_part part, int *bound, apr_pool_t *p)
{
    char *list;
    int i;

    switch (part) {
    case KISS_SQL_WHOLE:
        *bound = 0;
        return NULL;
    case KISS_SQL_REST:
        *bound = 1;
        return apr_pstrcat(p, rows->key, " >= ?", NULL);
    case KISS_SQL_RANGE:
        *bound = 2;
        return apr_pstrcat(p, rows->key, " >= ? AND ", rows->key, " < ?", NULL);
    case KISS_SQL_NEXT:
        *bound = 2;                     /* the other value is the number of rows to skip */
        return apr_pstrcat(p, rows->key, " >= ?", NULL);
    default:
        *bound = part == KISS_SQL_FEW ? KISS_FEW_KEYS : KISS_MANY_KEYS;
        list = apr_palloc(p, 2 * (apr_size_t)*bound);
        for (i = 0; i < *bound; i++) {
            list[2 * i] = '?';
            list[2 * i + 1] = i + 1 < *bound ? ',' : '\0';
        }
        return apr_pstrcat(p, rows->key, " IN (", list, ")", NULL);
    }
}

/** Fills the statement for a part of a row set. */
static void derive(kiss_statement *s, const kiss_rowset *rows, kiss_sql_part part, apr_pool_t *p)
{
    const char *where = rows->where ? rows->where : "1", *condition;
    const kiss_row_filter *filter;

    for (filter = rows->filter; filter && filter->sql; filter++) {
        where = apr_pstrcat(p, where, " AND ", filter->sql, NULL);
        s->term[s->terms++] = filter->term;
    }
    condition = part_condition(rows, part, &s->bound, p);
    where = condition ? apr_pstrcat(p, where, " AND ", condition, NULL) : where;
    s->bound += s->terms;
    s->rows = rows;
    s->part = part;
    s->writer = rows->columns ? kiss_row_json_writer_make(rows->columns, rows->key, 0, p) : NULL;
    s->text = apr_pstrcat(p, "SELECT ", select_list(rows, &s->columns, p), " FROM ", rows->from, " WHERE ", where,
                          " ORDER BY ", rows->order, part == KISS_SQL_NEXT ? " LIMIT 1 OFFSET ?" : "", NULL);
}

/** Checks what the compiler cannot: an error in a table would show rows to the wrong caller or write invalid JSON. */
static const char *check(const kiss_rowset *rows, int nested, apr_pool_t *p)
{
    const struct kiss_rowset *const *w;
    const kiss_column *c, *d;
    const kiss_row_filter *s;
    int n = 1, nfilters = 0, children = 0, semi_joins = 0;

    for (s = rows->filter; s && s->sql; s++, nfilters++) {
        const char *mark = strchr(s->sql, '?');

        if (!s->term || !mark || strchr(mark + 1, '?')) {
            return apr_psprintf(p, "rows from '%s': row filter '%s' needs one '?' and a term", rows->from, s->sql);
        }
    }
    if (nfilters > KISS_MAX_ROW_FILTERS || (nfilters == 0) != rows->shared || (rows->shared && !nested)) {
        return apr_psprintf(p, "rows from '%s' have no row filter (only nested rows may be shared) or too many", rows->from);
    }
    for (c = rows->columns; c && c->name; c++) {
        if ((c->sql != NULL) + (c->term != 0) + (c->rows != NULL) != 1 || (c->type == KISS_ROWS) != (c->rows != NULL)
            || (c->type == KISS_NET_PRICE) != (c->flag != NULL) || (c->term && c->type != KISS_TEXT)) {
            return apr_psprintf(p, "column %s: needs one of SQL, term and rows, as its type says", c->name);
        }
        for (d = rows->columns; d < c; d++) {
            if (strcmp(d->name, c->name) == 0) {
                return apr_psprintf(p, "column %s is a duplicate", c->name);
            }
        }
        n += (c->sql != NULL) + (c->flag != NULL);
        children += c->rows != NULL;
    }
    for (w = rows->semi_join; w && *w; w++) {
        semi_joins += (*w)->columns == NULL && (*w)->semi_join == NULL;
    }
    if (n > KISS_MAX_COLUMNS || children > KISS_MAX_NESTED || semi_joins > KISS_MAX_NESTED || (nested && children)
        || (w && w != rows->semi_join + semi_joins) || (!nested && !rows->columns)) {
        return apr_psprintf(p,
                          "rows from '%s': too many columns or nested rows, or a semi-join with rows that are not only keys",
                            rows->from);
    }
    return NULL;
}

/** The statements of an API's lists that are being added. */
typedef struct {
    apr_array_header_t *all;        /* of kiss_statement */
    const kiss_api *api;
    const kiss_endpoint *endpoint;  /* the endpoint whose rows are being added */
    apr_pool_t *pool;
} plan_builder;

/** Finds the tables that the SQL of a row set reads. @param reads receives a bit for each of the datasets */
static const char *find_tables(apr_uint64_t *reads, const plan_builder *l, const kiss_rowset *rows)
{
    const kiss_dataset *dataset = l->api->datasets;
    const char *e = kiss_dataset_depend(reads, rows->from, 1, dataset, l->pool);
    const kiss_column *c;
    const kiss_row_filter *s;

    e = e ? e : kiss_dataset_depend(reads, rows->where, 0, dataset, l->pool);
    for (s = rows->filter; s && s->sql && !e; s++) {
        e = kiss_dataset_depend(reads, s->sql, 0, dataset, l->pool);
    }
    for (c = rows->columns; c && c->name && !e; c++) {
        e = kiss_dataset_depend(reads, c->sql, 0, dataset, l->pool);
        e = e ? e : kiss_dataset_depend(reads, c->flag, 0, dataset, l->pool);
    }
    return e;
}

/** Refuses rows from a table whose changes raise none of the revisions in the endpoint's `data`: a 304 would be wrong. */
static const char *check_tables(const plan_builder *l, const kiss_rowset *rows)
{
    const kiss_dataset *dataset = l->api->datasets;
    apr_uint64_t reads = 0;
    const char *e = find_tables(&reads, l, rows);
    int i;

    for (i = 0; !e && dataset[i].table; i++) {
        if ((reads >> i & 1) && !(dataset[i].data & l->endpoint->data)) {
            e = apr_pstrcat(l->pool, "reads ", dataset[i].table, ", of whose changes its data do not tell", NULL);
        }
    }
    return e ? apr_psprintf(l->pool, "%s: SQL %s", l->endpoint->name, e) : NULL;
}

/** The KISS_DATA_ sets whose revisions change with the tables of a row set. */
static unsigned data_of(const plan_builder *l, const kiss_rowset *rows)
{
    const kiss_dataset *dataset = l->api->datasets;
    apr_uint64_t reads = 0;
    unsigned data = 0;
    int i;

    if (!find_tables(&reads, l, rows)) {
        for (i = 0; dataset[i].table; i++) {
            data |= reads >> i & 1 ? dataset[i].data : 0;
        }
    }
    return data;
}

/** What a statement reads, for people: "stock: price, a few keys". */
static const char *name_of(const plan_builder *l, const kiss_rowset *rows, kiss_sql_part part)
{
    static const char *const parts[] = {
        [KISS_SQL_WHOLE] = "all rows",
        [KISS_SQL_RANGE] = "a range",
        [KISS_SQL_REST] = "the last range",
        [KISS_SQL_NEXT] = "the end of a range",
        [KISS_SQL_FEW] = "a few keys",
        [KISS_SQL_MANY] = "many keys"
    };

    const char *tables = apr_pstrmemdup(l->pool, rows->from, strcspn(rows->from, " ")), *at = rows->from;

    while ((at = strstr(at, "JOIN "))) {
        at += strlen("JOIN ");
        tables = apr_pstrcat(l->pool, tables, "+", apr_pstrmemdup(l->pool, at, strcspn(at, " ")), NULL);
    }
    return apr_pstrcat(l->pool, l->endpoint->name, rows->columns ? ": " : ": keys of ", tables, ", ", parts[part], NULL);
}

/** Adds the statement unless another endpoint has added it already. */
static void add_statement(const plan_builder *l, const kiss_rowset *rows, kiss_sql_part part)
{
    kiss_statement *added;
    int i;

    for (i = 0; i < l->all->nelts; i++) {
        const kiss_statement *s = &APR_ARRAY_IDX(l->all, i, kiss_statement);

        if (s->rows == rows && s->part == part) {
            return;
        }
    }
    added = memset(apr_array_push(l->all), 0, sizeof(*added));
    derive(added, rows, part, l->pool);
    added->data = data_of(l, rows);
    added->number = l->all->nelts;
    added->name = name_of(l, rows, part);
}

/** Adds what reads rows by their keys, and what is merged with them. */
static void add_by_key(const plan_builder *l, const kiss_rowset *rows)
{
    const struct kiss_rowset *const *w;
    const kiss_column *c;

    add_statement(l, rows, KISS_SQL_FEW);
    add_statement(l, rows, KISS_SQL_MANY);
    for (w = rows->semi_join; w && *w; w++) {
        add_by_key(l, *w);
    }
    for (c = rows->columns; c && c->name; c++) {
        if (c->rows) {
            add_statement(l, c->rows, KISS_SQL_FEW);
            add_statement(l, c->rows, KISS_SQL_MANY);
        }
    }
}

static const char *check_rows(const plan_builder *l, const kiss_rowset *rows, int nested)
{
    const char *e = check(rows, nested, l->pool);

    return e ? e : check_tables(l, rows);
}

/** Adds rows, as a whole or in parts. `nested`: they are merged with others and may be without filter. */
static const char *add(const plan_builder *l, const kiss_rowset *rows, int parts, int nested)
{
    const char *e = check_rows(l, rows, nested);

    if (!e && parts) {
        add_statement(l, rows, KISS_SQL_RANGE);
        add_statement(l, rows, KISS_SQL_REST);
    }
    else if (!e) {
        add_statement(l, rows, KISS_SQL_WHOLE);
    }
    return e;
}

/** Adds the rows of a list, and all row sets that are merged with them. */
static const char *add_list(const plan_builder *l, const kiss_rowset *rows)
{
    int parts = rows->driving_keys && !rows->if_short;
    const char *error = add(l, rows, parts, 0);
    const struct kiss_rowset *const *w;
    const kiss_column *c;

    for (w = rows->semi_join; w && *w && !error; w++) {
        error = add(l, *w, parts, 1);
    }
    for (c = rows->columns; !error && c->name; c++) {
        error = c->rows ? add(l, c->rows, parts, 1) : NULL;
    }
    if (!error && rows->if_short) {
        error = rows->if_short->columns != rows->columns || rows->if_short->semi_join || rows->if_short->driving_keys
            || !rows->driving_keys
                ? "if_short must have the columns of the other rows, no semi-joins and no driving keys"
                : add(l, rows->if_short, 0, 0);
    }
    if (!error && rows->driving_keys) {
        error = rows->driving_keys->columns ? "driving keys have no columns" : check_rows(l, rows->driving_keys, 1);
        add_statement(l, rows->driving_keys, KISS_SQL_NEXT);
    }
    if (!error) {
        add_by_key(l, rows);
    }
    return error;
}

const char *kiss_list_plan_add(apr_array_header_t *all, const kiss_api *api, apr_pool_t *p)
{
    plan_builder l = { all, api, api->endpoints, p };
    const char *error = NULL;

    for (; l.endpoint->path && !error; l.endpoint++) {
        error = l.endpoint->run == KISS_RUN_LIST ? add_list(&l, l.endpoint->rows) : NULL;
    }
    return error;
}

const kiss_statement *kiss_list_plan_find(const kiss_plan *plan, const kiss_rowset *rows, kiss_sql_part part)
{
    int i;

    for (i = 0; i < plan->count; i++) {
        if (plan->statements[i].rows == rows && plan->statements[i].part == part) {
            return &plan->statements[i];
        }
    }
    return NULL;
}
