/* SPDX-License-Identifier: Apache-2.0 */
/**
 * config_value - parsers of numbers, times, and the options of KissDatabase.
 */
#include "core/config_value.h"

#include <apr_file_info.h>
#include <apr_lib.h>

#include <stddef.h>
#include <string.h>

#include "lib/base/crypto.h"
#include "lib/base/date.h"
#include "lib/base/loopback.h"

#define MAX_NUMBER      1000000         /* in any unit of time */
#define MAX_CONNECTIONS 1000
const char *kiss_config_number(apr_int64_t *value, const char *text, apr_int64_t low, apr_int64_t high, apr_pool_t *p)
{
    apr_int64_t n = 0;
    const char *c;

    for (c = text; apr_isdigit(*c) && n <= high; c++) {
        n = n * 10 + (*c - '0');
    }
    if (c == text || *c || n < low || n > high) {
        return apr_psprintf(p, "'%s' is not a whole number from %" APR_INT64_T_FMT " to %" APR_INT64_T_FMT, text, low,
                            high);
    }
    *value = n;
    return NULL;
}

/* Units of time, from the longest; "s" is also the unit of a number without one. */
static const struct {
    const char *name;
    apr_interval_time_t length;
} units[] = { { "d", KISS_D(1) }, { "h", KISS_MI(60) }, { "mi", KISS_MI(1) }, { "min", KISS_MI(1) }, { "s", KISS_S(1) },
              { "", KISS_S(1) }, { "ms", KISS_MS(1) } };

#define UNITS (sizeof(units) / sizeof(units[0]))

/** A time as a directive would be written. */
static const char *time_text(apr_interval_time_t time, apr_pool_t *p)
{
    apr_size_t i = 0;

    while (i < UNITS - 1 && time % units[i].length != 0) {
        i++;
    }
    return apr_psprintf(p, "%" APR_INT64_T_FMT "%s", (apr_int64_t)(time / units[i].length), units[i].name);
}

/* httpd's own parser accepts "2sx" as two seconds. */
const char *kiss_config_time(apr_interval_time_t *value, const char *text, apr_interval_time_t low, apr_interval_time_t high,
                             apr_pool_t *p)
{
    const char *unit = text + strspn(text, "0123456789");
    apr_interval_time_t time;
    apr_int64_t n = 0;
    apr_size_t i;

    for (i = 0; i < UNITS && strcmp(unit, units[i].name) != 0; i++) {
        continue;
    }
    if (i == UNITS || kiss_config_number(&n, apr_pstrmemdup(p, text, (apr_size_t)(unit - text)), 0, MAX_NUMBER, p)) {
        return apr_psprintf(p, "'%s' is not a time: write seconds (2), or a number with ms, s, mi, h or d", text);
    }
    time = n * units[i].length;
    if (time < low || time > high) {
        return apr_psprintf(p, "'%s' is %s than %s", text, time < low ? "less" : "more",
                            time_text(time < low ? low : high, p));
    }
    *value = time;
    return NULL;
}

const char *kiss_config_moment(apr_time_t *value, const char *text, apr_pool_t *p)
{
    apr_time_exp_t t = { 0 };
    kiss_date date;
    const char *reason = kiss_date_reason(kiss_date_parse(&date, text, strlen(text), 0));

    if (reason) {
        return apr_psprintf(p, "'%s' %s: write 2027-06-30, or 2027-06-30T22:00:00Z", text, reason);
    }
    t.tm_year = date.year - 1900;
    t.tm_mon = date.month - 1;
    t.tm_mday = date.day;
    t.tm_hour = date.hour;
    t.tm_min = date.minute;
    t.tm_sec = date.second;
    if (date.year < 1970 || apr_time_exp_gmt_get(value, &t) != APR_SUCCESS) {
        return apr_psprintf(p, "'%s' is before 1970", text);
    }
    return NULL;
}

