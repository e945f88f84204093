/* SPDX-License-Identifier: Apache-2.0 */
/**
 * schema_lease - the row that keeps changes of the schema at two nodes of a cluster apart.
 */
#include "schema_lease.h"

#include <string.h>

#include <apr_strings.h>

#include "ctl_db.h"
#include "ctl_message.h"

#define TABLE "CREATE TABLE IF NOT EXISTS schema_migration"

static int taken;

/** Makes the table, by the statement of the first file, where nothing is installed yet. */
static int make_table(ctl *c, const schema_file *first)
{
    const char *text, *begin, *end;

    if (schema_file_text(c, first, &text) != CTL_OK) {
        return CTL_FAILED;
    }
    begin = strstr(text, TABLE);
    end = begin ? strchr(begin, ';') : NULL;
    return end ? schema_send(c, first->path, apr_pstrmemdup(c->pool, begin, (apr_size_t)(end - begin)))
           : ctl_fail("%s does not make schema_migration: the file is damaged", first->path);
}

int schema_lease_take(ctl *c, const schema_file *first)
{
    const char *node, *mine;
    apr_array_header_t *rows;

    /* Not by @@wsrep_on, which servers without Galera do not know. */
    if (ctl_db_value(c, &node, "SELECT n.variable_value FROM information_schema.global_variables n"
                     " JOIN information_schema.global_variables w ON w.variable_name = 'WSREP_ON' AND w.variable_value = 'ON'"
                     " WHERE n.variable_name = 'WSREP_NODE_NAME'", 0) != CTL_OK) {
        return CTL_FAILED;
    }
    if (!node) {
        return CTL_OK;
    }
    mine = apr_pstrcat(c->pool, "kissctl at ", node, NULL);
    /* Of two that are sent at the same time one is rolled back, or finds the other's. */
    ctl_db_keep_conflicts(1);
    if (make_table(c, first) == CTL_OK) {
        ctl_db_run(c, NULL, "INSERT IGNORE INTO schema_migration (version, title) VALUES (0, LEFT(?, 100))", 1, mine);
    }
    ctl_db_keep_conflicts(0);
    if (ctl_db_rows(c, &rows, c->pool, "SELECT title, applied_at, title = LEFT(?, 100) FROM schema_migration"
                    " WHERE version = 0", 1, mine) != CTL_OK) {
        return CTL_FAILED;
    }
    if (rows->nelts == 0) {
        return ctl_fail("another node of the cluster is at work on the schema: nothing was done. Try again.");
    }
    taken = CTL_ROW(rows, 0)[2][0] == '1';
    return taken ? CTL_OK
           : ctl_fail("another node of the cluster is at work on the schema since %s: %s. Nothing was done. Wait for it. If it "
                      "was cut off, run this at that node; where the node is gone, DELETE FROM schema_migration WHERE "
                      "version = 0.", CTL_ROW(rows, 0)[1], CTL_ROW(rows, 0)[0]);
}

void schema_lease_end(ctl *c)
{
    if (taken && c->db) {
        mysql_query(c->db, "DELETE FROM schema_migration WHERE version = 0");
        taken = 0;
    }
}
