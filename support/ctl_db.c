/* SPDX-License-Identifier: Apache-2.0 */
/**
 * ctl_db - the connection of kissctl, and statements with bound values.
 */
#include "ctl_db.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>

#include <apr_file_io.h>
#include <apr_strings.h>
#include <errmsg.h>
#include <mysqld_error.h>

#include "ctl_defaults.h"
#include "ctl_file.h"
#include "ctl_message.h"
#include "lib/base/clock.h"
#include "lib/base/plural.h"
#include "lib/mariadb/server_error.h"
#include "lib/mariadb/session.h"

/** Whether conflicts are kept, and whether one was. */
static int keeps_conflicts;
static ctl_db_conflict conflict;

void ctl_db_keep_conflicts(int keep)
{
    keeps_conflicts = keep;
    conflict = CTL_DB_NO_CONFLICT;
}

ctl_db_conflict ctl_db_met_conflict(void)
{
    return conflict;
}

/** The advice for an error; of a session that the server may have ended by itself also why it does so. */
static const char *advice_for(const ctl *c, unsigned int code)
{
    if (c->silence && kiss_server_error_kind(code) == KISS_SERVER_LOST && code != ER_QUERY_INTERRUPTED) {
        return apr_psprintf(c->pool, "The server ends the session of a kissctl that has locks and is silent for %d "
                            "seconds: was it stopped, or its machine, or was its output not read? If not, the server's log "
                            "says why. What was not committed is undone: run it again.", c->silence);
    }
    return kiss_server_error_advice(code, c->verb->database->folder, c->pool);
}

static int say_error(const ctl *c, unsigned int code, const char *message, const char *what)
{
    const char *advice = advice_for(c, code);

    if (keeps_conflicts && (code == ER_LOCK_DEADLOCK || code == ER_CHECKREAD)) {
        conflict = CTL_DB_CONFLICT;
        return CTL_FAILED;
    }
    if (keeps_conflicts && kiss_server_error_is_broken_trigger(code, message)) {
        conflict = CTL_DB_BROKEN_TRIGGER;
        return CTL_FAILED;
    }
    return ctl_fail("%s: %s (error %u).%s%s", what, *message ? message : "no reason given", code, *advice ? " " : "",
                    advice);
}

int ctl_db_error(const ctl *c, const char *what)
{
    return say_error(c, mysql_errno(c->db), mysql_error(c->db), what);
}

int ctl_db_stmt_error(const ctl *c, MYSQL_STMT *stmt, const char *what)
{
    /* A broken connection may leave the statement without its own text. */
    if (mysql_stmt_errno(stmt) == 0) {
        return ctl_db_error(c, what);
    }
    return say_error(c, mysql_stmt_errno(stmt), mysql_stmt_error(stmt), what);
}

/** A handle with the options of `group` of `file` (NULL: of none), not connected. */
static MYSQL *new_handle(const ctl *c, const char *file, const char *group)
{
    MYSQL *db = mysql_init(NULL);
    unsigned int timeout = 10, no_files = 0;
    my_bool off = 0, encrypt = c->tls != CTL_TLS_OFF, verify = c->tls == CTL_TLS_VERIFY;

    if (!db) {
        return NULL;
    }
    mysql_options(db, MYSQL_OPT_SSL_ENFORCE, &encrypt);
    mysql_options(db, MYSQL_OPT_SSL_VERIFY_SERVER_CERT, &verify);
    mysql_options(db, MYSQL_OPT_CONNECT_TIMEOUT, &timeout);
    if (file) {
        mysql_options(db, MYSQL_READ_DEFAULT_FILE, file);
        mysql_options(db, MYSQL_READ_DEFAULT_GROUP, group);
    }
    mysql_options(db, MYSQL_SET_CHARSET_NAME, "utf8mb4");
    mysql_options(db, MYSQL_OPT_RECONNECT, &off);
    mysql_options(db, MYSQL_OPT_LOCAL_INFILE, &no_files);    /* NULL would not switch it off */
    return db;
}

static MYSQL *connect_handle(MYSQL *db)
{
    return mysql_real_connect(db, NULL, NULL, NULL, NULL, 0, NULL, 0);
}

MYSQL *ctl_db_connect(const ctl *c)
{
    MYSQL *db = new_handle(c, c->defaults, c->verb->database->group);

    if (db && !connect_handle(db)) {
        mysql_close(db);
        db = NULL;
    }
    return db;
}

