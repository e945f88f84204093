/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/api/plan.h"

#include "lib/api/dataset.h"
#include "lib/api/list_plan.h"
#include "lib/api/page_sql.h"

const char *kiss_plan_make(const kiss_plan **plan, const kiss_api *api, apr_pool_t *p)
{
    apr_array_header_t *all = apr_array_make(p, 16, sizeof(kiss_statement));
    kiss_plan *created = apr_pcalloc(p, sizeof(*created));
    const char *error = kiss_dataset_check(api->datasets, p);
    int i;

    created->api = api;
    error = error ? error : kiss_statements_add(all, api, p);
    error = error ? error : kiss_list_plan_add(all, api, p);
    error = error ? error : kiss_page_sql_plan(created, p);
    created->count = all->nelts;
    created->statements = (kiss_statement *)all->elts;
    for (i = 0; i < created->count; i++) {
        created->statements[i].id = i;
    }
    *plan = created;
    return error;
}
