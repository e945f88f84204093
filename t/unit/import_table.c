/* SPDX-License-Identifier: Apache-2.0 */
/* Unit test: no two columns of a file can be meant by one name. */
#include "lib/import/import_table.h"

#include <string.h>

#include "unit.h"

static void test_ambiguity(const import_set *set)
{
    const import_column *column;
    int i, good = 1;

    for (i = 0; i < set->n; i++) {
        for (column = set->files[i].columns; column->csv; column++) {
            const char *name = column->csv, *alias = column->alias;

            good = good && ((column->flags & IMPORT_HIDDEN)
                         || import_column_named(&set->files[i], name, strlen(name)) == column)
                && (!alias || import_column_named(&set->files[i], alias, strlen(alias)) == column);
        }
    }
    okf(good, "%s: each name means one column", set->name);
}

void unit_import_table(void)
{
    test_ambiguity(&import_customer_set);
    test_ambiguity(&import_kss_set);
}
