/* SPDX-License-Identifier: Apache-2.0 */
/**
 * directives - the table of directives, with their setters.
 */
#include "core/directives.h"

#include <apr_fnmatch.h>
#include <apr_hash.h>

#include <stddef.h>
#include <string.h>

#include "core/config.h"
#include "core/config_limit_store.h"
#include "core/config_value.h"
#include "lib/api/customer.h"
#include "lib/api/kss.h"
#include "lib/api/plan.h"
#include "lib/base/crypto.h"
#include "lib/base/setting.h"

/* APIs that KissApi can name. */
static const kiss_api *const apis[] = { &kiss_customer_api, &kiss_kss_api, NULL };

/** An error text that starts with the name of the directive. */
static const char *wrong(cmd_parms *cmd, const char *what)
{
    return what ? apr_pstrcat(cmd->pool, cmd->cmd->name, ": ", what, NULL) : NULL;
}

/* --- numbers --- */

/** A number as its row in core/config.h describes it. */
typedef struct {
    apr_size_t offset;                  /* of the member */
    const char *directive;
    apr_int64_t preset, low, high;
    kiss_config_unit unit;
} number;

#define NO_ROW(type, member)
#define SERVER_ROW(type, member, getter, ...) { offsetof(kiss_server_conf, member), __VA_ARGS__ },
#define DIR_ROW(type, member, getter, ...) { offsetof(kiss_dir_conf, member), __VA_ARGS__ },

static const number server_numbers[] = {
    KISS_SERVER_MEMBERS(NO_ROW, SERVER_ROW)
    { 0, NULL, 0, 0, 0, KISS_UNIT_COUNT }
};

static const number dir_numbers[] = {
    KISS_DIR_MEMBERS(NO_ROW, DIR_ROW)
    { 0, NULL, 0, 0, 0, KISS_UNIT_COUNT }
};

/**
 * Reads the arguments of a directive into the members of its rows; an optional argument that is missing gets its
 * default.
 */
static const char *set_numbers(cmd_parms *cmd, void *conf, const number *n, const char *first, const char *second)
{
    const char *text = first, *e = NULL;

    for (; n->directive && !e; n++) {
        if (strcmp(n->directive, cmd->cmd->name) == 0) {
            apr_int64_t *member = (apr_int64_t *)((char *)conf + n->offset);

            *member = n->preset;
            e = !text ? NULL : n->unit == KISS_UNIT_TIME ? kiss_setting_time(member, text, n->low, n->high, cmd->pool)
                : kiss_setting_number(member, text, n->low, n->high, cmd->pool);
            text = second;
        }
    }
    return wrong(cmd, e);
}

static const char *set_dir_numbers(cmd_parms *cmd, void *dir, const char *first, const char *second)
{
    return set_numbers(cmd, dir, dir_numbers, first, second);
}

static const char *set_dir_number(cmd_parms *cmd, void *dir, const char *text)
{
    return set_numbers(cmd, dir, dir_numbers, text, NULL);
}

static const char *set_dir_flag(cmd_parms *cmd, void *dir, int on)
{
    return set_numbers(cmd, dir, dir_numbers, on ? "1" : "0", NULL);
}

static const char *set_admin(cmd_parms *cmd, void *dir, int on)
{
    const ap_directive_t *section = cmd->directive->parent;

    if (!section || ap_cstr_casecmp(section->directive, "<Location") != 0 || !cmd->path || *cmd->path != '/'
        || apr_fnmatch_test(cmd->path)) {
        return wrong(cmd, "stands in a <Location /path> section (no pattern)");
    }
    if (on) {
        kiss_config_add_admin(cmd->server, dir, cmd->path, cmd->directive);
    }
    return set_dir_flag(cmd, dir, on);
}

static const char *set_admin_database(cmd_parms *cmd, void *dir, const char *name)
{
    (void)cmd;
    ((kiss_dir_conf *)dir)->admin_database = name;
    return NULL;
}

static const char *set_serve_stale(cmd_parms *cmd, void *dir, const char *time, const char *what)
{
    if (what && ap_cstr_casecmp(what, "stock") != 0) {
        return wrong(cmd, apr_psprintf(cmd->pool, "'%s' is not 'stock', the only word that may follow the time", what));
    }
    ((kiss_dir_conf *)dir)->stale_too = what ? "stock" : "";
    return set_dir_number(cmd, dir, time);
}

