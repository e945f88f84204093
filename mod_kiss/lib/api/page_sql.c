/* SPDX-License-Identifier: Apache-2.0 */
/**
 * page_sql - writes the statements of pages and records, for each endpoint and role.
 */
#include "lib/api/page_sql.h"

#include <string.h>

#include <apr_strings.h>

#include "lib/api/dataset.h"

static const char *expression(const kiss_column *c, kiss_role role, apr_pool_t *p)
{
    const char *sql = c->for_role[role] ? c->for_role[role] : c->sql;

    return c->type == KISS_FIXED ? apr_psprintf(p, "CAST(%s AS DECIMAL(30,%u))", sql, c->scale) : sql;
}

/** The condition of a parameter for a role. */
static const char *condition(const kiss_param *param, kiss_role role)
{
    const char *own = role == KISS_ROLE_SUPPLIER ? param->where_supplier
                    : role == KISS_ROLE_CUSTOMER ? param->where_customer : NULL;

    return own ? own : param->where;
}

static const char *check_pages(const kiss_endpoint *e, apr_pool_t *p)
{
    const kiss_param *param;
    int n = 0;

    for (param = e->params; param->name; param++) {
        if (++n > KISS_MAX_PARAMS || (param->type == KISS_PARAM_WORDS) != (param->words != NULL)
            || (param->where && !strstr(param->where, "{}"))) {
            return apr_psprintf(p, "%s: parameter %s has no words, no {} in its condition, or is one too many", e->name,
                                param->name);
        }
    }
    if (!e->roles || !e->pages->columns || !e->pages->key[0] || !e->pages->order) {
        return apr_psprintf(p, "%s: pages need roles, columns, a key and an order", e->name);
    }
    return NULL;
}

/**
 * Finds the tables that an endpoint depends on for a role: always, and when a parameter filters. @return NULL, or an
 * error text
 */
static const char *find_reads(kiss_page_sql *derived, const kiss_endpoint *e, kiss_role role, const kiss_api *api,
                              apr_pool_t *p)
{
    const kiss_dataset *all = api->datasets;
    const kiss_pageset *pages = derived->pages;
    const char *wrong = kiss_dataset_depend(&derived->reads, pages->table, 1, all, p);
    int i;

    wrong = wrong ? wrong : kiss_dataset_depend(&derived->reads, pages->where, 0, all, p);
    wrong = wrong ? wrong : kiss_dataset_depend(&derived->reads, pages->filter[role], 0, all, p);
    wrong = wrong ? wrong : kiss_dataset_depend(&derived->reads, pages->join, 1, all, p);
    wrong = wrong ? wrong : kiss_dataset_depend(&derived->reads, derived->list, 0, all, p);
    wrong = wrong ? wrong : kiss_dataset_depend(&derived->reads, pages->order, 0, all, p);
    for (i = 0; e->params[i].name && !wrong; i++) {
        wrong = kiss_dataset_depend(&derived->param_reads[i], condition(&e->params[i], role), 0, all, p);
    }
    return wrong ? apr_psprintf(p, "%s: SQL %s", e->name, wrong) : NULL;
}

/**
 * The tables of a record, joined without the scan that would select it: where that scan reads the first of them by the key
 * by which it is joined again. NULL: it must be selected first.
 */
static const char *record_tables(const kiss_endpoint *e, const kiss_page_sql *derived, apr_pool_t *p)
{
    const kiss_pageset *pages = derived->pages;
    const char *lead = apr_pstrcat(p, pages->table, " ON ", pages->key[0], " = page.k1", NULL);
    const char *rest;

    if (e->run != KISS_RUN_RECORD || pages->dedup_accounts || pages->key[1]
        || strncmp(pages->join, lead, strlen(lead)) != 0) {
        return NULL;
    }
    rest = pages->join + strlen(lead);
    return (!*rest || strncmp(rest, " LEFT JOIN ", 11) == 0) && !strstr(rest, "page.") && !strstr(derived->list, "page.")
           ? apr_pstrcat(p, pages->table, rest, NULL) : NULL;
}

