#include "kiss_config_value.h"

#include <apr_lib.h>

#include <string.h>

#include "kiss_secret.h"

#define DEFAULT_KEEP             2
#define DEFAULT_MAX              8
#define DEFAULT_WAIT             apr_time_from_sec(2)
#define DEFAULT_SILENCE          apr_time_from_sec(5)
#define DEFAULT_IDLE             apr_time_from_sec(600)
#define MAX_TIME                 1000000
#define MAX_CONNECTIONS          1000

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

/* httpd's own parser would take "2sx" for two seconds. */
const char *kiss_config_time(apr_interval_time_t *value, const char *text, apr_pool_t *p)
{
    static const struct {
        const char *name;
        apr_interval_time_t length;
    } units[] = { { "", APR_USEC_PER_SEC }, { "ms", 1000 }, { "s", APR_USEC_PER_SEC }, { "mi", 60 * APR_USEC_PER_SEC },
                  { "min", 60 * APR_USEC_PER_SEC }, { "h", 3600 * APR_USEC_PER_SEC },
                  { "d", 86400 * APR_USEC_PER_SEC } };
    const char *unit = text + strspn(text, "0123456789");
    apr_int64_t n = 0;
    apr_size_t i;

    for (i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
        if (strcmp(unit, units[i].name) == 0
            && !kiss_config_number(&n, apr_pstrmemdup(p, text, (apr_size_t)(unit - text)), 1, MAX_TIME, p)) {
            *value = n * units[i].length;
            return NULL;
        }
    }
    return apr_psprintf(p, "'%s' is not a time: write seconds (2), or a number with ms, s, mi, h or d", text);
}

/** Adds one key to the parameters of the driver, which knows no quoting: its separators cannot be part of a value. */
static const char *add_param(const char **params, const char *key, const char *value, apr_pool_t *p)
{
    if (!*value || strpbrk(value, " \t\r\n;|,")) {
        return apr_psprintf(p, "the %s must not be empty or hold a blank, a comma, ';' or '|': the database driver "
                            "cannot take it", strcmp(key, "pass") == 0 ? "password" : key);
    }
    *params = apr_pstrcat(p, *params, ";", key, "=", value, NULL);
    return NULL;
}

static const char *add_password(const char **params, const char *file, apr_pool_t *p)
{
    const char *path = ap_server_root_relative(p, file), *text, *e;

    if (!path) {
        return apr_psprintf(p, "'%s' is not a usable path", file);
    }
    e = kiss_secret_read_file(&text, path, p);
    if (e) {
        return e;
    }
    text = apr_pstrmemdup(p, text, strcspn(text, "\r\n"));
    return add_param(params, "pass", text, p);
}

/** Reads one `key=value` of KissDatabase. */
static const char *database_option(kiss_database_conf *database, const char *key, const char *value, apr_pool_t *p)
{
    /* Directive key, driver key. */
    static const char *const plain[][2] = { { "socket", "sock" }, { "host", "host" }, { "port", "port" },
                                            { "user", "user" }, { "dbname", "dbname" } };
    const char *e = NULL;
    apr_int64_t n = 0;
    apr_size_t i;

    for (i = 0; i < sizeof(plain) / sizeof(plain[0]); i++) {
        if (strcmp(key, plain[i][0]) == 0) {
            database->dbname = i == 4 ? value : database->dbname;
            e = add_param(&database->params, plain[i][1], value, p);
            if (strcmp(key, "user") != 0) {
                database->place = apr_pstrcat(p, database->place, "\n", key, "=", value, NULL);
            }
            return e || strcmp(key, "port") != 0 ? e : kiss_config_number(&n, value, 1, 65535, p);
        }
    }
    if (strcmp(key, "password-file") == 0) {
        return add_password(&database->params, value, p);
    }
    if (strcmp(key, "keep") == 0) {
        e = kiss_config_number(&n, value, 0, MAX_CONNECTIONS, p);
        database->keep = (int)n;
    }
    else if (strcmp(key, "max") == 0) {
        e = kiss_config_number(&n, value, 1, MAX_CONNECTIONS, p);
        database->max = (int)n;
    }
    else if (strcmp(key, "wait") == 0) {
        e = kiss_config_time(&database->wait, value, p);
    }
    else if (strcmp(key, "timeout") == 0) {
        e = kiss_config_time(&database->timeout, value, p);
    }
    else if (strcmp(key, "idle") == 0) {
        e = kiss_config_time(&database->idle, value, p);
    }
    else if (strcmp(key, "password") == 0) {
        return "a password does not belong into the configuration, which mod_info shows: put it into a file that only "
               "root can read and write password-file=FILE";
    }
    else {
        return "unknown: use socket, host, port, user, dbname, password-file, keep, max, wait, timeout, idle";
    }
    return e;
}

/** Values where the directive says nothing. */
static void set_defaults(kiss_database_conf *database)
{
    /* The group of the client's option files with timeouts and character set; a dead connection is ours to notice. */
    database->params = "group=mod_kiss;reconnect=0";
    database->place = "";
    database->keep = -1;
    database->max = DEFAULT_MAX;
    database->wait = DEFAULT_WAIT;
    database->timeout = DEFAULT_SILENCE;
    database->idle = DEFAULT_IDLE;
}

const char *kiss_config_database_read(kiss_database_conf *database, const char *args, apr_pool_t *p)
{
    apr_table_t *seen = apr_table_make(p, 8);

    set_defaults(database);
    database->name = ap_getword_conf(p, &args);
    if (!*database->name || strchr(database->name, '=')) {
        return "expected a name, then key=value pairs: KissDatabase customer socket=... user=... dbname=...";
    }
    while (*args) {
        char *key = ap_getword_conf(p, &args), *value = strchr(key, '=');
        const char *e;

        if (!value || value == key) {
            return apr_psprintf(p, "'%s' is not key=value", key);
        }
        *value++ = '\0';
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
    if (database->keep == -1) {
        database->keep = database->max < DEFAULT_KEEP ? database->max : DEFAULT_KEEP;
    }
    return database->keep <= database->max ? NULL
           : apr_psprintf(p, "%s: keep=%d is more than max=%d", database->name, database->keep, database->max);
}