static const char *set_server_numbers(cmd_parms *cmd, void *dir, const char *first, const char *second)
{
    const char *e = ap_check_cmd_context(cmd, GLOBAL_ONLY);

    (void)dir;
    return e ? e : set_numbers(cmd, kiss_config_server(cmd->server), server_numbers, first, second);
}

static const char *set_server_number(cmd_parms *cmd, void *dir, const char *text)
{
    return set_server_numbers(cmd, dir, text, NULL);
}

/* --- directives of a location --- */

static const char *api_names(apr_pool_t *p)
{
    const char *names = "";
    int i;

    for (i = 0; apis[i]; i++) {
        names = apr_pstrcat(p, names, i ? ", " : "", apis[i]->name, NULL);
    }
    return names;
}

/**
 * The plan of an API; created once for all locations that serve it, so that a connection prepares each statement once.
 */
static const char *plan_of(const kiss_plan **plan, const kiss_api *api, apr_pool_t *p)
{
    const char *key = apr_pstrcat(p, "kiss-plan-", api->name, NULL), *e;
    void *created = NULL;

    apr_pool_userdata_get(&created, key, p);
    if (created) {
        *plan = created;
        return NULL;
    }
    e = kiss_plan_make(plan, api, p);
    if (!e) {
        apr_pool_userdata_setn(*plan, key, apr_pool_cleanup_null, p);
    }
    return e;
}

static const char *set_api(cmd_parms *cmd, void *dir, const char *name)
{
    const ap_directive_t *section = cmd->directive->parent;
    kiss_dir_conf *conf = dir;
    apr_size_t len;
    int i;

    if (!section || ap_cstr_casecmp(section->directive, "<Location") != 0 || !cmd->path || *cmd->path != '/'
        || apr_fnmatch_test(cmd->path)) {
        return wrong(cmd, "stands in a <Location /path> section (no pattern): the API's paths begin there");
    }
    for (i = 0; apis[i] && strcmp(apis[i]->name, name) != 0; i++) {
        continue;
    }
    if (!apis[i]) {
        return wrong(cmd, apr_psprintf(cmd->pool, "no API is called '%s': use one of %s", name, api_names(cmd->pool)));
    }
    for (len = strlen(cmd->path); len > 0 && cmd->path[len - 1] == '/'; len--) {
        continue;
    }
    conf->base = apr_pstrmemdup(cmd->pool, cmd->path, len);
    kiss_config_add_location(cmd->server, conf, cmd->directive);
    return wrong(cmd, plan_of(&conf->plan, apis[i], cmd->server->process->pconf));
}

static const char *set_use_database(cmd_parms *cmd, void *dir, const char *name)
{
    (void)cmd;
    ((kiss_dir_conf *)dir)->database = name;
    return NULL;
}

static const char *set_token_keys(cmd_parms *cmd, void *dir, const char *file)
{
    const char *path = ap_server_root_relative(cmd->pool, file), *text, *e;
    apr_array_header_t *keys;

    if (!path) {
        return wrong(cmd, apr_psprintf(cmd->pool, "'%s' is not a usable path", file));
    }
    e = kiss_crypto_read_file(&text, path, cmd->pool);
    if (e) {
        return wrong(cmd, e);
    }
    e = kiss_jwt_keys_parse(&keys, text, cmd->pool);
    if (e) {
        return wrong(cmd, apr_pstrcat(cmd->pool, path, ": ", e, NULL));
    }
    ((kiss_dir_conf *)dir)->token_keys = keys;
    return NULL;
}

static const char *set_issuer(cmd_parms *cmd, void *dir, const char *text)
{
    ((kiss_dir_conf *)dir)->issuer = text;
    return *text ? NULL : wrong(cmd, "must not be empty");
}

static const char *set_audience(cmd_parms *cmd, void *dir, const char *text)
{
    ((kiss_dir_conf *)dir)->audience = text;
    return *text ? NULL : wrong(cmd, "must not be empty");
}

