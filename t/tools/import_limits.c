/* SPDX-License-Identifier: Apache-2.0 */
/**
 * import_limits - prints the rows of the table of limits in doc/import-values.md.
 */
#include <stdio.h>
#include <stdlib.h>

#include <apr_general.h>
#include <apr_strings.h>

#include "lib/import/import_table.h"

/** "1,048,576" */
static const char *grouped(apr_pool_t *p, int n)
{
    return n < 1000 ? apr_itoa(p, n) : apr_psprintf(p, "%s,%03d", grouped(p, n / 1000), n % 1000);
}

/** The rows of one import set. */
static void print_limits(const import_set *set, apr_pool_t *p)
{
    const import_column *column;
    int i;

    for (i = 0; i < set->n; i++) {
        const char *list = "";

        for (column = set->files[i].columns; column->csv; column++) {
            const char *kind = column->flags & IMPORT_BYTES ? " bytes" : column->type == IMPORT_CODE ? " (code)"
                : column->flags & IMPORT_WHOLE ? " (link)" : "";

            if (column->type == IMPORT_TEXT || column->type == IMPORT_CODE) {
                list = apr_pstrcat(p, list, *list ? ", " : "", column->csv, " ", grouped(p, column->size), kind, NULL);
            }
        }
        if (*list) {
            printf("| `%s` | %s |\n", set->files[i].file, list);
        }
    }
}

int main(void)
{
    apr_pool_t *p;

    apr_initialize();
    atexit(apr_terminate);
    apr_pool_create(&p, NULL);
    print_limits(&import_customer_set, p);
    print_limits(&import_kss_set, p);
    return 0;
}