void ctl_db_close(ctl *c)
{
    mysql_close(c->db);
    c->db = NULL;
}

static apr_status_t end_library(void *data)
{
    ctl_db_close(data);
    mysql_library_end();
    return APR_SUCCESS;
}

/** Makes c->db, not connected. @return CTL_OK or CTL_FAILED */
static int make_handle(ctl *c, const char *file, const char *group)
{
    c->silence = 0;
    c->db = new_handle(c, file, group);
    if (!c->db) {
        return ctl_fail("out of memory");
    }
    apr_pool_cleanup_kill(c->pool, c, end_library);
    apr_pool_cleanup_register(c->pool, c, end_library, apr_pool_cleanup_null);
    return CTL_OK;
}

/** Connector/C passes over a file that it cannot read and would connect somewhere else. */
static int check_file(ctl *c, const char *file, const char *option)
{
    apr_file_t *f;
    apr_status_t rv = ctl_file_open(&f, file, c->pool);

    if (rv == EINVAL || rv == ELOOP) {
        return ctl_fail("%s, which says how to connect, %s. Name another with --%s FILE.", file, ctl_file_failure(rv, c->pool), option);
    }
    if (rv != APR_SUCCESS) {
        return ctl_fail("cannot read %s, which says how to connect: %s. Name another with --%s FILE.", file,
                        apr_psprintf(c->pool, "%pm", &rv), option);
    }
    apr_file_close(f);
    return CTL_OK;
}

/** Sets a variable that some servers do not know. @return 0, else the error is set in the connection */
static int set_if_known(MYSQL *db, const char *sql)
{
    return mysql_query(db, sql) && mysql_errno(db) != ER_UNKNOWN_SYSTEM_VARIABLE;
}

static int prepare_session(ctl *c)
{
    if (mysql_set_character_set(c->db, "utf8mb4")
        || mysql_query(c->db, KISS_SESSION_SQL) || mysql_query(c->db, KISS_SESSION_TRANSACTION)
        || set_if_known(c->db, KISS_SESSION_ISOLATION) || set_if_known(c->db, KISS_SESSION_CAUSAL)) {
        return ctl_db_error(c, "cannot prepare the session");
    }
    return CTL_OK;
}

int ctl_db_open_admin(ctl *c, const char *admin)
{
    c->tls = CTL_TLS_OFF;
    if ((admin && check_file(c, admin, "admin") != CTL_OK) || make_handle(c, admin, "client") != CTL_OK) {
        return CTL_FAILED;
    }
    if (!connect_handle(c->db)) {
        return ctl_fail("cannot connect as administrator of MariaDB (%s): %s (error %u). Start the server if it does not run; run "
                        "this as root; or name a my.cnf file with socket, user and password of an administrator with "
                        "--admin FILE.", admin ? admin : "default socket", mysql_error(c->db), mysql_errno(c->db));
    }
    if (!strstr(mysql_get_host_info(c->db), "UNIX socket")) {
        return ctl_fail("%s names a server that is not reached by a socket (%s). This sets up a database on the same host; for "
                        "another see the README, \"Install from source\".", admin, mysql_get_host_info(c->db));
    }
    return prepare_session(c);
}

/** What says how to connect. */
static const char *origin_of(const ctl *c)
{
    return c->origin ? c->origin : apr_psprintf(c->pool, "group [%s] of %s", c->verb->database->group, c->defaults);
}

int ctl_db_open(ctl *c)
{
    const char *database;

    if (check_file(c, c->defaults, "defaults") != CTL_OK || ctl_defaults_tls(c, &c->tls) != CTL_OK
        || make_handle(c, c->defaults, c->verb->database->group) != CTL_OK) {
        return CTL_FAILED;
    }
    if (!connect_handle(c->db)) {
        return ctl_db_error(c, apr_psprintf(c->pool, "cannot connect (%s)", origin_of(c)));
    }
    if (c->tls != CTL_TLS_OFF && !mysql_get_ssl_cipher(c->db)) {
        return ctl_fail("the server has no TLS (ssl_cert, ssl_key), and the connection is not to be in the clear: tls=off "
                        "in %s allows it", origin_of(c));
    }
    if (prepare_session(c) != CTL_OK || ctl_db_value(c, &database, "SELECT DATABASE()", 0) != CTL_OK) {
        return CTL_FAILED;
    }
    if (!database) {
        return ctl_fail("%s names no database: add a line database=name", origin_of(c));
    }
    return CTL_OK;
}