/** Reads a date with an optional URL. @param end receives it with its link, in the pool of the configuration */
static const char *read_end(kiss_config_end **end, cmd_parms *cmd, const char *date, const char *url, const char *relation)
{
    const char *e;

    *end = apr_pcalloc(cmd->pool, sizeof(**end));
    e = kiss_setting_moment(&(*end)->time, date, cmd->pool);
    if (!e && url) {
        e = kiss_setting_url(url, cmd->pool);
        (*end)->link = apr_psprintf(cmd->pool, "<%s>; rel=\"%s\"", url, relation);
    }
    return wrong(cmd, e);
}

/* RFC 9745 section 2: a date of structured fields, seconds since 1970. */
static const char *set_deprecation(cmd_parms *cmd, void *dir, const char *date, const char *url)
{
    kiss_config_end *end;
    const char *e = read_end(&end, cmd, date, url, "deprecation");

    end->header = apr_psprintf(cmd->pool, "@%" APR_TIME_T_FMT, apr_time_sec(end->time));
    ((kiss_dir_conf *)dir)->deprecation = end;
    return e;
}

/* RFC 8594 section 3: a date as HTTP writes it. */
static const char *set_sunset(cmd_parms *cmd, void *dir, const char *date, const char *url)
{
    kiss_config_end *end;
    const char *e = read_end(&end, cmd, date, url, "sunset");
    char *text = apr_palloc(cmd->pool, APR_RFC822_DATE_LEN);

    apr_rfc822_date(text, end->time);
    end->header = text;
    ((kiss_dir_conf *)dir)->sunset = end;
    return e;
}

/* --- directives of a server --- */

static const char *set_cache_dir(cmd_parms *cmd, void *dir, const char *path)
{
    const char *e = ap_check_cmd_context(cmd, GLOBAL_ONLY);

    (void)dir;
    if (!e) {
        kiss_config_server(cmd->server)->cache_dir = ap_server_root_relative(cmd->pool, path);
        e = kiss_config_server(cmd->server)->cache_dir ? NULL : wrong(cmd, "is not a usable path");
    }
    return e;
}

static const char *set_limit_store(cmd_parms *cmd, void *dir, const char *args)
{
    const char *e = ap_check_cmd_context(cmd, GLOBAL_ONLY);
    kiss_limit_store *store = apr_pcalloc(cmd->pool, sizeof(*store));

    (void)dir;
    if (e) {
        return e;
    }
    kiss_config_server(cmd->server)->limit_store = store;
    return wrong(cmd, kiss_config_limit_store_read(store, args, cmd->pool));
}

static const char *set_database(cmd_parms *cmd, void *dir, const char *args)
{
    kiss_database_conf *database = apr_pcalloc(cmd->pool, sizeof(*database));
    kiss_server_conf *conf = kiss_config_server(cmd->server);
    const char *e = kiss_config_database_read(database, args, cmd->pool);

    (void)dir;
    if (e) {
        return wrong(cmd, e);
    }
    database->server = cmd->server;
    if (apr_hash_get(conf->databases, database->name, APR_HASH_KEY_STRING)) {
        return wrong(cmd, apr_psprintf(cmd->pool, "%s is defined twice in this server", database->name));
    }
    apr_hash_set(conf->databases, database->name, APR_HASH_KEY_STRING, database);
    return NULL;
}

#define LOCATION (RSRC_CONF | ACCESS_CONF)

