/* SPDX-License-Identifier: Apache-2.0 */
/**
 * setup_database - the database, the two accounts and what they may do.
 */
#include "setup.h"

#include <string.h>

#include <apr_strings.h>

#include "ctl_db.h"
#include "ctl_message.h"
#include "schema_files.h"
#include "schema_rights.h"
#include "setup_text.h"

/** Rights that this needs and can give on; those of an account may be for single databases, which is not enough. */
#define ADMIN_RIGHTS "SELECT COUNT(*) FROM information_schema.user_privileges WHERE is_grantable = 'YES'" \
    " AND privilege_type IN ('CREATE USER', 'CREATE', 'SELECT', 'INSERT', 'UPDATE', 'DELETE', 'TRIGGER')" \
    " AND grantee = CONCAT(QUOTE(SUBSTRING_INDEX(CURRENT_USER(), '@', 1)), '@', QUOTE(SUBSTRING_INDEX(CURRENT_USER(), '@', -1)))"

int setup_look_server(setup *s)
{
    const char *rights, *user;

    if (ctl_db_value(s->c, &user, "SELECT CURRENT_USER()", 0) != CTL_OK
        || ctl_db_value(s->c, &rights, ADMIN_RIGHTS, 0) != CTL_OK
        || ctl_db_value(s->c, &s->socket, "SELECT @@socket", 0) != CTL_OK) {
        return CTL_FAILED;
    }
    if (!rights || *rights != '7') {
        return ctl_fail("the account %s may not make databases and accounts: run this as root, or name a my.cnf file of an "
                        "administrator of MariaDB with --admin FILE", user);
    }
    if (!s->socket || !setup_text_plain(s->socket)) {
        return ctl_fail("the server's socket '%s' cannot be written into httpd's configuration", s->socket ? s->socket : "");
    }
    return schema_grants(s->c, &s->grants, SCHEMA_GRANTS);
}

/** Makes the database the one of the connection. */
static int choose(setup *s)
{
    return mysql_select_db(s->c->db, s->database) == 0 ? CTL_OK : ctl_db_error(s->c, "cannot use the database");
}

int setup_look_database(setup *s, const char **what, int *there)
{
    /* A database of others, unless it has the first table of an installation, which may have been cut off after that. */
    const char *sql = "SELECT COUNT(*) > 0 AND NOT EXISTS (SELECT 1 FROM information_schema.columns"
        " WHERE table_schema = DATABASE() AND table_name = 'schema_migration' AND column_name = 'applied_at')"
        " FROM information_schema.tables WHERE table_schema = DATABASE()", *found, *foreign;

    *what = s->database;
    if (ctl_db_value(s->c, &found, "SELECT 1 FROM information_schema.schemata WHERE schema_name = ?", 1, s->database) != CTL_OK) {
        return CTL_FAILED;
    }
    *there = s->database_exists = found != NULL;
    if (!found) {
        return CTL_OK;
    }
    if (choose(s) != CTL_OK || ctl_db_value(s->c, &foreign, sql, 0) != CTL_OK) {
        return CTL_FAILED;
    }
    return *foreign == '0' ? CTL_OK
        : ctl_fail("the database %s has tables that are not mod_kiss': name another one with --database NAME", s->database);
}

int setup_make_database(setup *s)
{
    return ctl_db_exec(s->c, apr_psprintf(s->c->pool, "CREATE DATABASE `%s` CHARACTER SET utf8mb4", s->database));
}

/** The account of kissctl, as grants.sql writes it. */
static const char *kissctl_account(const setup *s)
{
    int i;

    for (i = 0; i < s->grants->nelts; i++) {
        const char *account = APR_ARRAY_IDX(s->grants, i, schema_grant).account;

        if (strcmp(account, schema_module_account(s->grants)) != 0) {
            return account;
        }
    }
    return "'" SETUP_TEXT_KISSCTL "'@'localhost'";
}

/** Logs in as an account of this host. */
static int login(setup *s, const char *account, const char *password, const char *file)
{
    const char *user = apr_pstrmemdup(s->c->pool, account + 1, strcspn(account + 1, "'"));
    MYSQL *db = mysql_init(NULL);
    my_bool off = 0;
    int rc = CTL_OK;

    if (!db) {
        return ctl_fail("out of memory");
    }
    /* Over the socket; newer libraries would ask for TLS, and for a certificate that they know. */
    mysql_options(db, MYSQL_OPT_SSL_ENFORCE, &off);
    mysql_options(db, MYSQL_OPT_SSL_VERIFY_SERVER_CERT, &off);
    if (!mysql_real_connect(db, NULL, user, password, NULL, 0, s->socket, 0)) {
        rc = ctl_fail("the account %s is there, but %s does not have its password: %s. Put the right one there, or, if nobody needs "
                      "it, DROP USER %s and run this again.", account, file, mysql_error(db), account);
    }
    mysql_close(db);
    return rc;
}

