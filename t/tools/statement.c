/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Prints the SQL that a request of the KSS API becomes, its values put in as literals, for EXPLAIN and for the benchmark.
 *
 *     statement ENDPOINT ROLE ACCOUNTS STATES [QUERY [NAMED [START]]]
 *
 * ROLE is employee, customer or supplier; ACCOUNTS and STATES are joined by commas; QUERY is what follows the '?', NAMED
 * the path's segment for `:name`, START the keys of the page's first row, joined by commas.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <apr_general.h>
#include <apr_strings.h>
#include <apr_time.h>

#include "lib/api/kss.h"
#include "lib/api/page_sql.h"
#include "lib/api/plan.h"
#include "lib/base/date.h"

static apr_array_header_t *split(const char *text, apr_pool_t *p)
{
    apr_array_header_t *list = apr_array_make(p, 4, sizeof(const char *));
    char *rest = apr_pstrdup(p, text), *last, *word;

    for (word = apr_strtok(rest, ",", &last); word; word = apr_strtok(NULL, ",", &last)) {
        APR_ARRAY_PUSH(list, const char *) = word;
    }
    return list;
}

static void print(const kiss_page_sql_query *query)
{
    const char *c;
    int n = 0;

    for (c = query->statement.text; *c; c++) {
        if (*c != '?') {
            putchar(*c);
        }
        else if (!query->args[n]) {
            fputs("NULL", stdout);
            n++;
        }
        else {
            const char *value = query->args[n++];
            int number = *value && value[strspn(value, "-0123456789")] == '\0' && strchr(value + 1, '-') == NULL;

            printf(number ? "%s" : "'%s'", value);
        }
    }
    putchar('\n');
}

static const kiss_endpoint *endpoint_of(const char *name)
{
    const kiss_endpoint *e = kiss_kss_api.endpoints;

    while (e->path && strcmp(e->name, name) != 0) {
        e++;
    }
    return e->path ? e : NULL;
}

/** The keys in `text`. */
static kiss_page_sql_start start_of(const char *text, apr_pool_t *p)
{
    const apr_array_header_t *keys = split(text, p);
    kiss_page_sql_start start = { { NULL, NULL, NULL } };
    int i;

    for (i = 0; i < keys->nelts && i < KISS_PAGE_KEYS; i++) {
        start.key[i] = APR_ARRAY_IDX(keys, i, const char *);
    }
    return start;
}

int main(int argc, const char *const *argv)
{
    static const char *const roles[] = { "employee", "customer", "supplier" };
    const kiss_endpoint *endpoint = argc > 4 ? endpoint_of(argv[1]) : NULL;
    kiss_param_source source = { argc > 5 ? argv[5] : NULL, NULL, argc > 6 && *argv[6] ? argv[6] : NULL,
                                 KISS_ROLE_EMPLOYEE, NULL };
    const kiss_plan *plan;
    kiss_page_sql_values values = { NULL, NULL, NULL, NULL };
    kiss_page_sql_start start;
    kiss_params params;
    kiss_page_sql_query query;
    const char *problem;
    char today[KISS_DATE_DAY] = "";
    apr_pool_t *p;

    apr_initialize();
    atexit(apr_terminate);
    apr_pool_create(&p, NULL);
    if (!endpoint) {
        fprintf(stderr, "usage: statement ENDPOINT ROLE ACCOUNTS STATES [QUERY [NAMED [START]]]\n");
        return 2;
    }
    while (source.role < KISS_ROLES && strcmp(roles[source.role], argv[2]) != 0) {
        source.role++;
    }
    kiss_date_of_day_number(today, apr_time_sec(apr_time_now()) / 86400);
    source.today = today;
    problem = source.role == KISS_ROLES ? "no such role" : kiss_plan_make(&plan, &kiss_kss_api, p);
    problem = problem ? problem : kiss_params_read(&params, endpoint, &source, p);
    if (problem) {
        fprintf(stderr, "%s\n", problem);
        return 1;
    }
    values.accounts = split(argv[3], p);
    values.states = split(argv[4], p);
    values.params = &params;
    if (argc > 7) {
        start = start_of(argv[7], p);
        values.start = &start;
    }
    kiss_page_sql_bind(&query, plan, endpoint, source.role, &values, 0, p);
    print(&query);
    return 0;
}
