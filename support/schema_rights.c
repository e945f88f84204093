/* SPDX-License-Identifier: Apache-2.0 */
/**
 * schema_rights - reads the statements of grants.sql, and what the server says that accounts have.
 */
#include "schema_rights.h"

#include <string.h>

#include <apr_lib.h>
#include <apr_strings.h>

#include "ctl_db.h"
#include "ctl_message.h"
#include "schema_files.h"

/** What an account may do in this database, one row each. */
#define GRANTED "SELECT CONCAT(privilege_type, ' ON ', object) FROM (" \
    "SELECT privilege_type, '*' AS object FROM information_schema.user_privileges" \
    " WHERE grantee = ? AND privilege_type <> 'USAGE'" \
    " UNION SELECT privilege_type, '*' FROM information_schema.schema_privileges" \
    " WHERE grantee = ? AND DATABASE() LIKE table_schema" \
    " UNION SELECT privilege_type, table_name FROM information_schema.table_privileges" \
    " WHERE grantee = ? AND table_schema = DATABASE()) g ORDER BY 1"

/** Reads "GRANT RIGHT, RIGHT ON object TO account". @return 1, or 0 when it is something else */
static int read_grant(schema_grant *grant, apr_pool_t *p)
{
    const char *rights = grant->sql + strlen("GRANT "), *on = strstr(rights, " ON "), *to = on ? strstr(on, " TO ") : NULL;
    const char *object;
    char *rest, *right;

    if (!to) {
        return 0;
    }
    grant->account = apr_pstrdup(p, to + 4);
    grant->rights = apr_hash_make(p);
    object = apr_pstrmemdup(p, on, (apr_size_t)(to - on));
    right = apr_strtok(apr_pstrmemdup(p, rights, (apr_size_t)(on - rights)), ",", &rest);
    for (; right; right = apr_strtok(NULL, ",", &rest)) {
        char *end = right + strlen(right);

        right += strspn(right, " \n");
        while (end > right && apr_isspace(end[-1])) {
            *--end = '\0';
        }
        apr_hash_set(grant->rights, apr_pstrcat(p, right, object, NULL), APR_HASH_KEY_STRING, "");
    }
    return 1;
}

int schema_grants(ctl *c, apr_array_header_t **grants, const char *name)
{
    schema_file file = {0, name, NULL};
    const char *text, *at;

    *grants = apr_array_make(c->pool, 6, sizeof(schema_grant));
    file.path = apr_pstrcat(c->pool, c->sql_dir, "/", c->verb->database->folder, "/", name, NULL);
    if (schema_file_text(c, &file, &text) != CTL_OK) {
        return CTL_FAILED;
    }
    for (at = strstr(text, "\nGRANT "); at; at = strstr(at + 1, "\nGRANT ")) {
        schema_grant grant = {NULL};

        grant.sql = apr_pstrmemdup(c->pool, at + 1, strcspn(at + 1, ";"));
        if (read_grant(&grant, c->pool)) {
            APR_ARRAY_PUSH(*grants, schema_grant) = grant;
        }
    }
    return (*grants)->nelts > 0 ? CTL_OK : ctl_fail("%s has no GRANT statement: install the package again", file.path);
}

const char *schema_module_account(const apr_array_header_t *grants)
{
    return APR_ARRAY_IDX(grants, 0, schema_grant).account;
}

apr_hash_t *schema_wanted(const apr_array_header_t *grants, const char *account, apr_pool_t *p)
{
    apr_hash_t *rights = apr_hash_make(p);
    int i;

    for (i = 0; i < grants->nelts; i++) {
        const schema_grant *grant = &APR_ARRAY_IDX(grants, i, schema_grant);

        if (strcmp(grant->account, account) == 0) {
            rights = apr_hash_overlay(p, grant->rights, rights);
        }
    }
    return rights;
}

int schema_granted(ctl *c, apr_hash_t **rights, const char *account)
{
    apr_array_header_t *rows;
    int i;

    *rights = apr_hash_make(c->pool);
    if (ctl_db_rows(c, &rows, c->pool, GRANTED, 3, account, account, account) != CTL_OK) {
        return CTL_FAILED;
    }
    for (i = 0; i < rows->nelts; i++) {
        apr_hash_set(*rights, CTL_ROW(rows, i)[0], APR_HASH_KEY_STRING, "");
    }
    return CTL_OK;
}

/** The same right on all tables. */
static const char *on_all(apr_pool_t *p, const char *right)
{
    return apr_pstrcat(p, apr_pstrmemdup(p, right, strstr(right, " ON ") - right), " ON *", NULL);
}

const char *schema_lacking(apr_hash_t *these, apr_hash_t *others, apr_pool_t *p)
{
    const char *list = "";
    apr_hash_index_t *h;

    for (h = apr_hash_first(p, these); h; h = apr_hash_next(h)) {
        const void *right;

        apr_hash_this(h, &right, NULL, NULL);
        if (!apr_hash_get(others, right, APR_HASH_KEY_STRING)
            && !apr_hash_get(others, on_all(p, right), APR_HASH_KEY_STRING)) {
            list = apr_pstrcat(p, list, *list ? ", " : "", right, NULL);
        }
    }
    return list;
}
