/* SPDX-License-Identifier: Apache-2.0 */
/**
 * db_check - the thread of one child that checks all databases after a start or reload.
 */
#include "db/db_check.h"

#include <ap_mpm.h>

#include <apr_atomic.h>
#include <apr_file_io.h>
#include <apr_shm.h>

#include <mysqld_error.h>

#include <stdlib.h>
#include <string.h>

#include "core/config.h"
#include "db/db_pool.h"
#include "lib/api/page_sql.h"
#include "lib/api/write_plan.h"
#include "lib/base/clock.h"
#include "lib/base/plural.h"
#include "lib/base/thread.h"
#include "lib/mariadb/server_error.h"

/* How often servers that failed are asked whether they work again, and how soon the thread sees that it shall end. */
#define ASK_AGAIN apr_time_from_sec(1)
#define STEP      apr_time_from_msec(50)

/** The check in this child. */
typedef struct {
    server_rec *server;
    apr_pool_t *pool;               /* of the thread, with its own allocator */
    apr_pool_t *scratch;            /* for one database; cleared before the next */
    apr_thread_t *thread;
    const apr_array_header_t *uses; /* of kiss_config_use */
    volatile apr_uint32_t stop;
    int completed;                  /* 1 when the check was completed */
    int watches;                    /* 1 when a database has several servers */
} checker;

/** Who does what, shared by the children of a generation. */
enum { UNCHECKED, CLAIMED, CHECKED };

/* NULL without shared memory. */
static volatile apr_uint32_t *claimed;

/* That of this process; NULL when another process checks. */
static checker *self;

/* --- one database --- */

/**
 * Reports a statement that failed. Where the cause is not the statement, but a busy server or a lost connection, all
 * others would fail, too; where it is the server, another one may do (conn->away).
 *
 * @param reason receives why the check cannot continue
 */
static void failed(kiss_db_conn *conn, unsigned int code, const char *text, const char *sql, const char **reason)
{
    const char *advice = kiss_server_error_advice(code, conn->k->api->name, conn->k->pool);
    kiss_server_kind kind = kiss_server_error_kind(code);

    if (code && kind != KISS_SERVER_OURS) {
        conn->away = kind == KISS_SERVER_LOST || kind == KISS_SERVER_AWAY;
        *reason = apr_psprintf(conn->k->pool, "%s (error %u)%s%s", text, code, *advice ? ". " : "", advice);
    }
    else if (!kiss_db_pool_ends(conn->k)) {
        KISS_LOG(conn->k, APLOG_ERR, 0, KISS_LOGNO(0203) "database %s: a statement cannot be prepared: %s (error %u). %s "
                 "Statement: %s", kiss_db_pool_conf(conn)->name, text, code, *advice ? advice : "Run 'kissctl doctor'.",
                     sql);
    }
}

/** @return 1 when the statement cannot be prepared; `reason` as for failed() */
static int check_statement(kiss_db_conn *conn, const char *sql, const char **reason)
{
    MYSQL_STMT *stmt;
    int rv;

    if (*reason || kiss_db_pool_ends(conn->k)) {
        return 0;
    }
    stmt = mysql_stmt_init(conn->mysql);
    rv = !stmt || mysql_stmt_prepare(stmt, sql, strlen(sql)) != 0;
    if (rv) {
        failed(conn, stmt ? mysql_stmt_errno(stmt) : 0, stmt ? mysql_stmt_error(stmt) : "out of memory", sql, reason);
    }
    if (stmt) {
        mysql_stmt_close(stmt);
    }
    return rv;
}

/** Prepares every statement, pages with all their filters. @return the number of failures */
static int check_statements(kiss_db_conn *conn, const kiss_plan *plan, const char **reason)
{
    const kiss_endpoint *e;
    int i, n = 0;

    for (i = 0; i < plan->count; i++) {
        n += check_statement(conn, plan->statements[i].text, reason);
    }
    for (e = plan->api->endpoints; e->path; e++) {
        for (i = 0; e->pages && i < KISS_ROLES; i++) {
            n += check_statement(conn, kiss_page_sql_sample(plan, e, (kiss_role)i, conn->k->pool), reason);
        }
    }
    return n;
}

/** The same of what the account that writes runs. */
static int check_writes(kiss_db_conn *conn, const kiss_plan *plan, const char **reason)
{
    const char *texts[KISS_WRITE_STATEMENTS];
    int i, j, k, n = 0;

    for (i = 0; i < plan->writes->nelts; i++) {
        const kiss_write_plan *w = APR_ARRAY_IDX(plan->writes, i, const kiss_write_plan *);

        for (j = -1; j < w->nnested; j++) {
            kiss_write_plan_texts(texts, j < 0 ? &w->self : &w->nested[j]);
            for (k = 0; k < KISS_WRITE_STATEMENTS; k++) {
                n += texts[k] ? check_statement(conn, texts[k], reason) : 0;
            }
        }
    }
    return n;
}