/** The number of keys of a page set that is ordered by just these, ascending; else 0. */
static int keys_in_order(const kiss_endpoint *e, const kiss_pageset *pages, apr_pool_t *p)
{
    const char *all = "";
    int n;

    for (n = 0; n < KISS_PAGE_KEYS && pages->key[n]; n++) {
        all = apr_pstrcat(p, all, n ? ", " : "", pages->key[n], NULL);
    }
    return e->run == KISS_RUN_PAGE && !pages->dedup_accounts && strcmp(all, pages->order) == 0 ? n : 0;
}

/** Fills the derived data of an endpoint for one role. */
static const char *derive_pages(kiss_page_sql *derived, const kiss_endpoint *e, kiss_role role, const kiss_api *api,
                                apr_pool_t *p)
{
    const kiss_column *c;

    derived->pages = role == KISS_ROLE_SUPPLIER && e->pages->for_supplier ? e->pages->for_supplier : e->pages;
    derived->list = "";
    for (c = derived->pages->columns; c->name; c++) {
        if (!(c->hidden & (1u << role))) {
            derived->list = apr_pstrcat(p, derived->list, derived->columns ? ", " : "", expression(c, role, p), NULL);
            derived->columns++;
        }
    }
    derived->keys = keys_in_order(e, derived->pages, p);
    derived->record_from = record_tables(e, derived, p);
    derived->writer = kiss_row_json_writer_make(derived->pages->columns, NULL, 1u << role, p);
    return find_reads(derived, e, role, api, p);
}

const char *kiss_page_sql_plan(kiss_plan *plan, apr_pool_t *p)
{
    const kiss_endpoint *e;
    const char *error = NULL;
    kiss_page_sql *derived;
    apr_size_t n = 0;

    for (e = plan->api->endpoints; e->path; e++) {
        n++;
    }
    derived = plan->pages = apr_pcalloc(p, n * KISS_ROLES * sizeof(*plan->pages));
    for (e = plan->api->endpoints; e->path && !error; e++) {
        int role;

        error = e->pages ? check_pages(e, p) : NULL;
        for (role = 0; role < KISS_ROLES; role++, derived++) {
            error = error || !e->pages ? error : derive_pages(derived, e, (kiss_role)role, plan->api, p);
        }
    }
    return error;
}

const kiss_page_sql *kiss_page_sql_of(const kiss_plan *plan, const kiss_endpoint *endpoint, kiss_role role)
{
    return &plan->pages[(endpoint - plan->api->endpoints) * KISS_ROLES + role];
}

/** A statement that is being written. */
typedef struct {
    apr_array_header_t *text;               /* its pieces, of const char * */
    apr_array_header_t *args;               /* of const char * */
    const kiss_page_sql_values *values;
    apr_pool_t *pool;
} statement_text;

static void append(statement_text *w, const char *text)
{
    APR_ARRAY_PUSH(w->text, const char *) = text;
}

/**
 * Binds a list. The number of marks is the next power of two, so that few texts are enough for all lengths; NULL for an
 * empty list.
 */
static void bind_list(statement_text *w, const char *const *value, int n)
{
    int marks = 1, i;
    char *text;

    while (marks < n) {
        marks *= 2;
    }
    text = apr_palloc(w->pool, (apr_size_t)marks * 2);
    for (i = 0; i < marks; i++) {
        text[2 * i] = '?';
        text[2 * i + 1] = ',';
        APR_ARRAY_PUSH(w->args, const char *) = n == 0 ? NULL : value[i < n ? i : n - 1];
    }
    text[2 * marks - 1] = '\0';
    append(w, text);
}

