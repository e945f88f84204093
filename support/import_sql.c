/* SPDX-License-Identifier: Apache-2.0 */
/**
 * import_sql - conditions and lists of columns in SQL, from the columns of a file.
 */
#include "import_sql.h"

#include <apr_strings.h>

const char *import_keys(apr_pool_t *p, const import_file *def, const char *lead, const char *other)
{
    const char *list = "";
    const import_column *column;

    for (column = def->columns; column->csv; column++) {
        if (!(column->flags & IMPORT_KEY)) {
            continue;
        }
        list = other ? apr_pstrcat(p, list, *list ? " AND " : "", lead, column->db, " = ", other, column->db, NULL)
            : apr_pstrcat(p, list, *list ? ", " : "", lead, column->db, NULL);
    }
    return list;
}

const char *import_removed_from(apr_pool_t *p, const import_part *part)
{
    return apr_pstrcat(p, " FROM ", part->def->table, " o LEFT JOIN ", part->stage, " n ON ",
                       import_keys(p, part->def, "n.", "o."), " WHERE n.line IS NULL AND ",
                       part->removable, NULL);
}

const char *import_lacking(apr_pool_t *p, const import_file *def, const char *set, const char *columns, const char *one,
                           const char *other)
{
    return apr_psprintf(p, "SELECT %s FROM %s a WHERE NOT EXISTS (SELECT 1 FROM %s b WHERE b.%s = a.%s AND b.%s = a.%s)",
                        columns, one, other, def->scope, def->scope, set, set);
}

const char *import_grouped(apr_pool_t *p, const import_file *def, const char *scope)
{
    return def->scope ? apr_pstrcat(p, " GROUP BY ", scope, NULL) : " HAVING COUNT(*) > 0";
}

const char *import_differs(apr_pool_t *p, const import_file *def)
{
    const import_column *column;
    const char *list = NULL;

    for (column = def->columns; column->csv; column++) {
        if (column->flags & (IMPORT_CREATED | IMPORT_UPDATED)) {
            list = apr_pstrcat(p, list ? list : "NOT (", list ? " AND " : "", "o.", column->db, " = COALESCE(n.",
                               column->db, ", o.", column->db, ")", NULL);
        }
        else if (!(column->flags & (IMPORT_KEY | IMPORT_STAGED))) {
            list = apr_pstrcat(p, list ? list : "NOT (", list ? " AND " : "", "o.", column->db, " <=> n.", column->db,
                               NULL);
        }
    }
    if (def->absent) {
        list = apr_pstrcat(p, list ? list : "NOT (", list ? " AND " : "", "o.", def->absent, " IS NULL", NULL);
    }
    return list ? apr_pstrcat(p, list, ")", NULL) : NULL;
}