const command_rec kiss_directives[] = {
    AP_INIT_RAW_ARGS("KissDatabase", set_database, NULL, RSRC_CONF,
                     "a name and key=value pairs: socket host port user dbname password-file tls ca cert key keep max wait "
                     "connect timeout idle causal"),
    AP_INIT_TAKE1("KissCacheDir", set_cache_dir, NULL, RSRC_CONF, "directory in which answers are built"),
    AP_INIT_TAKE1("KissCacheSize", set_server_number, NULL, RSRC_CONF,
                  "megabytes of whole answers that are kept in KissCacheDir, 1 to 1000000"),
    AP_INIT_TAKE1("KissCacheAge", set_server_number, NULL, RSRC_CONF,
                  "time after which whole answers that nobody asks for are removed, 5mi or more"),
    AP_INIT_TAKE12("KissWarm", set_server_numbers, NULL, RSRC_CONF,
                   "how many of the most used lists are built in advance when something has changed, and how often to look"),
    AP_INIT_TAKE1("KissLimitClients", set_server_number, NULL, RSRC_CONF,
                  "callers whose requests are counted at the same time, 64 to 1000000"),
    AP_INIT_TAKE1("KissLimitKeys", set_server_number, NULL, RSRC_CONF,
                  "API keys whose requests are counted at the same time, 16 to 65536"),
    AP_INIT_TAKE1("KissApi", set_api, NULL, ACCESS_CONF, "the API that is served in this <Location>: customer or kss"),
    AP_INIT_RAW_ARGS("KissLimitStore", set_limit_store, NULL, RSRC_CONF,
                     "redis://HOST:PORT/DATABASE or unix:/PATH, then password-file= user= database= timeout="),
    AP_INIT_TAKE1("KissUseDatabase", set_use_database, NULL, LOCATION, "name of the KissDatabase that the API reads"),
    AP_INIT_TAKE1("KissTokenKeys", set_token_keys, NULL, LOCATION, "file of token signing keys"),
    AP_INIT_TAKE1("KissTokenIssuer", set_issuer, NULL, LOCATION, "claim iss of the tokens"),
    AP_INIT_TAKE1("KissTokenAudience", set_audience, NULL, LOCATION, "claim aud of the tokens"),
    AP_INIT_TAKE1("KissTokenLifetime", set_dir_number, NULL, LOCATION, "seconds that a token is valid, 60 to 86400"),
    AP_INIT_TAKE2("KissLimit", set_dir_numbers, NULL, LOCATION, "requests of a customer in a minute, and in an hour"),
    AP_INIT_FLAG("KissAdmin", set_admin, NULL, ACCESS_CONF,
                 "On lets admin clients write product data in this <Location>; Off, the default: there are no such endpoints"),
    AP_INIT_TAKE1("KissAdminDatabase", set_admin_database, NULL, LOCATION,
                  "name of the KissDatabase whose account writes product data"),
    AP_INIT_TAKE2("KissAdminLimit", set_dir_numbers, NULL, LOCATION,
                  "requests of an admin client in a minute, and in an hour"),
    AP_INIT_TAKE2("KissLimitAnonymous", set_dir_numbers, NULL, LOCATION,
                  "requests of all callers without a token in a minute, and in an hour"),
    AP_INIT_TAKE1("KissKeyLimit", set_dir_number, NULL, LOCATION, "requests of an API key in an hour"),
    AP_INIT_TAKE1("KissLoginFailureLimit", set_dir_number, NULL, LOCATION,
                  "wrong credentials from one address in a minute; 0: any number"),
    AP_INIT_TAKE1("KissFreshness", set_dir_number, NULL, LOCATION,
                  "how old what is known of the database may be, 0 to 60s; 0, the default: it is asked each time"),
    AP_INIT_TAKE12("KissServeStale", set_serve_stale, NULL, LOCATION,
                   "how long a list is served after it was known to be current, while the database is away, 0 to 7d; 0, the "
                   "default: not at all; 'stock' after it: /stock, too"),
    AP_INIT_TAKE12("KissDeprecation", set_deprecation, NULL, LOCATION,
                   "date from which the profile is deprecated, and the URL of a page about it"),
    AP_INIT_TAKE12("KissSunset", set_sunset, NULL, LOCATION,
                   "date from which the API is not served any more, and the URL of a page about it"),
    AP_INIT_FLAG("KissAllowPlainHTTP", set_dir_flag, NULL, LOCATION,
                 "On behind a proxy that ends TLS; Off (the default) refuses plain HTTP"),
    AP_INIT_FLAG("KissServerTiming", set_dir_flag, NULL, LOCATION,
                 "On sends the header Server-Timing: what a request cost; Off, the default, does not"),
    AP_INIT_FLAG("KissFeedBasic", set_dir_flag, NULL, LOCATION,
                 "On lets customer code and API key authorise a list by HTTP Basic; Off, the default, does not"),
    AP_INIT_FLAG("KissWholeAnswers", set_dir_flag, NULL, LOCATION,
                 "On sends a list when it is complete, with Content-Length; Off, the default, a long one as it is built"),
    { NULL }
};