/** An account: done when it can log in by the file that has its password. */
static int look_account(setup *s, const char *account, const char *password, const char *file, int *there)
{
    const char *found;

    if (ctl_db_value(s->c, &found, "SELECT 1 FROM information_schema.user_privileges WHERE grantee = ? LIMIT 1", 1, account)
        != CTL_OK) {
        return CTL_FAILED;
    }
    *there = found != NULL;
    if (!found) {
        return CTL_OK;
    }
    return password ? login(s, account, password, file)
        : ctl_fail("the account %s is there already, but not %s with its password: write the file (mode 0600), or, if nobody needs "
                   "the account, DROP USER %s and run this again", account, file, account);
}

int setup_look_module_account(setup *s, const char **what, int *there)
{
    *what = schema_module_account(s->grants);
    return look_account(s, *what, s->password, s->password_file, there);
}

int setup_look_kissctl_account(setup *s, const char **what, int *there)
{
    *what = kissctl_account(s);
    return look_account(s, *what, s->admin_password, s->c->defaults, there);
}

/** The password goes to the server alone, over its socket; no message has it. */
static int make_account(setup *s, const char *account, const char *password)
{
    char *quoted = apr_palloc(s->c->pool, strlen(password) * 2 + 1);

    mysql_real_escape_string(s->c->db, quoted, password, strlen(password));
    return ctl_db_exec(s->c, apr_psprintf(s->c->pool, "CREATE USER %s IDENTIFIED BY '%s'", account, quoted));
}

int setup_make_module_account(setup *s)
{
    return make_account(s, schema_module_account(s->grants), s->password);
}

int setup_make_kissctl_account(setup *s)
{
    return make_account(s, kissctl_account(s), s->admin_password);
}

static int look_rights(setup *s, const char *account, const char **what, int *there)
{
    apr_hash_t *granted;

    *what = apr_psprintf(s->c->pool, "of %s in %s", account, s->database);
    *there = 0;
    if (!s->database_exists) {
        return CTL_OK;
    }
    if (choose(s) != CTL_OK || schema_granted(s->c, &granted, account) != CTL_OK) {
        return CTL_FAILED;
    }
    *there = !*schema_lacking(schema_wanted(s->grants, account, s->c->pool), granted, s->c->pool);
    return CTL_OK;
}

static int make_rights(setup *s, const char *account)
{
    int i;

    if (choose(s) != CTL_OK) {
        return CTL_FAILED;
    }
    for (i = 0; i < s->grants->nelts; i++) {
        const schema_grant *grant = &APR_ARRAY_IDX(s->grants, i, schema_grant);

        if (strcmp(grant->account, account) == 0 && ctl_db_exec(s->c, grant->sql) != CTL_OK) {
            return CTL_FAILED;
        }
    }
    return CTL_OK;
}

int setup_look_module_rights(setup *s, const char **what, int *there)
{
    return look_rights(s, schema_module_account(s->grants), what, there);
}

int setup_look_kissctl_rights(setup *s, const char **what, int *there)
{
    return look_rights(s, kissctl_account(s), what, there);
}

int setup_make_module_rights(setup *s)
{
    return make_rights(s, schema_module_account(s->grants));
}

int setup_make_kissctl_rights(setup *s)
{
    return make_rights(s, kissctl_account(s));
}

/** Whether the account of kissctl, which has no right SUPER, may make triggers. */
static int look_triggers(setup *s)
{
    const char *refused;

    /* By this table, since servers without Galera do not know @@wsrep_on. */
    if (ctl_db_value(s->c, &refused, "SELECT @@log_bin_trust_function_creators = 0 AND EXISTS (SELECT 1 FROM"
                     " information_schema.global_variables WHERE variable_name IN ('LOG_BIN', 'WSREP_ON')"
                     " AND variable_value = 'ON')", 0) != CTL_OK) {
        return CTL_FAILED;
    }
    return refused && *refused == '0' ? CTL_OK : ctl_fail(SCHEMA_NO_TRIGGERS);
}

int setup_look_schema(setup *s, const char **what, int *there)
{
    apr_array_header_t *files;
    int version = 0;

    if (schema_files(s->c, &files) != CTL_OK
        || (s->database_exists && (choose(s) != CTL_OK || schema_version(s->c, &version) != CTL_OK))) {
        return CTL_FAILED;
    }
    *what = apr_psprintf(s->c->pool, "version %d in %s", files->nelts, s->database);
    *there = version == files->nelts;
    return *there ? CTL_OK : version == 0 ? look_triggers(s) : ctl_fail("%s", schema_advice(s->c, version, files->nelts));
}