const char *kiss_config_url(const char *text, apr_pool_t *p)
{
    const char *host = strncmp(text, "https://", 8) == 0 ? text + 8 : strncmp(text, "http://", 7) == 0 ? text + 7 : "";
    const char *c;

    for (c = text; *c > ' ' && *c <= '~' && !strchr("<>\"\\^`{|}", *c); c++) {
        continue;
    }
    return *c || strcspn(host, "/?#") == 0 ? apr_psprintf(p, "'%s' is not a URL: write https://HOST/PATH", text) : NULL;
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

static const char *read_password(kiss_database_conf *database, const char *file, apr_pool_t *p)
{
    const char *path = ap_server_root_relative(p, file), *text, *e;

    if (!path) {
        return apr_psprintf(p, "'%s' is not a usable path", file);
    }
    e = kiss_crypto_read_file(&text, path, p);
    if (!e) {
        database->password_file = path;
        database->password = apr_pstrmemdup(p, text, strcspn(text, "\r\n"));
        e = *database->password ? NULL : apr_psprintf(p, "the first line of %s is empty", path);
    }
    return e;
}

/** A file that the children of httpd read when they connect. */
static const char *find_file(const char **file, const char *name, apr_pool_t *p)
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
        return find_file(member, value, p);
    case PASSWORD_FILE:
        return read_password(database, value, p);
    case NUMBER:
        e = kiss_config_number(&n, value, o->low, o->high, p);
        *(int *)member = (int)n;
        return e;
    case TIME:
        return kiss_config_time(member, value, o->low, o->high, p);
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

/**
 * Reads one server of host=: NAME, NAME:PORT, an address in IPv6, or [ADDRESS]:PORT.
 *
 * @return NULL, or an error text
 */
static const char *read_server(kiss_database_server *server, const char *text, int port, apr_pool_t *p)
{
    const char *colon = strrchr(text, ':'), *bracket = *text == '[' ? strchr(text, ']') : NULL;
    apr_int64_t n = port;
    const char *e = NULL;

    server->host = text;
    if (bracket) {
        server->host = apr_pstrmemdup(p, text + 1, (apr_size_t)(bracket - text) - 1);
        colon = bracket[1] == ':' ? bracket + 1 : NULL;
        e = bracket[1] && !colon ? "is no address" : NULL;
    }
    else if (colon && strchr(text, ':') == colon) {
        server->host = apr_pstrmemdup(p, text, (apr_size_t)(colon - text));
    }
    else {
        colon = NULL;
    }
    if (colon) {
        e = kiss_config_number(&n, colon + 1, 1, 65535, p);
    }
    server->port = (int)n;
    server->address = !n ? server->host : apr_psprintf(p, strchr(server->host, ':') ? "[%s]:%d" : "%s:%d", server->host,
                                                       server->port);
    return e ? e : *server->host ? NULL : "a host is empty";
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
        int i;

        if (database->nservers == KISS_DATABASE_SERVERS) {
            return apr_psprintf(p, "more than %d servers", KISS_DATABASE_SERVERS);
        }
        e = read_server(&database->servers[database->nservers], apr_pstrmemdup(p, rest, n), database->port, p);
        for (i = 0; !e && i < database->nservers; i++) {
            if (strcmp(database->servers[i].address, database->servers[database->nservers].address) == 0) {
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

/**
 * Reads the next `key=value` of the arguments: the value, or the whole, may be quoted.
 *
 * @param name of the database, for messages
 * @return NULL, or an error text
 */
static const char *next_option(const char **key, const char **value, const char **args, const char *name,
                               apr_pool_t *p)
{
    apr_size_t n = strcspn(*args, "= \t\"'");
    char quote = (*args)[n] == '=' ? (*args)[n + 1] : '\0', *word, *equals;

    if (n > 0 && (quote == '"' || quote == '\'') && strchr(*args + n + 2, quote)) {
        *key = apr_pstrmemdup(p, *args, n);
        *args += n + 1;
        *value = ap_getword_conf(p, args);
        return NULL;
    }
    word = ap_getword_conf(p, args);
    equals = strchr(word, '=');
    if (!equals || equals == word) {
        return apr_psprintf(p, "'%s' is not key=value", word);
    }
    *equals = '\0';
    *key = word;
    *value = equals + 1;
    /* The quote would become part of a name that is not found at run time. */
    return strpbrk(*value, "\"'")
        ? apr_psprintf(p, "%s: %s: a quote stands in the value: write %s=\"...\", or no quotes", name,
                                                 word, word) : NULL;
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

        e = next_option(&key, &value, &args, database->name, p);
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
