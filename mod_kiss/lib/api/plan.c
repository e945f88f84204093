/* SPDX-License-Identifier: Apache-2.0 */
/**
 * plan - checks the tables of an API and derives its statements.
 */
#include "lib/api/plan.h"

#include <apr_strings.h>

#include "lib/api/csv_row.h"
#include "lib/api/dataset.h"
#include "lib/api/list_plan.h"
#include "lib/api/page_sql.h"
#include "lib/api/write_plan.h"

#define ROWS(table) ((int)(sizeof(table) / sizeof(*(table))))

/* What an API must have, so that no request has to check it. */

/** By kiss_auth: the kinds of callers that its endpoints may require, and the statements that it needs. */
static const struct {
    unsigned callers;               /* set of kiss_auth_need */
    int statement[3];
} of_auth[] = {
    [KISS_AUTH_JWT] = { 1 << KISS_AUTH_PUBLIC | 1 << KISS_AUTH_NONE | 1 << KISS_AUTH_CLIENT | 1 << KISS_AUTH_TOKEN
                        | 1 << KISS_AUTH_CUSTOMER | 1 << KISS_AUTH_ADMIN,
                        { KISS_SQL_STATE, KISS_SQL_CALLER, KISS_SQL_CALLER } },
    [KISS_AUTH_APIKEY] = { 1 << KISS_AUTH_NONE | 1 << KISS_AUTH_KEY, { KISS_SQL_STATE, KISS_SQL_CALLER, KISS_SQL_KEY_USED } }
};

/**
 * By kiss_run, where it is not for all: the kiss_auth that it is for, and the first and the last statement that it
 * needs; KISS_SQL_STATE: none.
 */
static const struct {
    unsigned callers;
    int first, last;
} of_run[] = {
    [KISS_RUN_LIST] = { 1 << KISS_AUTH_CUSTOMER, KISS_SQL_STATE, KISS_SQL_STATE },
    [KISS_RUN_TOKEN] = { 1 << KISS_AUTH_CLIENT, KISS_SQL_CREDENTIALS, KISS_SQL_KEY_USED },
    [KISS_RUN_SERVER_METADATA] = { 1 << KISS_AUTH_PUBLIC, KISS_SQL_STATE, KISS_SQL_STATE },
    [KISS_RUN_RESOURCE_METADATA] = { 1 << KISS_AUTH_PUBLIC, KISS_SQL_STATE, KISS_SQL_STATE },
    [KISS_RUN_HEALTH] = { ~0u, KISS_SQL_HEALTH, KISS_SQL_HEALTH },
    [KISS_RUN_PAGE] = { 1 << KISS_AUTH_KEY, KISS_SQL_STATE, KISS_SQL_STATE },
    [KISS_RUN_RECORD] = { 1 << KISS_AUTH_KEY, KISS_SQL_STATE, KISS_SQL_STATE },
    [KISS_RUN_ALLOCATE] = { 1 << KISS_AUTH_KEY, KISS_SQL_LOCK_PAYMENT, KISS_SQL_LAST_REQUEST },
    [KISS_RUN_WRITE] = { 1 << KISS_AUTH_ADMIN, KISS_SQL_ADMIN, KISS_SQL_ADMIN_CREDENTIALS },
    [KISS_RUN_WRITE_LIST] = { 1 << KISS_AUTH_ADMIN, KISS_SQL_ADMIN, KISS_SQL_ADMIN_CREDENTIALS },
    [KISS_RUN_WRITE_BULK] = { 1 << KISS_AUTH_ADMIN, KISS_SQL_ADMIN, KISS_SQL_ADMIN_CREDENTIALS }
};

static const char *check_statement(const kiss_api *api, int id, apr_pool_t *p)
{
    return api->statements && api->statements[id].text ? NULL : apr_psprintf(p, "statement %d is missing", id);
}