/** The name in backquotes after the first `lead` in `text`, in `p`; `text` is moved past it. "" when there is none. */
static const char *quoted(const char **text, const char *lead, apr_pool_t *p)
{
    const char *at = strstr(*text, lead);
    const char *end = at ? strchr(at + strlen(lead), '`') : NULL;

    if (!end) {
        return "";
    }
    *text = end;
    return apr_pstrmemdup(p, at + strlen(lead), (apr_size_t)(end - at) - strlen(lead));
}

/** Compares "CONSTRAINT `guard_NAME` FOREIGN KEY (...) REFERENCES `NAME`" for each NAME. */
static void check_guard_keys(const kiss_db_conn *conn, const char *definition)
{
    const char *name;

    while (*(name = quoted(&definition, "CONSTRAINT `guard_", conn->k->pool))) {
        const char *table = quoted(&definition, "REFERENCES `", conn->k->pool);

        if (strcmp(name, table) != 0) {
            KISS_LOG(conn->k, APLOG_WARNING, 0,
                     KISS_LOGNO(0231) "database %s: the guard of %s leads to %s: the table was swapped, "
                     "and its changes are not seen (run 'kissctl schema repair', or 'kissctl kss schema repair')",
                     kiss_db_pool_conf(conn)->name, name, table);
        }
    }
}

/**
 * Checks that each table that the guard refers to is the one of that name: a table that was swapped by renaming has
 * kept its triggers and foreign keys. Triggers and the catalogue of foreign keys are hidden from an account with read
 * rights only.
 */
static void check_guard(kiss_db_conn *conn, const char **reason)
{
    static const char show[] = "SHOW CREATE TABLE truncate_guard";
    MYSQL_RES *result = NULL;
    MYSQL_ROW row;

    if (mysql_query(conn->mysql, show) == 0 && (result = mysql_store_result(conn->mysql))
        && (row = mysql_fetch_row(result)) && row[1]) {
        check_guard_keys(conn, row[1]);
    }
    else if (mysql_errno(conn->mysql) != ER_NO_SUCH_TABLE) {
        failed(conn, mysql_errno(conn->mysql), mysql_error(conn->mysql), show, reason);
    }
    else if (!kiss_db_pool_ends(conn->k)) {
        KISS_LOG(conn->k, APLOG_WARNING, 0,
                 KISS_LOGNO(0232) "database %s: the table truncate_guard is missing: TRUNCATE would not "
                 "be seen (run 'kissctl schema repair', or 'kissctl kss schema repair')", kiss_db_pool_conf(conn)->name);
    }
    mysql_free_result(result);
}

int kiss_db_check_budget(int *children, int *each, int max)
{
    int threads = 1;

    *children = 1;
    ap_mpm_query(AP_MPMQ_MAX_DAEMONS, children);
    /* Prefork returns 0, or a value that no directive has set. */
    if (ap_mpm_query(AP_MPMQ_MAX_THREADS, &threads) != APR_SUCCESS || threads < 1) {
        threads = 1;
    }
    *each = threads < max ? threads : max;
    return *children * *each + 1;
}

/** Compares the budget, which is doubled during a reload, with the limit of the server. */
static void check_budget(kiss_db_conn *conn)
{
    const kiss_database_conf *conf = kiss_db_pool_conf(conn);
    int children, each, need = 2 * kiss_db_check_budget(&children, &each, conf->max);
    MYSQL_RES *result = NULL;
    MYSQL_ROW row;

    if (mysql_query(conn->mysql, "SELECT @@max_connections") == 0 && (result = mysql_store_result(conn->mysql))
        && (row = mysql_fetch_row(result)) && row[0] && apr_atoi64(row[0]) < need) {
        KISS_LOG(conn->k, APLOG_WARNING, 0, KISS_LOGNO(0204) "database %s: %d child%s with up to %d connection%s, and one "
                 "more, twice during a reload, are %d, but the server allows %s: lower max= or the number of children, or "
                 "raise max_connections", conf->name, children, KISS_PLURAL(children, "", "ren"), each,
                 KISS_PLURAL_S(each), need, row[0]);
    }
    mysql_free_result(result);
}

/** TLS of the connection, as text. */
static const char *tls_text(const kiss_db_conn *conn)
{
    const char *cipher = mysql_get_ssl_cipher(conn->mysql);

    int verified = kiss_db_pool_conf(conn)->tls == KISS_TLS_VERIFY;

    return cipher ? apr_psprintf(conn->k->pool, "over TLS (%s), %s", cipher, verified ? "verified" : "not verified")
           : "in the clear";
}

