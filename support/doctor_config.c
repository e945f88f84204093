/* SPDX-License-Identifier: Apache-2.0 */
/**
 * doctor_config - checks a configuration of httpd before it is loaded: httpd's own test, and each database as the module
 * would reach it.
 */
#include "doctor_checks.h"

#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <apr_strings.h>
#include <apr_time.h>

#include "ctl_db.h"
#include "ctl_httpd.h"
#include "lib/base/crypto.h"
#include "lib/base/json_parse.h"

#define CLOCK_WARNING 1                 /* seconds by which the clocks may differ */

static const char *text_of(json_object *o, const char *name)
{
    json_object *value = NULL;

    return json_object_object_get_ex(o, name, &value) && json_object_is_type(value, json_type_string)
        ? json_object_get_string(value) : NULL;
}

static int number_of(json_object *o, const char *name)
{
    json_object *value = NULL;

    return json_object_object_get_ex(o, name, &value) ? json_object_get_int(value) : 0;
}

/* --- the connection --- */

/** A line of an option file, or nothing. */
static const char *line(apr_pool_t *p, const char *key, const char *value)
{
    const char *out = "";

    if (!value) {
        return "";
    }
    for (; *value; value++) {
        out = apr_psprintf(p, "%s%s%c", out, *value == '\\' ? "\\" : "", *value);
    }
    return apr_pstrcat(p, key, "=\"", out, "\"\n", NULL);
}

/**
 * An option file that connects to a server as the module does. It holds the password, so it is in memory only.
 *
 * @param name receives its name, for this process
 * @return NULL, or what is wrong
 */
static const char *option_file(doctor *d, const char **name, json_object *o, json_object *server)
{
    apr_pool_t *p = d->c->pool;
    const char *file = text_of(o, "passwordFile"), *password = NULL, *e, *text;
    int port = number_of(server, "port"), fd;

    if (file && (e = kiss_crypto_read_file(&password, file, p))) {
        return e;
    }
    password = password ? apr_pstrmemdup(p, password, strcspn(password, "\r\n")) : NULL;
    text = apr_pstrcat(p, "[kissctl]\n", line(p, "socket", text_of(o, "socket")), line(p, "host", text_of(server, "host")),
                       line(p, "port", port ? apr_itoa(p, port) : NULL), line(p, "user", text_of(o, "user")),
                       line(p, "password", password), line(p, "database", text_of(o, "database")),
                       line(p, "ssl-ca", text_of(o, "ca")), line(p, "ssl-cert", text_of(o, "cert")),
                       line(p, "ssl-key", text_of(o, "key")), line(p, "tls", text_of(o, "tls")), NULL);
    fd = memfd_create("kissctl", MFD_CLOEXEC);
    if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text)) {
        return "no memory for the connection";
    }
    *name = apr_psprintf(p, "/proc/self/fd/%d", fd);
    return NULL;
}

/* --- what the module needs of a database --- */

static void check_version(doctor *d, const char *check, json_object *o)
{
    const char *version;
    int wanted = number_of(o, "schema");

    if (ctl_db_value(d->c, &version, "SELECT MAX(version) FROM schema_migration", 0) != CTL_OK) {
        doctor_finding(d, check, DOCTOR_PROBLEM, "install the schema, and the grants.sql beside it",
                       "the schema cannot be read");
    }
    else if (!version || apr_atoi64(version) != wanted) {
        doctor_finding(d, check, DOCTOR_PROBLEM, apr_psprintf(d->c->pool, "run 'kissctl %sschema upgrade', or install the "
                       "module that belongs to the schema", d->c->verb->database->lead),
                       "schema version %s, and this module needs %d", version ? version : "unknown", wanted);
    }
    else {
        doctor_finding(d, check, DOCTOR_OK, NULL, "schema version %d", wanted);
    }
}

static void check_statements(doctor *d, int children, json_object *o)
{
    const apr_int64_t need = (apr_int64_t)children * number_of(o, "max") * 2 * number_of(o, "statements");
    const apr_int64_t most = doctor_number(d, "max_prepared_stmt_count", "SELECT @@GLOBAL.max_prepared_stmt_count");

    if (most >= 0) {
        const char *advice = apr_psprintf(d->c->pool, "set max_prepared_stmt_count to %" APR_INT64_T_FMT " or more", need);

        doctor_finding(d, "max_prepared_stmt_count", need > most ? DOCTOR_WARNING : DOCTOR_OK, need > most ? advice : NULL,
                       "%" APR_INT64_T_FMT ", and connections may prepare %" APR_INT64_T_FMT " (children x max x 2 x %d)",
                       most, need, number_of(o, "statements"));
    }
}

/** Tokens end by this host's clock, keys by that of the database. */
static void check_clock(doctor *d)
{
    const char *value;
    apr_time_t before = apr_time_now(), there, after;
    apr_int64_t apart;

    if (ctl_db_value(d->c, &value, "SELECT CAST(UNIX_TIMESTAMP(NOW(6)) * 1000000 AS SIGNED)", 0) != CTL_OK || !value) {
        return;
    }
    after = apr_time_now();
    there = apr_atoi64(value);
    apart = apr_time_sec(there < before ? before - there : there > after ? there - after : 0);
    doctor_finding(d, "clock", apart > CLOCK_WARNING ? DOCTOR_WARNING : DOCTOR_OK, apart > CLOCK_WARNING
                   ? "synchronise both hosts with one source of time" : NULL,
                   apart > CLOCK_WARNING ? "the clock of the database is %" APR_INT64_T_FMT " seconds away from this one"
                   : "the clocks of the database and of this host agree (%" APR_INT64_T_FMT " s)", apart);
}