int ctl_db_exec(ctl *c, const char *sql)
{
    MYSQL_RES *result;

    if (mysql_query(c->db, sql)) {
        return ctl_db_error(c, "the database refused a statement");
    }
    result = mysql_store_result(c->db);
    if (result) {
        mysql_free_result(result);
    }
    return CTL_OK;
}

/** Prepares `sql`, binds the texts and executes. @return the statement, or NULL after a message */
static MYSQL_STMT *run_bound(ctl *c, apr_pool_t *p, const char *sql, int n, va_list values)
{
    MYSQL_STMT *stmt = mysql_stmt_init(c->db);
    MYSQL_BIND *bind = apr_pcalloc(p, sizeof(*bind) * (n + 1));
    my_bool on = 1;
    int i;

    for (i = 0; i < n; i++) {
        const char *value = va_arg(values, const char *);

        bind[i].buffer_type = value ? MYSQL_TYPE_STRING : MYSQL_TYPE_NULL;
        bind[i].buffer = (void *)value;
        bind[i].buffer_length = value ? strlen(value) : 0;
    }
    if (!stmt) {
        ctl_fail("out of memory");
        return NULL;
    }
    mysql_stmt_attr_set(stmt, STMT_ATTR_UPDATE_MAX_LENGTH, &on);
    if (mysql_stmt_prepare(stmt, sql, strlen(sql)) || (n && mysql_stmt_bind_param(stmt, bind))
        || mysql_stmt_execute(stmt)) {
        ctl_db_stmt_error(c, stmt, "the database refused a statement");
        mysql_stmt_close(stmt);
        return NULL;
    }
    return stmt;
}

int ctl_db_run(ctl *c, apr_uint64_t *affected, const char *sql, int n, ...)
{
    MYSQL_STMT *stmt;
    va_list values;

    va_start(values, n);
    stmt = run_bound(c, c->pool, sql, n, values);
    va_end(values);
    if (!stmt) {
        return CTL_FAILED;
    }
    if (affected) {
        *affected = mysql_stmt_affected_rows(stmt);
    }
    mysql_stmt_close(stmt);
    return CTL_OK;
}

/** Fetches all rows of an executed statement as texts. */
static int fetch_all(ctl *c, MYSQL_STMT *stmt, apr_array_header_t *rows, apr_pool_t *p)
{
    unsigned int i, n = mysql_stmt_field_count(stmt);
    MYSQL_BIND *bind = apr_pcalloc(p, sizeof(*bind) * (n + 1));
    unsigned long *lengths = apr_pcalloc(p, sizeof(*lengths) * (n + 1));
    my_bool *nulls = apr_pcalloc(p, n + 1);
    MYSQL_RES *meta;
    int rc;

    if (mysql_stmt_store_result(stmt)) {
        return ctl_db_stmt_error(c, stmt, "cannot read the answer of the database");
    }
    meta = mysql_stmt_result_metadata(stmt);
    for (i = 0; i < n; i++) {
        bind[i].buffer_type = MYSQL_TYPE_STRING;
        bind[i].buffer_length = mysql_fetch_field_direct(meta, i)->max_length + 32;
        bind[i].buffer = apr_palloc(p, bind[i].buffer_length);
        bind[i].length = &lengths[i];
        bind[i].is_null = &nulls[i];
    }
    mysql_free_result(meta);
    if (mysql_stmt_bind_result(stmt, bind)) {
        return ctl_db_stmt_error(c, stmt, "cannot read the answer of the database");
    }
    while ((rc = mysql_stmt_fetch(stmt)) == 0) {
        const char **row = apr_pcalloc(p, sizeof(*row) * (n + 1));

        for (i = 0; i < n; i++) {
            row[i] = nulls[i] ? NULL : apr_pstrmemdup(p, bind[i].buffer, lengths[i]);
        }
        APR_ARRAY_PUSH(rows, const char **) = row;
    }
    return rc == MYSQL_NO_DATA ? CTL_OK : ctl_db_stmt_error(c, stmt, "cannot read the answer of the database");
}

