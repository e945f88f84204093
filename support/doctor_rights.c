/* SPDX-License-Identifier: Apache-2.0 */
/**
 * doctor_rights - what the accounts of kissctl and of the module may do in the database.
 */
#include "doctor_checks.h"

#include <string.h>

#include <apr_hash.h>
#include <apr_strings.h>
#include <mysqld_error.h>

#include "ctl_db.h"
#include "schema_files.h"

/** 1 when an error is about rights: a table may have other reasons to refuse a statement made only for trying. */
static int refused(unsigned int code)
{
    return code == ER_TABLEACCESS_DENIED_ERROR || code == ER_COLUMNACCESS_DENIED_ERROR
        || code == ER_DBACCESS_DENIED_ERROR || code == ER_ACCESS_DENIED_ERROR;
}

/** Tries each right on a table with a statement that touches no row. @return those refused, joined by slashes */
static const char *lacking_rights(const doctor *d, const char *table, const char *column)
{
    static const char *const rights[] = {"SELECT", "INSERT", "UPDATE", "DELETE"};
    apr_pool_t *p = d->c->pool;
    const char *lacking = "", *sql[4];
    int k;

    sql[0] = apr_psprintf(p, "SELECT `%s` FROM `%s` WHERE 0", column, table);
    sql[1] = apr_psprintf(p, "INSERT INTO `%s` (`%s`) SELECT NULL FROM DUAL WHERE 0", table, column);
    sql[2] = apr_psprintf(p, "UPDATE `%s` SET `%s` = NULL WHERE 0", table, column);
    sql[3] = apr_psprintf(p, "DELETE FROM `%s` WHERE 0", table);
    for (k = 0; k < 4; k++) {
        if (mysql_query(d->c->db, sql[k]) && refused(mysql_errno(d->c->db))) {
            lacking = apr_pstrcat(p, lacking, *lacking ? "/" : "", rights[k], NULL);
            continue;
        }
        mysql_free_result(mysql_store_result(d->c->db));
    }
    return lacking;
}

void doctor_check_own_rights(doctor *d)
{
    apr_pool_t *p = d->c->pool;
    apr_array_header_t *rows;
    const char *missing = "";
    int i;

    if (ctl_db_rows(d->c, &rows, p, "SELECT t.table_name, c.column_name FROM information_schema.tables t"
                    " JOIN information_schema.columns c USING (table_schema, table_name)"
                    " WHERE t.table_schema = DATABASE() AND t.table_type = 'BASE TABLE' AND c.ordinal_position = 1"
                    " ORDER BY 1", 0) != CTL_OK) {
        return;
    }
    for (i = 0; i < rows->nelts; i++) {
        const char *lacking = lacking_rights(d, CTL_ROW(rows, i)[0], CTL_ROW(rows, i)[1]);

        if (*lacking) {
            missing = apr_pstrcat(p, missing, *missing ? ", " : "", lacking, " on ", CTL_ROW(rows, i)[0], NULL);
        }
    }
    if (mysql_query(d->c->db, "CREATE TEMPORARY TABLE kiss_doctor (n INT)")) {
        missing = apr_pstrcat(p, missing, *missing ? ", " : "", "CREATE TEMPORARY TABLES", NULL);
    }
    if (*missing) {
        doctor_finding(d, "rights", DOCTOR_PROBLEM, apr_psprintf(p, "grant them: sql/%s/grants.sql",
                                                                 d->c->verb->database->folder),
                       "the account lacks %s", missing);
        return;
    }
    doctor_finding(d, "rights", DOCTOR_OK, NULL, "the account may read and write every table");
}

/** What the module's account may do in this database, as "INSERT ON key_usage" or "SELECT ON *", one row each. */
#define GRANTED "SELECT CONCAT(privilege_type, ' ON ', object) FROM (" \
    "SELECT privilege_type, '*' AS object FROM information_schema.user_privileges" \
    " WHERE grantee = ? AND privilege_type <> 'USAGE'" \
    " UNION SELECT privilege_type, '*' FROM information_schema.schema_privileges" \
    " WHERE grantee = ? AND DATABASE() LIKE table_schema" \
    " UNION SELECT privilege_type, table_name FROM information_schema.table_privileges" \
    " WHERE grantee = ? AND table_schema = DATABASE()) g ORDER BY 1"

