/* SPDX-License-Identifier: Apache-2.0 */
/**
 * import_sql - SQL of the tables of a file that several stages have in common. `o` is the real table, `n` the temporary one.
 */
#ifndef IMPORT_SQL_H
#define IMPORT_SQL_H

#include "import_run.h"

/** Key columns joined: "o.a = n.a AND o.b = n.b" with lead "o.", "n."; lists "n.a, n.b" when `other` is NULL. */
const char *import_keys(apr_pool_t *p, const import_file *def, const char *lead, const char *other);

/** " FROM ... WHERE ...": rows of the table (o) that the file (n) does not have, without those that stay. */
const char *import_removed_from(apr_pool_t *p, const import_part *part);

/** "SELECT `columns` FROM ...": rows (a) of the table `one` with a value of `set` that `other` lacks in the same scope. */
const char *import_lacking(apr_pool_t *p, const import_file *def, const char *set, const char *columns, const char *one,
                           const char *other);

/** The end of a SELECT that has one row a scope; without scopes one row, or none when there is nothing. */
const char *import_grouped(apr_pool_t *p, const import_file *def, const char *scope);

/** Whether a row of the file (n) changes its row of the table (o), or brings it back; NULL: it never does. */
const char *import_differs(apr_pool_t *p, const import_file *def);

#endif