/** Binds the values of the mark `{name}`; `own` are the values of `{}`. */
static void bind_mark(statement_text *w, const char *name, apr_size_t len, const kiss_param_values *own)
{
    const apr_array_header_t *list = NULL;

    if (len == 8 && memcmp(name, "accounts", len) == 0) {
        list = w->values->accounts;
    }
    else if (len == 6 && memcmp(name, "states", len) == 0) {
        list = w->values->states;
    }
    else if (len > 0) {
        own = kiss_params_find(w->values->params, name, len);
    }
    if (list) {
        bind_list(w, (const char *const *)list->elts, list->nelts);
    }
    else {
        bind_list(w, own ? own->value : NULL, own ? own->count : 0);
    }
}

/** Writes SQL of the tables and binds the values of its marks. */
static void expand(statement_text *w, const char *sql, const kiss_param_values *own)
{
    const char *mark;

    while ((mark = strchr(sql, '{'))) {
        const char *end = strchr(mark, '}');

        append(w, apr_pstrmemdup(w->pool, sql, (apr_size_t)(mark - sql)));
        bind_mark(w, mark + 1, (apr_size_t)(end - mark - 1), own);
        sql = end + 1;
    }
    append(w, sql);
}

/** The conditions on the rows: for all callers, of the role, of the request. */
static void write_where(statement_text *w, const kiss_pageset *pages, kiss_role role)
{
    const kiss_params *params = w->values->params;
    int i;

    append(w, " WHERE ");
    expand(w, pages->where ? pages->where : "1", NULL);
    if (pages->filter[role]) {
        append(w, " AND ");
        expand(w, pages->filter[role], NULL);
    }
    for (i = 0; i < params->count; i++) {
        const kiss_param *param = params->values[i].param;
        const char *where = condition(param, role);

        if (where && params->values[i].count) {
            append(w, " AND ");
            expand(w, where, &params->values[i]);
        }
    }
}

/** Number of rows before the page; capped, since a page with such a large number has no rows. */
static apr_int64_t offset_of(const kiss_params *params)
{
    apr_int64_t offset;

    return __builtin_mul_overflow(params->page - 1, (apr_int64_t)params->page_size, &offset) ? APR_INT64_MAX : offset;
}

/** The rows from a page's first one on. Each condition is written so that an index of all keys can be entered by it. */
static void write_start(statement_text *w, const kiss_pageset *pages, const kiss_page_sql_start *start)
{
    static const char *const form[KISS_PAGE_KEYS] = {
        "%s >= ?", "%s >= ? AND (%s > ? OR %s >= ?)", "%s >= ? AND (%s > ? OR %s > ? OR (%s = ? AND %s >= ?))"
    };
    static const int bound[KISS_PAGE_KEYS][5] = { { 0 }, { 0, 0, 1 }, { 0, 0, 1, 1, 2 } };
    const char *name[5] = { NULL, NULL, NULL, NULL, NULL };
    int n = 1, i;

    while (n < KISS_PAGE_KEYS && pages->key[n]) {
        n++;
    }
    for (i = 0; i < 2 * n - 1; i++) {
        name[i] = pages->key[bound[n - 1][i]];
        APR_ARRAY_PUSH(w->args, const char *) = start->key[bound[n - 1][i]];
    }
    append(w, " AND ");
    append(w, apr_psprintf(w->pool, form[n - 1], name[0], name[1], name[2], name[3], name[4]));
}

/**
 * The narrow scan that selects the page. That of a record selects one row by its key: without a LIMIT the server merges it
 * into the outer statement and creates no temporary table.
 */
static void write_page_scan(statement_text *w, const kiss_pageset *pages, kiss_role role, int is_record)
{
    const kiss_params *params = w->values->params;
    int i;

    append(w, "SELECT ");
    for (i = 0; i < 3 && pages->key[i]; i++) {
        append(w, apr_psprintf(w->pool, "%s%s AS k%d", i ? ", " : "", pages->key[i], i + 1));
    }
    append(w, " FROM ");
    append(w, pages->table);
    write_where(w, pages, role);
    if (w->values->start && !is_record) {
        write_start(w, pages, w->values->start);
    }
    if (pages->dedup_accounts && w->values->accounts->nelts > 1) {
        append(w, " GROUP BY ");
        append(w, pages->order);
    }
    if (is_record) {
        return;
    }
    append(w, " ORDER BY ");
    append(w, pages->order);
    append(w, " LIMIT ? OFFSET ?");
    APR_ARRAY_PUSH(w->args, const char *) = apr_itoa(w->pool, params->page_size + 1);
    APR_ARRAY_PUSH(w->args, const char *) = w->values->start ? "0" : apr_psprintf(w->pool, "%" APR_INT64_T_FMT,
                                                                                  offset_of(params));
}

