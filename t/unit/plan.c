/* SPDX-License-Identifier: Apache-2.0 */
/* Unit test: which tables of an API are refused, and the statements of those that are sound. */
#include <string.h>

#include <apr_strings.h>

#include "lib/api/customer.h"
#include "lib/api/kss.h"
#include "lib/api/list_plan.h"
#include "lib/api/plan.h"
#include "lib/api/route.h"
#include "unit.h"

/** The number of statements with names; 0 when two have the same one. */
static int names(const kiss_plan *plan)
{
    const char *name, *other;
    int i, j;

    for (i = 1; (name = kiss_plan_statement_name(plan, i, pool)); i++) {
        for (j = 1; j < i; j++) {
            other = kiss_plan_statement_name(plan, j, pool);
            if (strcmp(name, other) == 0 || strstr(name, "SELECT")) {
                is(name, "", "a name twice");
                return 0;
            }
        }
    }
    return i - 1;
}

void unit_plan(void)
{
    apr_pool_t *p = pool;
    static const kiss_column twice[] = { { "A", KISS_TEXT, "a" }, { "A", KISS_TEXT, "b" }, { 0 } };
    static const kiss_column plain[] = { { "A", KISS_TEXT, "a" }, { 0 } };
    static const kiss_row_filter scope[] = { { "x = ?", KISS_TERM_PRICE_LIST }, { 0 } };
    static const kiss_rowset double_name = { .from = "t", .filter = scope, .key = "a", .order = "a", .columns = twice };
    static const kiss_rowset no_scope = { .from = "t", .key = "a", .order = "a", .columns = plain };
    static const kiss_rowset shared = { .from = "t", .shared = 1, .key = "a", .order = "a", .columns = plain };
    static const kiss_rowset keys = { .from = "k", .filter = scope, .key = "k", .order = "k" };
    static const kiss_rowset *const within_keys[] = { &keys, NULL }, *const within_rows[] = { &shared, NULL };
    static const kiss_rowset good = { .from = "t", .filter = scope, .key = "a", .order = "a", .columns = plain,
                                      .semi_join = within_keys, .driving_keys = &keys };
    static const kiss_rowset within_no_keys = { .from = "t", .filter = scope, .key = "a", .order = "a", .columns = plain,
                                                .semi_join = within_rows };
    static const kiss_rowset other_few = { .from = "t", .filter = scope, .key = "a", .order = "a", .columns = plain,
                                           .driving_keys = &keys, .if_short = &double_name };
    static const kiss_rowset merged_few = { .from = "t", .filter = scope, .key = "a", .order = "a", .columns = plain,
                                            .driving_keys = &keys, .if_short = &good };
    static const kiss_rowset *const unsound[] = { &double_name, &no_scope, &shared, &keys, &within_no_keys, &other_few,
                                                  &merged_few };
    kiss_endpoint endpoints[] = {
        { .name = "e", .methods = KISS_GET, .path = "/e", .auth = KISS_AUTH_CUSTOMER, .run = KISS_RUN_LIST,
          .rows = &double_name, .data = KISS_DATA_STOCK }, { 0 }
    };
    static const kiss_dataset datasets[] = {
        { "admin_client" }, { "admin_key" }, { "api_key" }, { "change_log" }, { "customer" },
        { "k", .data = KISS_DATA_STOCK }, { "key_usage" },
            { "price_list" }, { "revision" },
        { "t", .data = KISS_DATA_STOCK }, { "warehouse" }, { 0 }
    };
    kiss_api api = { .name = "test", .profile = "1", .schema_version = 1, .credential = "Authorization",
                     .endpoints = endpoints, .datasets = datasets, .statements = kiss_customer_api.statements };
    const kiss_rowset *rows;
    const kiss_plan *plan, *kss;
    const char *named;
    int i, allow;

    ok(kiss_plan_make(&plan, &kiss_customer_api, p) == NULL, "the Customer API's tables are sound");
    for (i = KISS_SQL_FIXED; i < plan->count; i++) {
        const kiss_statement *s = &plan->statements[i];

        ok(s->rows->shared || (s->bound > 0 && strstr(s->text, s->rows->filter[0].sql)),
           apr_psprintf(p, "rows from %.20s carry their scope", s->rows->from));
    }
    ok(kiss_plan_make(&kss, &kiss_kss_api, p) == NULL, "and those of the KSS API");
    ok(names(plan) > plan->count && names(kss) > kss->count, "each statement has a name of its own, and no SQL in it");
    is(kiss_list_plan_find(plan, kiss_route_find(&kiss_customer_api, "/prices", KISS_GET, 0, &allow, &named)->rows,
                           KISS_SQL_WHOLE)->text,
       "SELECT p.sku, p.unit_price, p.discount_eligible, p.moq, p.order_multiple FROM price p FORCE INDEX (PRIMARY)"
       " WHERE 1 AND p.price_list_code = ? ORDER BY p.sku, p.moq", "the statement of /prices");
    ok(kiss_list_plan_find(plan, kiss_route_find(&kiss_customer_api, "/stock", KISS_GET, 0, &allow,
                                                  &named)->rows->semi_join[0],
                     KISS_SQL_WHOLE)->bound == 1, "/stock is within keys that are bound to the caller");
    for (i = 0; i < (int)(sizeof(unsound) / sizeof(*unsound)); i++) {
        static const char *const what[] = {
            "a name twice is refused", "rows without scope are refused", "rows for all are refused outside of other rows",
            "rows without columns are refused", "what rows are within must be keys", "few rows must have the same columns",
            "few rows are not merged"
        };

        endpoints[0].rows = unsound[i];
        ok(kiss_plan_make(&plan, &api, p) != NULL, what[i]);
    }
    endpoints[0].rows = &good;
    ok(kiss_plan_make(&plan, &api, p) == NULL, "divided rows are sound");
    is(kiss_list_plan_find(plan, &good, KISS_SQL_RANGE)->text,
       "SELECT a FROM t WHERE 1 AND x = ? AND a >= ? AND a < ? ORDER BY a",
       "a range of them");
    is(kiss_list_plan_find(plan, &keys, KISS_SQL_REST)->text, "SELECT k FROM k WHERE 1 AND x = ? AND k >= ? ORDER BY k",
       "what they are within, to the end");
    is(kiss_list_plan_find(plan, &keys, KISS_SQL_NEXT)->text,
       "SELECT k FROM k WHERE 1 AND x = ? AND k >= ? ORDER BY k LIMIT 1 OFFSET ?", "the end of a range");
    ok(kiss_list_plan_find(plan, &keys, KISS_SQL_NEXT)->bound == 3 && !kiss_list_plan_find(plan, &good, KISS_SQL_WHOLE),
       "... with its values; they are never read as a whole");
    is(kiss_list_plan_find(plan, &good, KISS_SQL_FEW)->text,
       "SELECT a FROM t WHERE 1 AND x = ? AND a IN (?,?,?,?,?,?,?,?) ORDER BY a",
       "the rows of some keys");
    is(kiss_list_plan_find(plan, &keys, KISS_SQL_FEW)->text,
       "SELECT k FROM k WHERE 1 AND x = ? AND k IN (?,?,?,?,?,?,?,?) ORDER BY k",
       "... and what they are within");
    ok(kiss_list_plan_find(plan, &good, KISS_SQL_FEW)->bound == 1 + KISS_FEW_KEYS
       && kiss_list_plan_find(plan, &good, KISS_SQL_MANY)->bound == 1 + KISS_MANY_KEYS, "... with their values");
    kiss_plan_make(&plan, &kiss_customer_api, p);
    rows = kiss_route_find(&kiss_customer_api, "/stock", KISS_GET, 0, &allow, &named)->rows;
    ok(kiss_list_plan_find(plan, rows, KISS_SQL_FEW)->data == KISS_DATA_STOCK
       && kiss_list_plan_find(plan, rows->semi_join[0], KISS_SQL_FEW)->data == (KISS_DATA_PRICES | KISS_DATA_LISTING)
       && kiss_list_plan_find(plan, rows->semi_join[1], KISS_SQL_FEW)->data == (KISS_DATA_PRODUCTS | KISS_DATA_ASSORTMENT),
       "... and what tells of their changes");
}