static int rows_of(ctl *c, apr_array_header_t **rows, apr_pool_t *p, const char *sql, int n, va_list values)
{
    MYSQL_STMT *stmt = run_bound(c, p, sql, n, values);
    int rc;

    *rows = apr_array_make(p, 16, sizeof(const char **));
    if (!stmt) {
        return CTL_FAILED;
    }
    rc = fetch_all(c, stmt, *rows, p);
    mysql_stmt_close(stmt);
    return rc;
}

int ctl_db_rows(ctl *c, apr_array_header_t **rows, apr_pool_t *p, const char *sql, int n, ...)
{
    va_list values;
    int rc;

    va_start(values, n);
    rc = rows_of(c, rows, p, sql, n, values);
    va_end(values);
    return rc;
}

int ctl_db_value(ctl *c, const char **value, const char *sql, int n, ...)
{
    apr_array_header_t *rows;
    va_list values;
    int rc;

    va_start(values, n);
    rc = rows_of(c, &rows, c->pool, sql, n, values);
    va_end(values);
    *value = rc == CTL_OK && rows->nelts > 0 ? CTL_ROW(rows, 0)[0] : NULL;
    return rc;
}

/**
 * A kissctl that hangs, or whose host has lost its power, would keep its locks for as long as the server takes the
 * connection for alive: hours. wait_timeout: between statements; idle_…: in a transaction, where an administrator may have
 * set less for all; net_…: in the middle of a packet.
 */
int ctl_db_wait_for_me(ctl *c, int seconds)
{
    const char *sql = apr_psprintf(c->pool, "SET SESSION wait_timeout = %d, idle_transaction_timeout = %d,"
                                   " idle_write_transaction_timeout = 0, idle_readonly_transaction_timeout = 0,"
                                   " net_read_timeout = %d, net_write_timeout = %d", seconds, seconds, seconds, seconds);

    if (ctl_db_exec(c, sql) != CTL_OK) {
        return CTL_FAILED;
    }
    c->silence = seconds;
    return CTL_OK;
}

int ctl_db_begin(ctl *c)
{
    if (!c->silence && ctl_db_wait_for_me(c, CTL_DB_SILENCE) != CTL_OK) {
        return CTL_FAILED;
    }
    return ctl_db_exec(c, "START TRANSACTION");
}

void ctl_db_alive(ctl *c)
{
    apr_int64_t now = kiss_clock_now();

    if (c->silence && now - c->alive > apr_time_from_sec(c->silence) / 8) {
        c->alive = now;
        mysql_ping(c->db);      /* where that fails, so does what comes next, and says so */
    }
}

int ctl_db_open_anew(ctl *c)
{
    apr_array_header_t *tables, *ignored;
    int i, rc = ctl_db_rows(c, &tables, c->pool, "SELECT DISTINCT event_object_table FROM information_schema.triggers"
                            " WHERE event_object_schema = DATABASE()", 0);

    for (i = 0; rc == CTL_OK && i < tables->nelts; i++) {
        rc = ctl_db_rows(c, &ignored, c->pool, kiss_server_error_open_anew(CTL_ROW(tables, i)[0], c->pool), 0);
    }
    return rc;
}

int ctl_db_was_over(const ctl *c)
{
    return mysql_errno(c->db) == CR_SERVER_GONE_ERROR;
}

int ctl_db_lock(ctl *c, const char *name, int seconds)
{
    /* Names of locks are the server's, not the database's, and short. */
    const char *sql = "SELECT GET_LOCK(CONCAT(?, '.', LEFT(SHA1(DATABASE()), 16)), ?)", *got;

    if (ctl_db_wait_for_me(c, CTL_DB_SILENCE) != CTL_OK || ctl_db_value(c, &got, sql, 2, name, "0") != CTL_OK) {
        return CTL_FAILED;
    }
    if (got && *got == '1') {
        return CTL_OK;
    }
    ctl_note("another kissctl is at work on this database: waiting up to %d second%s", seconds, KISS_PLURAL_S(seconds));
    if (ctl_db_value(c, &got, sql, 2, name, apr_itoa(c->pool, seconds)) != CTL_OK) {
        return CTL_FAILED;
    }
    if (!got) {
        return ctl_fail("waiting was interrupted");
    }
    if (*got == '1') {
        return CTL_OK;
    }
    return ctl_fail("another kissctl is still at work on this database after %d second%s: nothing was changed. "
                    "Wait for it, or look for it with SHOW PROCESSLIST, and try again.", seconds, KISS_PLURAL_S(seconds));
}