/** The scan that selects the page or the record, joined with the tables of its columns. */
static void write_page(statement_text *w, const kiss_pageset *pages, kiss_role role, int is_record)
{
    append(w, "(");
    write_page_scan(w, pages, role, is_record);
    append(w, ") page JOIN ");
    expand(w, pages->join, NULL);
    if (pages->dedup_accounts) {
        append(w, " GROUP BY ");
        append(w, pages->order);
    }
    if (!is_record) {
        append(w, " ORDER BY ");
        append(w, pages->order);
    }
}

void kiss_page_sql_bind(kiss_page_sql_query *query, const kiss_plan *plan, const kiss_endpoint *endpoint, kiss_role role,
                        const kiss_page_sql_values *values, int with_revision, apr_pool_t *p)
{
    static const char *const keys[] = { "", ", page.k1", ", page.k1, page.k2", ", page.k1, page.k2, page.k3" };
    const kiss_page_sql *derived = kiss_page_sql_of(plan, endpoint, role);
    statement_text w = { apr_array_make(p, 64, sizeof(const char *)), apr_array_make(p, 32, sizeof(const char *)), values,
                         p };

    append(&w, "SELECT STRAIGHT_JOIN ");
    expand(&w, derived->list, NULL);
    append(&w, keys[derived->keys]);
    append(&w, with_revision ? ", (" KISS_STATE_SQL ") FROM " : " FROM ");
    if (derived->record_from) {
        expand(&w, derived->record_from, NULL);
        write_where(&w, derived->pages, role);
    }
    else {
        write_page(&w, derived->pages, role, endpoint->run == KISS_RUN_RECORD);
    }
    memset(query, 0, sizeof(*query));
    query->statement.text = apr_array_pstrcat(p, w.text, 0);
    query->statement.columns = derived->columns + derived->keys + (with_revision ? 1 : 0);
    query->keys = derived->keys ? derived->columns : -1;
    query->revision = with_revision ? derived->columns + derived->keys : -1;
    query->statement.bound = w.args->nelts;
    query->statement.writer = derived->writer;
    query->statement.number = plan->count + 1 + (int)(derived - plan->pages);
    query->args = (const char *const *)w.args->elts;
}

const char *kiss_page_sql_sample(const kiss_plan *plan, const kiss_endpoint *endpoint, kiss_role role, apr_pool_t *p)
{
    static const char *const two[] = { "1", "2" };
    apr_array_header_t *list = apr_array_make(p, 2, sizeof(const char *));
    static const kiss_page_sql_start first = { { "1", "1", "1" } };
    kiss_params params = { .page = 1, .page_size = KISS_PAGE_SIZE };
    kiss_page_sql_values values = { list, list, &params,
                                    kiss_page_sql_of(plan, endpoint, role)->keys ? &first : NULL };
    const kiss_param *param;
    kiss_page_sql_query query;

    APR_ARRAY_PUSH(list, const char *) = two[0];
    APR_ARRAY_PUSH(list, const char *) = two[1];
    for (param = endpoint->params; param->name; param++) {
        if (!param->only_for || (param->only_for & (1u << role))) {
            kiss_param_values filled = { param, param->type == KISS_PARAM_DATE || param->type == KISS_PARAM_NUMBER ? 1 : 2,
                                         two };

            params.values[params.count++] = filled;
        }
    }
    kiss_page_sql_bind(&query, plan, endpoint, role, &values, 1, p);
    return query.statement.text;
}
