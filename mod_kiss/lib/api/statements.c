/* SPDX-License-Identifier: Apache-2.0 */
/**
 * statements - adds the fixed statements of an API to its plan.
 */
#include "lib/api/statements.h"

#include <string.h>

#include <apr_strings.h>

#include "lib/api/dataset.h"

static int marks_in(const char *sql)
{
    int n = 0;

    while ((sql = strchr(sql, '?'))) {
        sql++;
        n++;
    }
    return n;
}

const char *kiss_statements_add(apr_array_header_t *all, int index[KISS_SQL_FIXED], const kiss_api *api, apr_pool_t *p)
{
    const kiss_fixed_statement *row = api->statements;
    const char *e = NULL;
    int i;

    for (i = 0; i < KISS_SQL_FIXED && !e; i++) {
        kiss_statement *s;
        apr_uint64_t reads = 0;

        index[i] = row && row[i].text ? all->nelts : -1;
        if (index[i] >= 0) {
            e = kiss_dataset_find(&reads, row[i].text, 0, api->datasets, p);
            s = memset(apr_array_push(all), 0, sizeof(*s));
            s->text = row[i].text;
            s->columns = row[i].columns;
            s->bound = e ? 0 : marks_in(s->text);
        }
    }
    return e ? apr_psprintf(p, "statement %d %s", i - 1, e) : NULL;
}