static const char *check_endpoint(const kiss_api *api, const kiss_endpoint *endpoint, apr_pool_t *p)
{
    const unsigned caller = 1u << endpoint->auth, callers = endpoint->run < ROWS(of_run) ? of_run[endpoint->run].callers : 0;
    const char *e = NULL;
    int i;

    if (!(caller & of_auth[api->auth].callers) || (callers && !(caller & callers))) {
        return apr_psprintf(p, "%s: its callers do not fit", endpoint->name);
    }
    if ((endpoint->format >= KISS_FORMAT_CSV) != (endpoint->csv != NULL)) {
        return apr_psprintf(p, "%s: it needs columns of CSV, or must not have them", endpoint->name);
    }
    if ((endpoint->run >= KISS_RUN_WRITE) != (endpoint->write != NULL)) {
        return apr_psprintf(p, "%s: it needs what it writes, or must not have it", endpoint->name);
    }
    e = endpoint->csv ? kiss_csv_row_check(endpoint->csv, endpoint->rows, p) : NULL;
    for (i = callers ? of_run[endpoint->run].first : 0; !e && callers && i <= of_run[endpoint->run].last; i++) {
        e = check_statement(api, i, p);
    }
    return e;
}

/** @return an error of the API's row, or NULL */
static const char *check(const kiss_api *api, apr_pool_t *p)
{
    const char *e = !api->credential ? "it has no header of credentials"
                  : api->meter == KISS_METER_SLIDING_HOUR && api->auth != KISS_AUTH_APIKEY
                      ? "it counts API keys, but has none"
                  : NULL;
    const kiss_endpoint *endpoint;
    int i;

    for (i = 0; i < ROWS(of_auth[0].statement) && !e; i++) {
        e = check_statement(api, of_auth[api->auth].statement[i], p);
    }
    for (endpoint = api->endpoints; endpoint->path && !e; endpoint++) {
        e = check_endpoint(api, endpoint, p);
    }
    return e;
}

const char *kiss_plan_statement_name(const kiss_plan *plan, int number, apr_pool_t *p)
{
    static const char *const roles[KISS_ROLES] = {
        [KISS_ROLE_EMPLOYEE] = "employee", [KISS_ROLE_CUSTOMER] = "customer", [KISS_ROLE_SUPPLIER] = "supplier"
    };
    const kiss_endpoint *e = plan->api->endpoints;
    int page = number - plan->count - 1;

    if (page < 0) {
        return plan->statements[number - 1].name;
    }
    for (; e->path && page >= KISS_ROLES; page -= KISS_ROLES) {
        e++;
    }
    return e->path ? apr_pstrcat(p, e->name, " (", roles[page], ")", NULL) : NULL;
}

/** Adds the plan of each writeset, once. */
static const char *plan_writes(kiss_plan *plan, apr_pool_t *p)
{
    apr_array_header_t *writes = apr_array_make(p, 4, sizeof(const kiss_write_plan *));
    const kiss_endpoint *endpoint;
    const char *e = NULL;

    plan->writes = writes;
    for (endpoint = plan->api->endpoints; endpoint->path && !e; endpoint++) {
        kiss_write_plan *made;

        if (endpoint->write && !kiss_write_plan_of(plan, endpoint->write)
            && !(e = kiss_write_plan_make(&made, endpoint->write, &import_customer_set, p))) {
            APR_ARRAY_PUSH(writes, const kiss_write_plan *) = made;
        }
    }
    return e;
}

const char *kiss_plan_make(const kiss_plan **plan, const kiss_api *api, apr_pool_t *p)
{
    apr_array_header_t *all = apr_array_make(p, 16, sizeof(kiss_statement));
    kiss_plan *created = apr_pcalloc(p, sizeof(*created));
    const char *error = check(api, p);
    int index[KISS_SQL_FIXED], i;

    created->api = api;
    error = error ? error : kiss_dataset_check(api->datasets, p);
    error = error ? error : kiss_statements_add(all, index, api, p);
    error = error ? error : kiss_list_plan_add(all, api, p);
    error = error ? error : kiss_page_sql_plan(created, p);
    error = error ? error : plan_writes(created, p);
    created->count = all->nelts;
    created->statements = (kiss_statement *)all->elts;
    for (i = 0; i < KISS_SQL_FIXED && !error; i++) {
        created->fixed[i] = index[i] >= 0 ? &created->statements[index[i]] : NULL;
    }
    *plan = created;
    return error;
}
