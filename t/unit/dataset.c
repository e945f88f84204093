/* SPDX-License-Identifier: Apache-2.0 */
/* Unit test: which tables SQL reads, and that an API is refused whose answers depend on tables that nobody watches. */
#include <string.h>

#include <apr_strings.h>

#include "lib/api/customer.h"
#include "lib/api/dataset.h"
#include "lib/api/kss.h"
#include "lib/api/plan.h"
#include "unit.h"

static const kiss_dataset tables[] = {
    { "a", .data = KISS_DATA_STOCK }, { "b", .data = KISS_DATA_STOCK }, { "c", .data = KISS_DATA_PRODUCTS },
    { "log", .unrevised = 1 }, { "part", .follows = { "a", "b" } }, { "revision", .unrevised = 1 },
    { "sums", .follows = { "b" } }, { 0 }
};

static const char *names(apr_uint64_t set)
{
    const char *text = "";
    int i;

    for (i = 0; tables[i].table; i++) {
        text = set >> i & 1 ? apr_pstrcat(pool, text, *text ? " " : "", tables[i].table, NULL) : text;
    }
    return text;
}

/** The tables in a text that begins with one (`first`) or not, or why it is refused. */
static const char *found(const char *sql, int first)
{
    apr_uint64_t set = 0;
    const char *e = kiss_dataset_find(&set, sql, first, tables, pool);

    return e ? e : names(set);
}

static const char *depends(const char *sql)
{
    apr_uint64_t set = 0;
    const char *e = kiss_dataset_depend(&set, sql, 0, tables, pool);

    return e ? e : names(set);
}

static void test_found(void)
{
    static const char *const begins[][2] = {
        { "a", "a" }, { "a x", "a" }, { "a x JOIN b ON b.i = x.i LEFT JOIN c y ON y.i = b.i", "a b c" },
        { "a, b", "a b" }, { "a x, (SELECT i FROM b, c) y", "a b c" }, { "a x JOIN b ON b.i IN (x.i, 1), c", "a b c" },
        { "a FORCE INDEX (i, j) STRAIGHT_JOIN b FORCE INDEX (PRIMARY) ON b.i = a.i", "a b" },
        { "a USE INDEX FOR ORDER BY (i), b", "a b" },
        { "(a JOIN b ON a.i = b.i) JOIN LATERAL (SELECT 1 FROM c) y", "a b c" },
        { "(SELECT i, j FROM a GROUP BY i, j) x", "a" }, { "`a` JOIN `b`", "a b" }
    };
    static const char *const expressions[][2] = {
        { "", "" }, { "a.i = b.i", "" }, { "x.i IN (SELECT i FROM a WHERE j IN (1, 2) ORDER BY k, l)", "a" },
        { "EXISTS (SELECT 1 FROM a, b WHERE a.i = b.i) OR b", "a b" }, { "x.i IN (select i from a natural join b)", "a b" },
        { "t.text = 'FROM b' OR t.i = \"JOIN c\" OR t.k = 'it''s \\' FROM b'", "" },
        { "(SELECT i FROM a UNION SELECT k, l FROM b)", "a b" }, { "1, (SELECT SUM(n) FROM sums), 2", "sums" },
        { "SELECT STRAIGHT_JOIN i, j FROM a HAVING COUNT(*) > 1", "a" }, { "SELECT i FROM a FOR UPDATE", "a" },
        { "INSERT INTO d (i) SELECT i FROM a", "a" }
    };
    apr_size_t i;

    for (i = 0; i < sizeof(begins) / sizeof(*begins); i++) {
        is(found(begins[i][0], 1), begins[i][1], apr_pstrcat(pool, "tables of ", begins[i][0], NULL));
    }
    for (i = 0; i < sizeof(expressions) / sizeof(*expressions); i++) {
        is(found(expressions[i][0], 0), expressions[i][1], apr_pstrcat(pool, "tables in ", expressions[i][0], NULL));
    }
    is(found("a\n JOIN\tb", 1), "a b", "line breaks are blanks");
    is(found(NULL, 0), "", "no SQL, no tables");
}