/**
 * All checks of one server of a database.
 *
 * @param check KissDatabase and its name, and where there are several servers the address
 * @param several 1: another server may do
 * @return 1 when it can be reached
 */
static int check_one(doctor *d, const char *check, int children, json_object *o, json_object *server, int several)
{
    static const ctl_database customer = {"kissctl", "customer", ""}, kss = {"kissctl", "kss", "kss "};
    ctl *outer = d->c, *c = apr_pmemdup(outer->pool, outer, sizeof(*c));
    ctl_verb *verb = apr_pmemdup(outer->pool, outer->verb, sizeof(*verb));
    const char *e = option_file(d, &c->defaults, o, server), *api = text_of(o, "api");
    int reached;

    if (e) {
        doctor_finding(d, check, DOCTOR_PROBLEM, "run this as root, as which httpd reads it", "%s", e);
        return 0;
    }
    verb->database = api && strcmp(api, "kss") == 0 ? &kss : &customer;
    c->verb = verb;
    c->db = NULL;
    c->origin = check;
    c->option[OPT_CHILDREN] = apr_itoa(c->pool, children);
    c->option[OPT_MAX] = apr_itoa(c->pool, number_of(o, "max"));
    d->c = c;
    reached = ctl_db_open(c) == CTL_OK;
    if (!reached) {
        doctor_finding(d, check, several ? DOCTOR_WARNING : DOCTOR_PROBLEM, "see the message above", "cannot connect as %s",
                       text_of(o, "user") ? text_of(o, "user") : "the user of this process");
    }
    else {
        doctor_check_connection(d);
        doctor_check_server(d);
        doctor_check_replication(d);
        doctor_check_budget(d);
        check_version(d, check, o);
        check_statements(d, children, o);
        check_clock(d);
        ctl_db_close(c);
    }
    d->c = outer;
    return reached;
}

/** Each server of a database. */
static void check_database(doctor *d, int children, json_object *o)
{
    apr_pool_t *p = d->c->pool;
    const char *check = apr_psprintf(p, "KissDatabase %s", text_of(o, "name"));
    json_object *servers = NULL, *server;
    apr_size_t i, n = 0;
    int reached = 0;

    if (json_object_object_get_ex(o, "servers", &servers)) {
        n = json_object_array_length(servers);
    }
    for (i = 0; i < n; i++) {
        server = json_object_array_get_idx(servers, i);
        reached += check_one(d, n > 1 ? apr_pstrcat(p, check, " at ", text_of(server, "address"), NULL) : check, children, o,
                             server, n > 1);
    }
    if (!reached && n != 1) {
        doctor_finding(d, check, DOCTOR_PROBLEM, "see the messages above", "no server of host= can be reached");
    }
}

/** The directory that httpd makes when it starts, or has made before: then its owner and content are checked. */
static void check_cache(doctor *d)
{
    const char *lists = apr_pstrcat(d->c->pool, d->c->cache_dir, "/snapshots", NULL);
    struct stat st;

    if (stat(lists, &st) == 0) {
        doctor_check_cache(d);
    }
    else if (stat(d->c->cache_dir, &st) == 0 && (st.st_uid == 0 || (st.st_mode & 077))) {
        doctor_finding(d, "cache", DOCTOR_PROBLEM, "remove it, so that httpd makes it; or give it to httpd's User alone",
                       "%s belongs to root, or can be opened by others: httpd does not start with it", d->c->cache_dir);
    }
    else {
        doctor_finding(d, "cache", DOCTOR_OK, NULL, "%s: httpd makes it when it starts", d->c->cache_dir);
    }
}

void doctor_check_config(doctor *d, const char *program, const char *file)
{
    ctl_httpd_config config;
    const char *text;
    json_object *o, *databases = NULL;
    apr_size_t i, n;

    if (!ctl_httpd_test(program, file, &text, d->c->pool)) {
        char *c = apr_pstrdup(d->c->pool, text);

        for (n = strlen(c); n > 0 && c[n - 1] == '\n'; n--) {
            c[n - 1] = '\0';
        }
        for (text = c; (c = strchr(c, '\n')); c++) {
            *c = ' ';
        }
        doctor_finding(d, "configuration", DOCTOR_PROBLEM, "mend what httpd says", "%s", text);
        return;
    }
    ctl_httpd_dump(&config, program, file, d->c->pool);
    d->c->cache_dir = config.cache_dir;
    o = config.json ? kiss_json_parse(config.json, strlen(config.json), CTL_HTTPD_DEPTH, d->c->pool) : NULL;
    if (!o || !json_object_object_get_ex(o, "databases", &databases)) {
        doctor_finding(d, "configuration", DOCTOR_PROBLEM, "load mod_kiss in it, of the version of this kissctl",
                       "httpd accepts it, but mod_kiss says nothing about it");
        return;
    }
    n = json_object_array_length(databases);
    doctor_finding(d, "configuration", n ? DOCTOR_OK : DOCTOR_WARNING, n ? NULL : "put KissApi into a <Location>",
                   n ? "httpd accepts it; secrets can be read" : "httpd accepts it, but no location serves an API");
    doctor_check_versions(d, o);
    for (i = 0; i < n; i++) {
        check_database(d, number_of(o, "children"), json_object_array_get_idx(databases, i));
    }
    check_cache(d);
}
