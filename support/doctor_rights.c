/* SPDX-License-Identifier: Apache-2.0 */
/**
 * doctor_rights - what the accounts of kissctl and of the module may do in the database.
 */
#include "doctor_checks.h"

#include <apr_strings.h>
#include <mysqld_error.h>

#include "ctl_db.h"
#include "schema_rights.h"

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

/** Compares the rights of an account with what its file says. @param file of sql/ */
static void compare(doctor *d, const char *check, const char *account, apr_hash_t *wanted, apr_hash_t *granted,
                    const char *file)
{
    apr_pool_t *p = d->c->pool;
    const char *lacking = schema_lacking(wanted, granted, p), *more = schema_lacking(granted, wanted, p);
    const char *advice = apr_psprintf(p, "see sql/%s/%s; if the account has another name, compare with its SHOW GRANTS",
                                      d->c->verb->database->folder, file);

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

void doctor_check_module_rights(doctor *d)
{
    static const char check[] = "module's rights";
    apr_pool_t *p = d->c->pool;
    const char *account;
    apr_array_header_t *grants;
    apr_hash_t *granted;

    if (schema_grants(d->c, &grants, SCHEMA_GRANTS) != CTL_OK) {
        return;
    }
    account = schema_module_account(grants);
    if (mysql_query(d->c->db, "SELECT 1 FROM mysql.db WHERE 0")) {
        doctor_finding(d, check, DOCTOR_OK, NULL, "not checked: only an administrator's account sees those of %s "
                       "(--defaults FILE)", account);
        return;
    }
    mysql_free_result(mysql_store_result(d->c->db));
    if (schema_granted(d->c, &granted, account) == CTL_OK) {
        compare(d, check, account, schema_wanted(grants, account, p), granted, SCHEMA_GRANTS);
    }
    /* The account that writes product data: only where somebody has given it rights. */
    if (*d->c->verb->database->lead || schema_grants(d->c, &grants, SCHEMA_GRANTS_ADMIN) != CTL_OK) {
        return;
    }
    account = schema_module_account(grants);
    if (schema_granted(d->c, &granted, account) == CTL_OK && apr_hash_count(granted) > 0) {
        compare(d, "rights of who writes", account, schema_wanted(grants, account, p), granted, SCHEMA_GRANTS_ADMIN);
    }
}
