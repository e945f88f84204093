/* SPDX-License-Identifier: Apache-2.0 */
/**
 * config_value - the options of KissDatabase.
 */
#include "core/config_value.h"

#include <apr_file_info.h>

#include <stddef.h>
#include <string.h>

#include "lib/base/crypto.h"
#include "lib/base/loopback.h"
#include "lib/base/setting.h"

#define MAX_CONNECTIONS 1000

const char *kiss_config_address(const char **host, int *port, const char **address, const char *text, int preset,
                                apr_pool_t *p)
{
    const char *colon = strrchr(text, ':'), *bracket = *text == '[' ? strchr(text, ']') : NULL, *e = NULL;
    apr_int64_t n = preset;

    *host = text;
    if (*text == '[' && !bracket) {
        return apr_psprintf(p, "'%s' is no address: ']' is missing", text);
    }
    if (bracket) {
        *host = apr_pstrmemdup(p, text + 1, (apr_size_t)(bracket - text) - 1);
        colon = bracket[1] == ':' ? bracket + 1 : NULL;
        e = bracket[1] && !colon ? apr_psprintf(p, "'%s' is no address", text) : NULL;
    }
    else if (colon && strchr(text, ':') == colon) {
        *host = apr_pstrmemdup(p, text, (apr_size_t)(colon - text));
    }
    else {
        colon = NULL;
    }
    if (colon) {
        e = kiss_setting_number(&n, colon + 1, 1, 65535, p);
    }
    *port = (int)n;
    *address = !n ? *host : apr_psprintf(p, strchr(*host, ':') ? "[%s]:%d" : "%s:%d", *host, *port);
    return e ? e : **host ? NULL : "a host is empty";
}

/** Type of the value of an option of KissDatabase. */
typedef enum {
    TEXT, FILE_NAME, PASSWORD_FILE, NUMBER, TIME, TLS, SWITCH
} option_type;

/** An option of KissDatabase. */
typedef struct {
    const char *key;
    option_type type;
    apr_size_t offset;              /* of its member */
    apr_int64_t preset, low, high;  /* of numbers and times */
} option;

#define MEMBER(name) offsetof(kiss_database_conf, name)

static const option options[] = {
    { "socket", TEXT, MEMBER(socket) },
    { "host", TEXT, MEMBER(host) },
    { "port", NUMBER, MEMBER(port), 0, 1, 65535 },
    { "user", TEXT, MEMBER(user) },
    { "dbname", TEXT, MEMBER(dbname) },
    { "password-file", PASSWORD_FILE, MEMBER(password) },
    { "tls", TLS, MEMBER(tls) },
    { "ca", FILE_NAME, MEMBER(ca) },
    { "cert", FILE_NAME, MEMBER(tls_cert) },
    { "key", FILE_NAME, MEMBER(tls_key) },
    { "keep", NUMBER, MEMBER(keep), 2, 0, MAX_CONNECTIONS },
    { "max", NUMBER, MEMBER(max), 8, 1, MAX_CONNECTIONS },
    { "wait", TIME, MEMBER(wait), KISS_S(2), KISS_MS(1), KISS_TIME_MAX },
    { "connect", TIME, MEMBER(connect), KISS_S(2), KISS_MS(1), KISS_TIME_MAX },
    { "timeout", TIME, MEMBER(timeout), KISS_S(5), KISS_MS(1), KISS_TIME_MAX },
    { "idle", TIME, MEMBER(idle), KISS_S(600), KISS_MS(1), KISS_TIME_MAX },
    { "causal", SWITCH, MEMBER(causal), KISS_CAUSAL_AUTO }
};

#define OPTIONS ((int)(sizeof(options) / sizeof(options[0])))

const char *kiss_config_password(const char **password, const char **path, const char *file, apr_pool_t *p)
{
    const char *text, *e;

    *path = ap_server_root_relative(p, file);
    if (!*path) {
        return apr_psprintf(p, "'%s' is not a usable path", file);
    }
    e = kiss_crypto_read_file(&text, *path, p);
    if (!e) {
        *password = apr_pstrmemdup(p, text, strcspn(text, "\r\n"));
        e = **password ? NULL : apr_psprintf(p, "the first line of %s is empty", *path);
    }
    return e;
}

const char *kiss_config_file(const char **file, const char *name, apr_pool_t *p)
{
    apr_finfo_t info;
    apr_status_t rv;

    *file = ap_server_root_relative(p, name);
    if (!*file) {
        return apr_psprintf(p, "'%s' is not a usable path", name);
    }
    rv = apr_stat(&info, *file, APR_FINFO_TYPE, p);
    return rv == APR_SUCCESS || rv == APR_INCOMPLETE ? NULL : apr_psprintf(p, "cannot find %s: %pm", *file, &rv);
}

static const char *read_tls(kiss_tls *tls, const char *text)
{
    *tls = strcmp(text, "verify") == 0 ? KISS_TLS_VERIFY : strcmp(text, "require") == 0 ? KISS_TLS_REQUIRE
           : strcmp(text, "off") == 0 ? KISS_TLS_OFF : KISS_TLS_UNSET;
    return *tls == KISS_TLS_UNSET ? "use verify, require or off" : NULL;
}

static const char *read_switch(int *member, const char *text)
{
    *member = strcmp(text, "on") == 0;
    return *member || strcmp(text, "off") == 0 ? NULL : "use on or off";
}