static void test_refused(void)
{
    static const char *const refused[][2] = {
        { "d", "reads d, which is no dataset" }, { "a x JOIN d ON 1", "reads d, which is no dataset" },
        { "a, d", "reads d, which is no dataset" }, { "a x JOIN b, d y", "reads d, which is no dataset" },
        { "a JOIN (b, d)", "reads d, which is no dataset" }, { "A", "reads A, which is no dataset" },
        { "a JOIN LATERAL (SELECT 1 FROM d) y", "reads d, which is no dataset" },
        { "a STRAIGHT_JOIN d", "reads d, which is no dataset" },
        { "a USE INDEX FOR ORDER BY (i), d", "reads d, which is no dataset" },
        { "a WHERE i IN (SELECT j FROM d)", "reads d, which is no dataset" }, { "`d`", "reads d, which is no dataset" },
        { "a.b", "reads a.b, which is no dataset" }, { "a . b", "reads a, which is no dataset" },
        { "a\xc3\xa9", "reads a\xc3\xa9, which is no dataset" },
        { "a WHERE EXTRACT(YEAR FROM day) = 1", "reads day, which is no dataset" },
        { "a -- JOIN b", "has a comment" }, { "a /* ' */ JOIN b", "has a comment" }, { "a # b", "has a comment" },
        { "a WHERE i = 'x", "has a quote that does not end" }, { "a) JOIN (b", "has a bracket that was not opened" }
    };
    apr_size_t i;

    for (i = 0; i < sizeof(refused) / sizeof(*refused); i++) {
        is(found(refused[i][0], 1), refused[i][1], apr_pstrcat(pool, "refused: ", refused[i][0], NULL));
    }
    is(depends("SELECT 1 FROM part"), "a b", "what follows two tables depends on both");
    is(depends("SELECT 1 FROM sums JOIN c"), "b c", "... on one, and on another table");
    is(depends("SELECT 1 FROM a JOIN log"), "reads log, which has no revision", "what nothing tells of is refused");
    is(found("log", 1), "log", "... but found");
}

static void test_lists(void)
{
    static const kiss_dataset unordered[] = { { "b" }, { "a" }, { 0 } }, twice[] = { { "a" }, { "a" }, { 0 } },
                              unknown[] = { { "a", .follows = { "b" } }, { 0 } },
                              chained[] = { { "a", .follows = { "b" } }, { "b", .follows = { "c" } }, { "c" }, { 0 } },
                              unwatched[] = { { "a", .follows = { "b" } }, { "b", .unrevised = 1 }, { 0 } };
    static kiss_dataset many[66];
    int i;

    for (i = 0; i < 65; i++) {
        many[i].table = apr_psprintf(pool, "t%02d", i);
    }
    ok(!kiss_dataset_check(tables, pool), "a sound list");
    ok(kiss_dataset_check(unordered, pool) && kiss_dataset_check(twice, pool), "names are in order, each once");
    ok(kiss_dataset_check(unknown, pool) && kiss_dataset_check(chained, pool) && kiss_dataset_check(unwatched, pool),
       "what a table follows has a revision");
    ok(kiss_dataset_check(many, pool) != NULL, "sixty-five are too many");
    many[64].table = NULL;
    ok(!kiss_dataset_check(many, pool), "sixty-four are not");
}

/** What the plan of a made-up API says whose one list comes from `rows` and depends on stock; "" when it is sound. */
static const char *list_problem(const kiss_rowset *rows)
{
    const kiss_endpoint endpoints[] = {
        { .name = "list", .methods = KISS_GET, .path = "/list", .auth = KISS_AUTH_CUSTOMER, .run = KISS_RUN_LIST,
          .rows = rows, .data = KISS_DATA_STOCK }, { 0 }
    };
    const kiss_api api = { .name = "test", .profile = "1", .schema_version = 1, .credential = "Authorization",
                           .endpoints = endpoints, .datasets = kiss_customer_api.datasets,
                           .statements = kiss_customer_api.statements };
    const kiss_plan *plan;
    const char *e = kiss_plan_make(&plan, &api, pool);

    return e ? e : "";
}