/** The account of a statement "RIGHT, RIGHT ON object TO account;". */
static const char *grantee_of(apr_pool_t *p, const char *statement)
{
    const char *to = strstr(statement, " TO ");

    return to ? apr_pstrmemdup(p, to + 4, strcspn(to + 4, ";")) : "";
}

/** Puts "RIGHT ON object" into `wanted` for each right of such a statement. */
static void read_grant(apr_pool_t *p, apr_hash_t *wanted, const char *statement)
{
    const char *on = strstr(statement, " ON "), *to = strstr(statement, " TO "), *object;
    char *rest, *right;

    if (!on || !to || to < on) {
        return;
    }
    object = apr_pstrmemdup(p, on, to - on);
    right = apr_strtok(apr_pstrmemdup(p, statement, on - statement), ",", &rest);
    for (; right; right = apr_strtok(NULL, ",", &rest)) {
        apr_hash_set(wanted, apr_pstrcat(p, right + strspn(right, " \n"), object, NULL), APR_HASH_KEY_STRING, "");
    }
}

/** The rights that grants.sql gives to the account that it names first: the module's. @return the account, or NULL */
static const char *wanted_rights(const doctor *d, apr_hash_t *wanted)
{
    static const char lead[] = "\nGRANT ";
    apr_pool_t *p = d->c->pool;
    schema_file file = {0, "grants.sql", NULL};
    const char *text, *at, *account = NULL;

    file.path = apr_pstrcat(p, d->c->sql_dir, "/", d->c->verb->database->folder, "/grants.sql", NULL);
    if (schema_file_text(d->c, &file, &text) != CTL_OK) {
        return NULL;
    }
    for (at = strstr(text, lead); at; at = strstr(at + 1, lead)) {
        const char *statement = at + strlen(lead), *grantee = grantee_of(p, statement);

        account = account ? account : grantee;
        if (strcmp(grantee, account) == 0) {
            read_grant(p, wanted, statement);
        }
    }
    return account;
}

/** The same right on all tables. */
static const char *on_all(apr_pool_t *p, const char *right)
{
    return apr_pstrcat(p, apr_pstrmemdup(p, right, strstr(right, " ON ") - right), " ON *", NULL);
}

/** The keys of `these` that `others` does not have, nor for all tables. */
static const char *difference(apr_pool_t *p, apr_hash_t *these, apr_hash_t *others)
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

void doctor_check_module_rights(doctor *d)
{
    static const char check[] = "module's rights";
    apr_pool_t *p = d->c->pool;
    apr_hash_t *wanted = apr_hash_make(p), *granted = apr_hash_make(p);
    const char *account = wanted_rights(d, wanted), *lacking, *more, *advice;
    apr_array_header_t *rows;
    int i;

    if (!account) {
        return;
    }
    if (mysql_query(d->c->db, "SELECT 1 FROM mysql.db WHERE 0")) {
        doctor_finding(d, check, DOCTOR_OK, NULL, "not checked: only an administrator's account sees those of %s "
                       "(--defaults FILE)", account);
        return;
    }
    mysql_free_result(mysql_store_result(d->c->db));
    if (ctl_db_rows(d->c, &rows, p, GRANTED, 3, account, account, account) != CTL_OK) {
        return;
    }
    for (i = 0; i < rows->nelts; i++) {
        apr_hash_set(granted, CTL_ROW(rows, i)[0], APR_HASH_KEY_STRING, "");
    }
    lacking = difference(p, wanted, granted);
    more = difference(p, granted, wanted);
    advice = apr_psprintf(p, "see sql/%s/grants.sql; if the module's account has another name, compare with its SHOW "
                          "GRANTS", d->c->verb->database->folder);
    if (*lacking) {
        doctor_finding(d, check, DOCTOR_PROBLEM, advice, "%s lacks %s", account, lacking);
    }
    if (*more) {
        doctor_finding(d, check, DOCTOR_WARNING, advice, "%s may do more than it needs: %s", account, more);
    }
    if (!*lacking && !*more) {
        doctor_finding(d, check, DOCTOR_OK, NULL, "%s may do what it needs and nothing else", account);
    }
}