/** All checks on an open connection. @return why it cannot be used any more, or NULL */
static const char *check_connected(const checker *c, const kiss_config_use *use, kiss_db_conn *conn)
{
    const char *reason = NULL;

    int failures = use->writes ? check_writes(conn, use->plan, &reason) : check_statements(conn, use->plan, &reason);

    if (failures == 0 && !reason && !kiss_db_pool_ends(conn->k)) {
        ap_log_error(APLOG_MARK, APLOG_INFO, 0, c->server, KISS_LOGNO(0206) "database %s: MariaDB %s at %s, %s; "
                     "schema version %u, %d statements", use->database->name, mysql_get_server_info(conn->mysql),
                     use->database->servers[conn->server].address, tls_text(conn), use->plan->api->schema_version,
                     kiss_config_statements(use));
    }
    if (!reason && !kiss_db_pool_ends(conn->k)) {
        check_guard(conn, &reason);
    }
    if (!reason && !kiss_db_pool_ends(conn->k)) {
        check_budget(conn);
    }
    return reason;
}

/** What stands for a request, in the scratch pool. */
static kiss_req stand_in(const checker *c, const kiss_config_use *use)
{
    kiss_req k = {
        .server = c->server,
        .pool = c->scratch,
        .api = use->plan->api,
        .db = use->database->db,
        .stop = (volatile apr_uint32_t *)&c->stop
    };

    return k;
}

/** Checks a database, by another one of its servers where one fails meanwhile: requests ask that one, too. */
static void check(const checker *c, const kiss_config_use *use)
{
    kiss_req k = stand_in(c, use);
    kiss_db_conn *conn = kiss_db_pool_extra(k.db, &k);
    const char *reason = "see above";
    kiss_db_server_set tried = 0;

    do {
        conn->away = 0;
        if (kiss_db_pool_connect(conn, use->plan->api->schema_version, tried) != KISS_DB_OK) {
            break;
        }
        tried |= KISS_DB_SERVER(conn->server);
        reason = check_connected(c, use, conn);
        kiss_db_pool_abandon(conn);
    } while (reason && conn->away && kiss_db_servers_choose(use->database, tried) >= 0 && !kiss_db_pool_ends(&k));
    if (reason && !kiss_db_pool_ends(&k)) {
        ap_log_error(APLOG_MARK, APLOG_WARNING, 0, c->server, KISS_LOGNO(0205) "database %s is not usable now (%s): the API "
                     "answers 503 until it is", use->database->name, reason);
    }
}

/* --- the thread --- */

/** Asks the servers of a database that failed: a connection that succeeds records that they work. */
static void ask_failed(const checker *c, const kiss_config_use *use)
{
    const kiss_database_conf *conf = use->database;
    int i;

    for (i = 0; i < conf->nservers && conf->nservers > 1; i++) {
        if (kiss_db_servers_has_failed(conf, i)) {
            kiss_req k = stand_in(c, use);
            kiss_db_conn *conn = kiss_db_pool_extra(k.db, &k);

            if (kiss_db_pool_connect_to(conn, i, use->plan->api->schema_version) == KISS_DB_OK) {
                kiss_db_pool_abandon(conn);
            }
            else {
                kiss_db_servers_failed(conf, i);        /* left alone for another while */
            }
            apr_pool_clear(c->scratch);
        }
    }
}

/** Until the child ends. */
static void watch(const checker *c)
{
    apr_int64_t last = kiss_clock_now();
    int i;

    while (!apr_atomic_read32((volatile apr_uint32_t *)&c->stop)) {
        if (kiss_clock_now() - last >= ASK_AGAIN) {
            for (i = 0; i < c->uses->nelts; i++) {
                const kiss_config_use *use = &APR_ARRAY_IDX(c->uses, i, kiss_config_use);

                if (use->database->db) {
                    ask_failed(c, use);
                }
            }
            last = kiss_clock_now();
        }
        apr_sleep(STEP);
    }
}

/** Checks each database. */
static kiss_db_check_other *also;

void kiss_db_check_also(kiss_db_check_other *check)
{
    also = check;
}

static void check_all(checker *c)
{
    apr_int64_t start = kiss_clock_now();
    kiss_req k = { .server = c->server, .pool = c->scratch };
    int i;

    for (i = 0; i < c->uses->nelts && !apr_atomic_read32(&c->stop); i++) {
        const kiss_config_use *use = &APR_ARRAY_IDX(c->uses, i, kiss_config_use);

        apr_pool_clear(c->scratch);
        if (use->database->db) {
            check(c, use);
        }
    }
    if (also && !apr_atomic_read32(&c->stop)) {
        apr_pool_clear(c->scratch);
        also(&k);
    }
    c->completed = !apr_atomic_read32(&c->stop);
    if (c->completed) {
        ap_log_error(APLOG_MARK, APLOG_INFO, 0, c->server, KISS_LOGNO(0250) "%d databases were checked in %d ms",
                     c->uses->nelts, (int)((kiss_clock_now() - start) / 1000));
    }
}

