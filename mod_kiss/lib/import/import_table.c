/* SPDX-License-Identifier: Apache-2.0 */
/**
 * import_table - finds files and columns of an import set by their names. Pure.
 */
#include "lib/import/import_table.h"

#include <string.h>

#include "lib/import/import_text.h"

const import_file *import_file_of(const import_set *set, const char *file)
{
    int i;

    for (i = 0; i < set->n; i++) {
        if (strcmp(set->files[i].file, file) == 0) {
            return &set->files[i];
        }
    }
    return NULL;
}

const import_column *import_column_of(const import_set *set, const char *file, const char *csv)
{
    const import_file *found = import_file_of(set, file);
    int i;

    for (i = 0; found && found->columns[i].csv; i++) {
        if (strcmp(found->columns[i].csv, csv) == 0) {
            return &found->columns[i];
        }
    }
    return NULL;
}

static int has_name(const import_column *column, const char *name, apr_size_t len)
{
    return !(column->flags & IMPORT_HIDDEN)
        && (import_same_name(column->csv, strlen(column->csv), name, len)
            || (column->alias && import_same_name(column->alias, strlen(column->alias), name, len)));
}

const import_column *import_column_named(const import_file *file, const char *name, apr_size_t len)
{
    const import_column *column = file->columns;

    while (column->csv && !has_name(column, name, len)) {
        column++;
    }
    return column->csv ? column : NULL;
}

const import_column *import_column_stored(const import_file *file, const char *db)
{
    const import_column *column = file->columns;

    while (strcmp(column->db, db) != 0) {
        column++;
    }
    return column;
}

const import_column *import_key_of(const import_file *file)
{
    const import_column *column = file->columns;

    while (!(column->flags & IMPORT_KEY)) {
        column++;
    }
    return column;
}

int import_is_composite(const import_file *file)
{
    const import_column *column;
    int n = 0;

    for (column = file->columns; column->csv; column++) {
        n += (column->flags & IMPORT_KEY) != 0;
    }
    return n > 1;
}