static void test_list_rows(void)
{
    static const kiss_row_filter scope[] = { { "s.x = ?", KISS_TERM_WAREHOUSE }, { 0 } };
    static const kiss_row_filter scope_of_other[] = { { "s.x IN (SELECT i FROM d WHERE y = ?)", KISS_TERM_WAREHOUSE },
                                                      { 0 } };
    static const kiss_column column[] = { { "A", KISS_TEXT, "s.a" }, { 0 } };
    static const kiss_column column_of_other[] = { { "A", KISS_TEXT, "(SELECT a FROM product)" }, { 0 } };
    static const kiss_rowset other_keys = { .from = "warehouse w", .shared = 1, .key = "w.k", .order = "w.k" };
    static const kiss_rowset *const within_other[] = { &other_keys, NULL };
    kiss_rowset rows = { .from = "stock s", .filter = scope, .key = "s.k", .order = "s.k", .columns = column };

    is(list_problem(&rows), "", "a list of what its data tell of");
    rows.from = "stock s JOIN d ON d.k = s.k";
    is(list_problem(&rows), "list: SQL reads d, which is no dataset", "a list from a table that is no dataset");
    rows.from = "stock s JOIN price p ON p.k = s.k";
    is(list_problem(&rows), "list: SQL reads price, of whose changes its data do not tell",
       "... of which its data do not tell");
    rows.from = "stock s";
    rows.where = "s.k NOT IN (SELECT k FROM key_usage)";
    is(list_problem(&rows), "list: SQL reads key_usage, which has no revision", "... in its condition, without a revision");
    rows.where = NULL;
    rows.filter = scope_of_other;
    is(list_problem(&rows), "list: SQL reads d, which is no dataset", "... in its scope");
    rows.filter = scope;
    rows.columns = column_of_other;
    is(list_problem(&rows), "list: SQL reads product, of whose changes its data do not tell", "... in a column");
    rows.columns = column;
    rows.semi_join = within_other;
    is(list_problem(&rows), "list: SQL reads warehouse, of whose changes its data do not tell", "... in what it is within");
}

/** The same for an API whose one endpoint reads `pages`. */
static const char *page_problem(const kiss_pageset *pages, const kiss_param *params)
{
    const kiss_endpoint endpoints[] = {
        { .name = "page", .methods = KISS_GET, .path = "/page", .auth = KISS_AUTH_KEY, .run = KISS_RUN_PAGE, .pages = pages,
          .params = params, .roles = KISS_EVERYONE }, { 0 }
    };
    const kiss_api api = { .name = "test", .profile = "1", .schema_version = 1, .auth = KISS_AUTH_APIKEY,
                           .credential = "x-api-key", .endpoints = endpoints, .datasets = kiss_kss_api.datasets,
                           .statements = kiss_kss_api.statements };
    const kiss_plan *plan;
    const char *e = kiss_plan_make(&plan, &api, pool);

    return e ? e : "";
}

