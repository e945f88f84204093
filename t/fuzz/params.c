/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fuzz target: the parameters of a request of the KSS API, and the statement that they become. The first byte chooses the
 * endpoint, the second the role; up to the first line feed stands the path's segment, behind it the query.
 */
#include <string.h>

#include <apr_strings.h>

#include "fuzz.h"
#include "lib/api/kss.h"
#include "lib/api/page_sql.h"
#include "lib/api/params.h"
#include "lib/api/plan.h"
#include "lib/base/json_text.h"

static const kiss_plan *plan;
static apr_pool_t *lasting;

/** An endpoint that reads or writes pages. */
static const kiss_endpoint *choose(uint8_t n)
{
    int count = 0;

    while (kiss_kss_api.endpoints[count].path) {
        count++;
    }
    return &kiss_kss_api.endpoints[n % count];
}

/** Numbers are what the database takes as such; words are words of the table; texts are UTF-8. */
static void check_value(const kiss_param *param, const char *value)
{
    apr_size_t n = strlen(value);

    switch (param->type) {
    case KISS_PARAM_NUMBERS:
    case KISS_PARAM_NUMBER:
        n -= *value == '-';
        value += *value == '-';
        MUST(n >= 1 && n <= 18 && strspn(value, "0123456789") == n);
        MUST(n == 1 || *value != '0');
        break;
    case KISS_PARAM_WORDS:
        MUST(strstr(param->words, value) && !strchr(value, ','));
        break;
    case KISS_PARAM_BOOLEANS:
        MUST(strcmp(value, "0") == 0 || strcmp(value, "1") == 0);
        break;
    case KISS_PARAM_DATE:
        MUST(n == 10 && value[4] == '-' && value[7] == '-' && strspn(value, "0123456789-") == 10);
        break;
    case KISS_PARAM_AMOUNT:
        MUST(strspn(value, "0123456789.") == n && strspn(value, "0.") < n && n >= 4 && value[n - 3] == '.');
        break;
    case KISS_PARAM_COUNT:
        MUST(0);                        /* no endpoint has one in its table */
        break;
    case KISS_PARAM_TEXTS:
        MUST(n > 0 && !strchr(" \t", *value) && !strchr(" \t", value[n - 1]));
        /* FALLTHROUGH */
    case KISS_PARAM_TEXT:
        MUST(n > 0 && kiss_json_text_is_utf8(value, n));
        break;
    }
}

static void check_params(const kiss_params *params)
{
    int i, j;

    MUST(params->page >= 1 && params->page < APR_INT64_C(1000000000000000000) && params->page_size >= 1
         && params->page_size <= KISS_PAGE_SIZE_MAX);
    for (i = 0; i < params->count; i++) {
        const kiss_param_values *v = &params->values[i];

        for (j = 0; j < v->count; j++) {
            check_value(v->param, v->value[j]);
            MUST(j == 0 || strcmp(v->value[j], v->value[j - 1]) != 0);
        }
    }
}

/** No byte of the request is in the statement: it consists of the tables' texts, with a mark for each value. */
static void check_statement(const kiss_endpoint *e, kiss_role role, const kiss_params *params, apr_pool_t *p)
{
    apr_array_header_t *accounts = apr_array_make(p, 2, sizeof(const char *));
    kiss_page_sql_values values = { accounts, accounts, params, NULL };
    kiss_page_sql_query query;
    const char *c;
    int marks = 0;

    APR_ARRAY_PUSH(accounts, const char *) = "7";
    APR_ARRAY_PUSH(accounts, const char *) = "8";
    kiss_page_sql_bind(&query, plan, e, role, &values, (int)(role & 1), p);
    for (c = query.statement.text; *c; c++) {
        MUST((*c >= ' ' && *c < 0x7f) && *c != '{' && *c != '}' && *c != ';' && *c != '#' && *c != '\\');
        marks += *c == '?';
    }
    MUST(marks == query.statement.bound);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    apr_pool_t *p = fuzz_pool();
    kiss_param_source source = { NULL, NULL, NULL, KISS_ROLE_EMPLOYEE, "2026-02-28" };
    const kiss_endpoint *e;
    const char *problem;
    kiss_params params;
    char *text, *line;

    if (!plan) {
        apr_pool_create(&lasting, NULL);
        MUST(kiss_plan_make(&plan, &kiss_kss_api, lasting) == NULL);
    }
    if (size < 2) {
        apr_pool_clear(p);
        return 0;
    }
    e = choose(data[0]);
    if (!e->params) {
        apr_pool_clear(p);              /* no endpoint whose parameters are read */
        return 0;
    }
    source.role = (kiss_role)(data[1] % KISS_ROLES);
    text = apr_pstrmemdup(p, (const char *)data + 2, size - 2);
    if ((line = strchr(text, '\n'))) {
        *line++ = '\0';
    }
    source.query = line ? line : text;
    source.path_param = line && strchr(e->path, ':') ? text : NULL;
    problem = kiss_params_read(&params, e, &source, p);
    if (problem) {
        MUST(strstr(problem, " parameter is invalid") || strstr(problem, " parameter is required"));
        MUST(strlen(problem) < 150 && !strpbrk(problem, "\"\\"));
    }
    else {
        check_params(&params);
        MUST(*kiss_params_text(&params, p));
        check_statement(e, source.role, &params, p);
    }
    apr_pool_clear(p);
    return 0;
}