static void *APR_THREAD_FUNC run(apr_thread_t *thread, void *baton)
{
    checker *c = baton;

    (void)thread;
    if (!c->completed) {
        check_all(c);
    }
    apr_pool_clear(c->scratch);
    if (c->watches) {
        watch(c);
    }
    return NULL;
}

void kiss_db_check_stop(void)
{
    if (self) {
        apr_atomic_set32(&self->stop, 1);
    }
}

/** Before the pools of connections are destroyed. */
static apr_status_t finish(void *baton)
{
    checker *c = baton;
    apr_status_t rv;

    kiss_db_check_stop();
    kiss_db_pool_stop(0);
    apr_thread_join(&rv, c->thread);
    if (!c->completed || c->watches) {
        apr_atomic_set32(claimed, c->completed ? CHECKED : UNCHECKED);     /* for the next child that starts */
    }
    self = NULL;
    apr_pool_destroy(c->pool);
    return APR_SUCCESS;
}

/** Warns when there is a group in the option file that former versions read and this one does not. */
static void warn_of_option_file(server_rec *s, apr_pool_t *p)
{
    const char *home = getenv("MARIADB_HOME"), *path = home ? apr_pstrcat(p, home, "/my.cnf", NULL) : NULL;
    char line[256];
    apr_file_t *f;

    if (!path || apr_file_open(&f, path, APR_FOPEN_READ | APR_FOPEN_BUFFERED, APR_FPROT_OS_DEFAULT, p) != APR_SUCCESS) {
        return;
    }
    while (apr_file_gets(line, sizeof(line), f) == APR_SUCCESS) {
        if (strncmp(line, "[mod_kiss]", 10) == 0) {
            ap_log_error(APLOG_MARK, APLOG_WARNING, 0, s, KISS_LOGNO(0254) "the group [mod_kiss] of %s is not read any "
                         "more: its connect-timeout is connect= of KissDatabase, its ssl-ca is ca=", path);
            break;
        }
    }
    apr_file_close(f);
}

void kiss_db_check_prepare(server_rec *s, apr_pool_t *pconf)
{
    apr_shm_t *shm;
    apr_status_t rv = apr_shm_create(&shm, sizeof(*claimed), NULL, pconf);

    warn_of_option_file(s, pconf);
    claimed = rv == APR_SUCCESS ? apr_shm_baseaddr_get(shm) : NULL;
    if (claimed) {
        *claimed = UNCHECKED;
    }
    else {
        ap_log_error(APLOG_MARK, APLOG_WARNING, rv, s, KISS_LOGNO(0251) "no shared memory: the databases are not "
                     "checked at start");
    }
}

void kiss_db_check_start(server_rec *s, apr_pool_t *pchild)
{
    checker *c = apr_pcalloc(pchild, sizeof(*c));
    apr_status_t rv;

    apr_uint32_t was;
    int i;

    self = NULL;
    c->uses = kiss_config_all_uses(s, pchild);
    if (!c->uses->nelts || !claimed
        || ((was = apr_atomic_cas32(claimed, CLAIMED, UNCHECKED)) != UNCHECKED
            && (was = apr_atomic_cas32(claimed, CLAIMED, CHECKED)) != CHECKED)) {
        return;
    }
    c->completed = was == CHECKED;
    for (i = 0; i < c->uses->nelts; i++) {
        c->watches = c->watches || APR_ARRAY_IDX(c->uses, i, kiss_config_use).database->nservers > 1;
    }
    c->server = s;
    rv = apr_pool_create_unmanaged_ex(&c->pool, NULL, NULL);
    if (rv == APR_SUCCESS) {
        apr_pool_tag(c->pool, "kiss_db_check");
        rv = apr_pool_create(&c->scratch, c->pool);
    }
    if (rv == APR_SUCCESS) {
        rv = kiss_thread_create(&c->thread, run, c, pchild);
    }
    if (rv != APR_SUCCESS) {
        ap_log_error(APLOG_MARK, APLOG_WARNING, rv, s, KISS_LOGNO(0252) "no thread to check the databases: another child "
                     "does");
        apr_atomic_set32(claimed, was);
        return;
    }
    self = c;
    apr_pool_pre_cleanup_register(pchild, c, finish);
}