/** Reads the value of an option into its member. */
static const char *read_option(kiss_database_conf *database, const option *o, const char *value, apr_pool_t *p)
{
    void *member = (char *)database + o->offset;
    apr_int64_t n = 0;
    const char *e;

    switch (o->type) {
    case FILE_NAME:
        return kiss_config_file(member, value, p);   /* the children read it when they connect */
    case PASSWORD_FILE:
        return kiss_config_password(&database->password, &database->password_file, value, p);
    case NUMBER:
        e = kiss_setting_number(&n, value, o->low, o->high, p);
        *(int *)member = (int)n;
        return e;
    case TIME:
        return kiss_setting_time(member, value, o->low, o->high, p);
    case TLS:
        return read_tls(member, value);
    case SWITCH:
        return read_switch(member, value);
    case TEXT:
    default:
        *(const char **)member = value;
        return *value ? NULL : "must not be empty";
    }
}

/** Reads one `key=value` of KissDatabase. */
static const char *database_option(kiss_database_conf *database, const char *key, const char *value, apr_pool_t *p)
{
    const char *known = "";
    int i;

    if (strcmp(key, "password") == 0) {
        return "a password does not belong into the configuration, which mod_info shows: put it into a file that only "
               "root can read and write password-file=FILE";
    }
    for (i = 0; i < OPTIONS && strcmp(key, options[i].key) != 0; i++) {
        known = apr_pstrcat(p, known, i ? ", " : "", options[i].key, NULL);
    }
    return i < OPTIONS ? read_option(database, &options[i], value, p) : apr_pstrcat(p, "unknown: use ", known, NULL);
}

/** Values of the options that the directive does not set. */
static void set_defaults(kiss_database_conf *database)
{
    int i;

    for (i = 0; i < OPTIONS; i++) {
        void *member = (char *)database + options[i].offset;

        if (options[i].type == NUMBER || options[i].type == SWITCH) {
            *(int *)member = (int)options[i].preset;
        }
        else if (options[i].type == TIME) {
            *(apr_interval_time_t *)member = options[i].preset;
        }
    }
}

/** TLS of the connection: as configured; else verified where certificates are named or traffic leaves the machine. */
static const char *settle_tls(kiss_database_conf *database)
{
    if (database->tls == KISS_TLS_UNSET) {
        int i, local = 1;

        for (i = 0; i < database->nservers; i++) {
            local = local && kiss_loopback_is(database->servers[i].host);
        }
        database->tls = database->ca || database->tls_cert || !local ? KISS_TLS_VERIFY : KISS_TLS_OFF;
    }
    if (database->tls == KISS_TLS_OFF && (database->ca || database->tls_cert)) {
        return "ca= and cert= are of no use with tls=off";
    }
    return !database->tls_cert == !database->tls_key ? NULL : "cert= and key= belong together";
}

/** Reads host= into the servers. @return NULL, or an error text */
static const char *read_servers(kiss_database_conf *database, apr_pool_t *p)
{
    const char *rest = database->host, *e = NULL;

    database->servers = apr_pcalloc(p, KISS_DATABASE_SERVERS * sizeof(*database->servers));
    if (!rest) {
        database->servers[0].address = database->socket ? database->socket : "the default socket";
        database->servers[0].port = database->port;
        database->nservers = 1;
        return NULL;
    }
    while (!e && rest) {
        apr_size_t n = strcspn(rest, ",");
        kiss_database_server *server;
        int i;

        if (database->nservers == KISS_DATABASE_SERVERS) {
            return apr_psprintf(p, "more than %d servers", KISS_DATABASE_SERVERS);
        }
        server = &database->servers[database->nservers];
        e = kiss_config_address(&server->host, &server->port, &server->address, apr_pstrmemdup(p, rest, n),
                                database->port, p);
        for (i = 0; !e && i < database->nservers; i++) {
            if (strcmp(database->servers[i].address, server->address) == 0) {
                e = apr_psprintf(p, "%s stands twice", database->servers[i].address);
            }
        }
        database->nservers++;
        rest = rest[n] ? rest + n + 1 : NULL;
    }
    return e;
}

/** Sets the origin, which identifies the database: its servers and its name, as written. */
static void settle_origin(kiss_database_conf *database, apr_pool_t *p)
{
    database->origin = apr_psprintf(p, "%s\n%s\n%d\n%s", database->socket ? database->socket : "",
                                    database->host ? database->host : "", database->port, database->dbname);
}

const char *kiss_config_database_read(kiss_database_conf *database, const char *args, apr_pool_t *p)
{
    apr_table_t *seen = apr_table_make(p, 8);
    const char *e;

    set_defaults(database);
    database->name = ap_getword_conf(p, &args);
    if (!*database->name || strchr(database->name, '=')) {
        return "expected a name, then key=value pairs: KissDatabase customer socket=... user=... dbname=...";
    }
    while (*args) {
        const char *key = NULL, *value = NULL;

        e = kiss_setting_pair(&key, &value, &args, ap_getword_conf, database->name, p);
        if (e) {
            return e;
        }
        if (apr_table_get(seen, key)) {
            return apr_psprintf(p, "%s: %s stands twice", database->name, key);
        }
        apr_table_setn(seen, key, value);
        e = database_option(database, key, value, p);
        if (e) {
            return apr_psprintf(p, "%s: %s: %s", database->name, key, e);
        }
    }
    if (!database->dbname) {
        return apr_psprintf(p, "%s: dbname is missing", database->name);
    }
    if (database->socket && (database->host || database->port)) {
        return apr_psprintf(p, "%s: a socket has no host and no port", database->name);
    }
    if ((e = read_servers(database, p))) {
        return apr_psprintf(p, "%s: host: %s", database->name, e);
    }
    if ((e = settle_tls(database))) {
        return apr_psprintf(p, "%s: %s", database->name, e);
    }
    settle_origin(database, p);
    if (database->keep > database->max && !apr_table_get(seen, "keep")) {
        database->keep = database->max;
    }
    return database->keep <= database->max ? NULL
           : apr_psprintf(p, "%s: keep=%d is more than max=%d", database->name, database->keep, database->max);
}