static void test_page_rows(void)
{
    static const char unknown[] = "page: SQL reads d, which is no dataset";
    static const kiss_column column[] = { { "A", KISS_TEXT, "s.a" }, { 0 } };
    static const kiss_column column_of_other[] = {
        { "A", KISS_TEXT, "s.a", .for_role = { [KISS_ROLE_SUPPLIER] = "(SELECT a FROM d)" } }, { 0 }
    };
    static const kiss_param none[] = { { 0 } };
    static const kiss_param filter[] = {
        { "B", KISS_PARAM_TEXT, "s.b = {}", .where_customer = "s.b IN (SELECT {} FROM d)" }, { 0 }
    };
    const kiss_pageset sound = { .table = "state s", .key = { "s.k" }, .order = "s.k",
                                 .join = "state s ON s.k = page.k1 LEFT JOIN invoice_sum n ON n.k = s.k",
                                     .columns = column };
    kiss_pageset pages = sound;

    is(page_problem(&pages, none), "", "pages of datasets");
    pages.table = "d s";
    is(page_problem(&pages, none), unknown, "pages from a table that is no dataset");
    pages = sound;
    pages.where = "s.k IN (SELECT k FROM d)";
    is(page_problem(&pages, none), unknown, "... in their condition");
    pages = sound;
    pages.filter[KISS_ROLE_CUSTOMER] = "s.k IN (SELECT k FROM idempotency)";
    is(page_problem(&pages, none), "page: SQL reads idempotency, which has no revision",
       "... in a scope, without a revision");
    pages = sound;
    pages.join = "state s ON s.k = page.k1 JOIN d ON d.k = s.k";
    is(page_problem(&pages, none), unknown, "... in the join");
    pages = sound;
    pages.columns = column_of_other;
    is(page_problem(&pages, none), unknown, "... in a role's column");
    is(page_problem(&sound, filter), unknown, "... in a role's filter");
}

/** An API whose list lacks one of the tables that its fixed statements read. */
static void test_fixed_statements(void)
{
    const kiss_api *const apis[] = { &kiss_customer_api, &kiss_kss_api };
    static const char *const left_out[] = { "api_key", "revision", "key_usage", "customer", "api_key" };
    const kiss_endpoint none[] = { { 0 } };
    int i, j, n;

    for (i = 0; i < 5; i++) {
        kiss_api api = *apis[i == 4];
        kiss_dataset list[64] = { { 0 } };
        const kiss_plan *plan;
        const char *e;

        for (j = 0, n = 0; api.datasets[j].table; j++) {
            if (strcmp(api.datasets[j].table, left_out[i]) != 0) {
                list[n++] = api.datasets[j];
            }
        }
        api.datasets = list;
        api.endpoints = none;
        e = kiss_plan_make(&plan, &api, pool);
        ok(e && strstr(e, apr_psprintf(pool, "reads %s, which is no dataset", left_out[i])),
           apr_psprintf(pool, "%s: %s is missed by its fixed statements", api.name, left_out[i]));
    }
}

static const char *problem_of(const kiss_api *api)
{
    const kiss_plan *plan;
    const char *e = kiss_plan_make(&plan, api, pool);

    return e ? e : "";
}

/** An API whose row does not fit together. */
static void test_rows(void)
{
    kiss_fixed_statement statements[KISS_SQL_FIXED];
    kiss_api api = kiss_kss_api;

    is(problem_of(&api), "", "the KSS API's row fits together");
    api.credential = NULL;
    is(problem_of(&api), "it has no header of credentials", "callers must be told apart");
    api = kiss_customer_api;
    api.meter = KISS_METER_SLIDING_HOUR;
    is(problem_of(&api), "it counts API keys, but has none", "a meter needs what it counts");
    api = kiss_kss_api;
    api.auth = KISS_AUTH_JWT;
    api.meter = KISS_METER_FIXED_WINDOWS;
    is(problem_of(&api), apr_psprintf(pool, "%s: its callers do not fit", api.endpoints[0].name),
       "endpoints need callers of its kind");
    api = kiss_customer_api;
    memcpy(statements, api.statements, sizeof(statements));
    api.statements = statements;
    statements[KISS_SQL_CREDENTIALS].text = NULL;
    is(problem_of(&api), apr_psprintf(pool, "statement %d is missing", KISS_SQL_CREDENTIALS),
       "the token endpoint needs credentials");
    memset(statements, 0, sizeof(statements));
    is(problem_of(&api), "statement 0 is missing", "every API needs the state of its database");
}

void unit_dataset(void)
{
    test_found();
    test_refused();
    test_lists();
    test_list_rows();
    test_page_rows();
    test_fixed_statements();
    test_rows();
}
