/* SPDX-License-Identifier: Apache-2.0 */
/**
 * statements - adds the fixed statements of an API to its plan.
 */
#include "lib/api/statements.h"

#include <string.h>

#include <apr_strings.h>

#include "lib/api/dataset.h"

/* For people, by the ids of the statements. */
static const char *const names[KISS_SQL_FIXED] = {
    [KISS_SQL_STATE] = "revision of the database",
    [KISS_SQL_CALLER] = "caller",
    [KISS_SQL_CREDENTIALS] = "credentials",
    [KISS_SQL_KEY_USED] = "use of a key",
    [KISS_SQL_HEALTH] = "health",
    [KISS_SQL_CHANGES] = "log of changes",
    [KISS_SQL_LOCK_PAYMENT] = "allocation: payment",
    [KISS_SQL_PAYMENT_USED] = "allocation: what is left of the payment",
    [KISS_SQL_ACCOUNT_OWNER] = "allocation: account",
    [KISS_SQL_TARGET] = "allocation: invoice",
    [KISS_SQL_REPEATED] = "allocation: Idempotency-Key",
    [KISS_SQL_REQUEST] = "allocation: new request",
    [KISS_SQL_REMEMBER] = "allocation: new Idempotency-Key",
    [KISS_SQL_LAST_REQUEST] = "allocation: last request",
    [KISS_SQL_ADMIN] = "admin client",
    [KISS_SQL_ADMIN_CREDENTIALS] = "credentials of an admin client"
};

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
            s->name = names[i];
            s->number = all->nelts;
            s->bound = e ? 0 : marks_in(s->text);
        }
    }
    return e ? apr_psprintf(p, "statement %d %s", i - 1, e) : NULL;
}
