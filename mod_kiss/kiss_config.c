#include "kiss_config.h"

#include <apr_fnmatch.h>
#include <apr_hash.h>
#include <apr_lib.h>

#include <stddef.h>
#include <string.h>

#include "kiss_config_check.h"
#include "kiss_config_value.h"
#include "kiss_customer.h"
#include "kiss_kss.h"
#include "kiss_secret.h"
#include "kiss_sql.h"
#include "kiss_window.h"

#define DEFAULT_LIFETIME         3600
#define DEFAULT_MINUTE           60
#define DEFAULT_HOUR             1000
#define DEFAULT_LOGIN_FAILURES   600
#define DEFAULT_LIMIT_CLIENTS    4096
#define DEFAULT_KEY_HOUR         1000
#define DEFAULT_LIMIT_KEYS       1024
#define DEFAULT_CACHE_SIZE       1024
#define DEFAULT_WARM_INTERVAL    apr_time_from_sec(1)
#define DEFAULT_CACHE_AGE        apr_time_from_sec(7 * 24 * 3600)
#define MAX_LIFETIME             86400
#define MAX_LIMIT                1000000000
#define MAX_CLIENTS              1000000
#define MAX_KEYS                 65536
#define MAX_CACHE_SIZE           1000000
#define MIN_CACHE_AGE            apr_time_from_sec(5 * 60)
#define MAX_WARM                 1000
#define MIN_WARM_INTERVAL        (100 * 1000)
#define MAX_FRESHNESS            apr_time_from_sec(60)
#define MEGABYTE                 APR_INT64_C(1048576)

/* What KissApi may be. */
static const kiss_api *const apis[] = { &kiss_customer_api, &kiss_kss_api, NULL };

/* --- create and merge --- */

void *kiss_config_create_dir(apr_pool_t *p, char *dir)
{
    kiss_dir_conf *conf = apr_pcalloc(p, sizeof(*conf));

    (void)dir;
#define UNSET_TEXT(type, name)
#define UNSET_NUMBER(type, name) conf->name = -1;
    KISS_DIR_MEMBERS(UNSET_TEXT, UNSET_NUMBER)
#undef UNSET_TEXT
#undef UNSET_NUMBER
    return conf;
}

void *kiss_config_merge_dir(apr_pool_t *p, void *base, void *add)
{
    const kiss_dir_conf *outer = base, *inner = add;
    kiss_dir_conf *conf = apr_palloc(p, sizeof(*conf));

#define MERGE_TEXT(type, name) conf->name = inner->name ? inner->name : outer->name;
#define MERGE_NUMBER(type, name) conf->name = inner->name != -1 ? inner->name : outer->name;
    KISS_DIR_MEMBERS(MERGE_TEXT, MERGE_NUMBER)
#undef MERGE_TEXT
#undef MERGE_NUMBER
    return conf;
}

void *kiss_config_create_server(apr_pool_t *p, server_rec *s)
{
    kiss_server_conf *conf = apr_pcalloc(p, sizeof(*conf));

    (void)s;
    conf->databases = apr_hash_make(p);
    conf->limit_clients = -1;
    conf->limit_keys = -1;
    conf->cache_size = -1;
    conf->cache_age = -1;
    conf->warm = -1;
    conf->warm_interval = -1;
    return conf;
}

void *kiss_config_merge_server(apr_pool_t *p, void *base, void *add)
{
    const kiss_server_conf *outer = base, *inner = add;
    kiss_server_conf *conf = apr_pcalloc(p, sizeof(*conf));

    conf->databases = apr_hash_overlay(p, inner->databases, outer->databases);
    conf->cache_dir = inner->cache_dir ? inner->cache_dir : outer->cache_dir;
    conf->limit_clients = inner->limit_clients != -1 ? inner->limit_clients : outer->limit_clients;
    conf->limit_keys = inner->limit_keys != -1 ? inner->limit_keys : outer->limit_keys;
    conf->cache_size = inner->cache_size != -1 ? inner->cache_size : outer->cache_size;
    conf->cache_age = inner->cache_age != -1 ? inner->cache_age : outer->cache_age;
    conf->warm = inner->warm != -1 ? inner->warm : outer->warm;
    conf->warm_interval = inner->warm_interval != -1 ? inner->warm_interval : outer->warm_interval;
    return conf;
}

/* --- getters: the only place with defaults --- */

kiss_server_conf *kiss_config_server(const server_rec *s)
{
    return ap_get_module_config(s->module_config, &kiss_module);
}

const char *kiss_config_cache_dir(const server_rec *s)
{
    const char *dir = kiss_config_server(s)->cache_dir;

    return dir ? dir : KISS_CACHEDIR;
}

apr_off_t kiss_config_cache_size(const server_rec *s)
{
    int n = kiss_config_server(s)->cache_size;

    return (apr_off_t)((n != -1 ? n : DEFAULT_CACHE_SIZE) * MEGABYTE);
}

apr_interval_time_t kiss_config_cache_age(const server_rec *s)
{
    apr_interval_time_t age = kiss_config_server(s)->cache_age;

    return age != -1 ? age : DEFAULT_CACHE_AGE;
}

int kiss_config_warm(const server_rec *s)
{
    int n = kiss_config_server(s)->warm;

    return n != -1 ? n : 0;
}

apr_interval_time_t kiss_config_warm_interval(const server_rec *s)
{
    apr_interval_time_t interval = kiss_config_server(s)->warm_interval;

    return interval != -1 ? interval : DEFAULT_WARM_INTERVAL;
}

int kiss_config_limit_clients(const server_rec *s)
{
    int n = kiss_config_server(s)->limit_clients;

    return n != -1 ? n : DEFAULT_LIMIT_CLIENTS;
}

int kiss_config_limit_keys(const server_rec *s)
{
    int n = kiss_config_server(s)->limit_keys;

    return n != -1 ? n : DEFAULT_LIMIT_KEYS;
}

apr_uint32_t kiss_config_key_limit(const kiss_dir_conf *conf)
{
    return (apr_uint32_t)(conf->key_hour != -1 ? conf->key_hour : DEFAULT_KEY_HOUR);
}

kiss_database_conf *kiss_config_database(const kiss_dir_conf *conf, const server_rec *s)
{
    return apr_hash_get(kiss_config_server(s)->databases, conf->database ? conf->database : conf->plan->api->name,
                        APR_HASH_KEY_STRING);
}

apr_array_header_t *kiss_config_databases(server_rec *main_server, apr_pool_t *p)
{
    apr_array_header_t *all = apr_array_make(p, 4, sizeof(kiss_database_conf *));
    server_rec *s;

    for (s = main_server; s; s = s->next) {
        apr_hash_index_t *hi;

        for (hi = apr_hash_first(p, kiss_config_server(s)->databases); hi; hi = apr_hash_next(hi)) {
            kiss_database_conf *database = apr_hash_this_val(hi);
            int i = 0;

            while (i < all->nelts && APR_ARRAY_IDX(all, i, kiss_database_conf *) != database) {
                i++;
            }
            if (i == all->nelts) {
                APR_ARRAY_PUSH(all, kiss_database_conf *) = database;
            }
        }
    }
    return all;
}

kiss_jwt_policy kiss_config_token_policy(const kiss_dir_conf *conf, request_rec *r)
{
    kiss_jwt_policy policy;

    policy.keys = conf->token_keys;
    /* The configured name, not the Host header: a token must not depend on what the client calls the server. */
    policy.issuer = conf->issuer ? conf->issuer : apr_pstrcat(r->pool, "https://", r->server->server_hostname, NULL);
    policy.audience = conf->audience ? conf->audience : policy.issuer;
    policy.lifetime = conf->lifetime != -1 ? conf->lifetime : DEFAULT_LIFETIME;
    return policy;
}

apr_uint32_t kiss_config_limit(const kiss_dir_conf *conf, int window, int anonymous)
{
    apr_int64_t minute = anonymous ? conf->anonymous_minute : conf->limit_minute;
    apr_int64_t hour = anonymous ? conf->anonymous_hour : conf->limit_hour;

    return window == KISS_WINDOW_MINUTE ? (apr_uint32_t)(minute != -1 ? minute : DEFAULT_MINUTE)
                                        : (apr_uint32_t)(hour != -1 ? hour : DEFAULT_HOUR);
}

apr_uint32_t kiss_config_login_failures(const kiss_dir_conf *conf)
{
    return (apr_uint32_t)(conf->login_failures != -1 ? conf->login_failures : DEFAULT_LOGIN_FAILURES);
}

apr_interval_time_t kiss_config_freshness(const kiss_dir_conf *conf)
{
    return conf->freshness != -1 ? conf->freshness : 0;
}

int kiss_config_plain_http(const kiss_dir_conf *conf)
{
    return conf->plain_http == 1;
}

/* --- arguments --- */

/** Names the directive in front of what is wrong. */
static const char *wrong(cmd_parms *cmd, const char *what)
{
    return what ? apr_pstrcat(cmd->pool, cmd->cmd->name, ": ", what, NULL) : NULL;
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

/** The plan of an API; made once for all locations that serve it, so that a connection prepares a statement once. */
static const char *plan_of(const kiss_sql_plan **plan, const kiss_api *api, apr_pool_t *p)
{
    const char *key = apr_pstrcat(p, "kiss-plan-", api->name, NULL), *e;
    void *made = NULL;

    apr_pool_userdata_get(&made, key, p);
    if (made) {
        *plan = made;
        return NULL;
    }
    e = kiss_sql_plan_make(plan, api, p);
    if (!e) {
        apr_pool_userdata_setn(*plan, key, apr_pool_cleanup_null, p);
    }
    return e;
}

/** A <Location> with KissApi. */
typedef struct {
    kiss_dir_conf *conf;
    server_rec *server;
    const ap_directive_t *directive;
} location;

/** All of them, in the configuration's pool. */
static apr_array_header_t *locations(apr_pool_t *pconf)
{
    void *all = NULL;

    apr_pool_userdata_get(&all, "kiss-locations", pconf);
    if (!all) {
        all = apr_array_make(pconf, 4, sizeof(location));
        apr_pool_userdata_setn(all, "kiss-locations", apr_pool_cleanup_null, pconf);
    }
    return all;
}

/** What holds in a location when no other section adds to it. */
static const kiss_dir_conf *effective(const location *l, apr_pool_t *p)
{
    return kiss_config_merge_dir(p, ap_get_module_config(l->server->lookup_defaults, &kiss_module), l->conf);
}

const char *kiss_config_check(server_rec *main_server, apr_pool_t *p)
{
    const apr_array_header_t *all = locations(main_server->process->pconf);
    int i;

    for (i = 0; i < all->nelts; i++) {
        const location *l = &APR_ARRAY_IDX(all, i, location);
        const kiss_dir_conf *conf = effective(l, p);
        const char *where = apr_psprintf(p, "line %d of %s: KissApi %s", l->directive->line_num, l->directive->filename,
                                         conf->plan->api->name);

        if (!kiss_config_is_handled(l->directive, conf->base, p)) {
            return apr_psprintf(p, "%s: 'SetHandler " KISS_HANDLER "' is missing in this <Location>: httpd would look for files",
                                where);
        }
        if (!kiss_config_database(conf, l->server)) {
            return apr_psprintf(p, "%s: no 'KissDatabase %s ...' in this server (KissUseDatabase names another)", where,
                                conf->database ? conf->database : conf->plan->api->name);
        }
        if (!conf->token_keys && !conf->plan->api->keyed) {
            return apr_psprintf(p, "%s: KissTokenKeys is missing: make the file with 'kissctl token-key rotate'", where);
        }
    }
    return NULL;
}

apr_array_header_t *kiss_config_places(server_rec *main_server, apr_pool_t *p)
{
    const apr_array_header_t *all = locations(main_server->process->pconf);
    apr_array_header_t *places = apr_array_make(p, all->nelts, sizeof(kiss_config_place));
    int i;

    for (i = 0; i < all->nelts; i++) {
        const location *l = &APR_ARRAY_IDX(all, i, location);
        kiss_config_place place = { l->server, effective(l, p), NULL };

        place.database = kiss_config_database(place.conf, l->server);
        if (place.database) {
            APR_ARRAY_PUSH(places, kiss_config_place) = place;
        }
    }
    return places;
}

int kiss_config_has_lists(const kiss_dir_conf *conf)
{
    const kiss_endpoint *e = conf->plan->api->endpoints;

    while (e->path && e->run != KISS_RUN_LIST) {
        e++;
    }
    return e->path != NULL;
}

apr_array_header_t *kiss_config_uses(server_rec *main_server, apr_pool_t *p)
{
    const apr_array_header_t *all = locations(main_server->process->pconf);
    apr_array_header_t *uses = apr_array_make(p, 4, sizeof(kiss_config_use));
    int i, j;

    for (i = 0; i < all->nelts; i++) {
        const location *l = &APR_ARRAY_IDX(all, i, location);
        const kiss_dir_conf *conf = effective(l, p);
        kiss_config_use use = { kiss_config_database(conf, l->server), conf->plan };

        for (j = 0; j < uses->nelts; j++) {
            const kiss_config_use *u = &APR_ARRAY_IDX(uses, j, kiss_config_use);

            if (u->database == use.database && u->plan == use.plan) {
                break;
            }
        }
        if (j == uses->nelts && use.database) {
            APR_ARRAY_PUSH(uses, kiss_config_use) = use;
        }
    }
    return uses;
}

static const char *set_api(cmd_parms *cmd, void *dir, const char *name)
{
    const ap_directive_t *section = cmd->directive->parent;
    kiss_dir_conf *conf = dir;
    apr_size_t len;
    location *l;
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
    l = apr_array_push(locations(cmd->server->process->pconf));
    l->conf = conf;
    l->server = cmd->server;
    l->directive = cmd->directive;
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
    e = kiss_secret_read_file(&text, path, cmd->pool);
    if (e) {
        return wrong(cmd, e);
    }
    e = kiss_tokenkeys_parse(&keys, text, cmd->pool);
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

static const char *set_lifetime(cmd_parms *cmd, void *dir, const char *text)
{
    return wrong(cmd, kiss_config_number(&((kiss_dir_conf *)dir)->lifetime, text, 60, MAX_LIFETIME, cmd->pool));
}

static const char *set_limit(cmd_parms *cmd, void *dir, const char *minute, const char *hour)
{
    kiss_dir_conf *conf = dir;
    const char *e = kiss_config_number(&conf->limit_minute, minute, 1, MAX_LIMIT, cmd->pool);

    return wrong(cmd, e ? e : kiss_config_number(&conf->limit_hour, hour, 1, MAX_LIMIT, cmd->pool));
}

static const char *set_limit_anonymous(cmd_parms *cmd, void *dir, const char *minute, const char *hour)
{
    kiss_dir_conf *conf = dir;
    const char *e = kiss_config_number(&conf->anonymous_minute, minute, 1, MAX_LIMIT, cmd->pool);

    return wrong(cmd, e ? e : kiss_config_number(&conf->anonymous_hour, hour, 1, MAX_LIMIT, cmd->pool));
}

static const char *set_key_limit(cmd_parms *cmd, void *dir, const char *hour)
{
    return wrong(cmd, kiss_config_number(&((kiss_dir_conf *)dir)->key_hour, hour, 1, MAX_LIMIT, cmd->pool));
}

static const char *set_login_failures(cmd_parms *cmd, void *dir, const char *text)
{
    return wrong(cmd, kiss_config_number(&((kiss_dir_conf *)dir)->login_failures, text, 0, MAX_LIMIT, cmd->pool));
}

static const char *set_freshness(cmd_parms *cmd, void *dir, const char *text)
{
    apr_interval_time_t time = 0;
    const char *e = kiss_config_time(&time, text, cmd->pool);

    if (!e && time > MAX_FRESHNESS) {
        e = apr_psprintf(cmd->pool, "'%s' is more than a minute", text);
    }
    ((kiss_dir_conf *)dir)->freshness = time;
    return wrong(cmd, e);
}

static const char *set_plain_http(cmd_parms *cmd, void *dir, int on)
{
    (void)cmd;
    ((kiss_dir_conf *)dir)->plain_http = on != 0;
    return NULL;
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

static const char *set_cache_age(cmd_parms *cmd, void *dir, const char *text)
{
    const char *e = ap_check_cmd_context(cmd, GLOBAL_ONLY);
    apr_interval_time_t age;

    (void)dir;
    if (!e && !(e = wrong(cmd, kiss_config_time(&age, text, cmd->pool)))) {
        kiss_config_server(cmd->server)->cache_age = age;
        /* A use is noted once a minute: what is used all the time must never look too old. */
        e = age < MIN_CACHE_AGE ? wrong(cmd, apr_psprintf(cmd->pool, "'%s' is less than five minutes", text)) : NULL;
    }
    return e;
}

static const char *set_warm(cmd_parms *cmd, void *dir, const char *lists, const char *interval)
{
    const char *e = ap_check_cmd_context(cmd, GLOBAL_ONLY);
    kiss_server_conf *conf = kiss_config_server(cmd->server);
    apr_interval_time_t time = DEFAULT_WARM_INTERVAL;
    apr_int64_t n = 0;

    (void)dir;
    if (!e) {
        e = kiss_config_number(&n, lists, 0, MAX_WARM, cmd->pool);
        e = e || !interval ? e : kiss_config_time(&time, interval, cmd->pool);
        e = e || time >= MIN_WARM_INTERVAL ? e : apr_psprintf(cmd->pool, "'%s' is less than 100ms", interval);
        e = wrong(cmd, e);
    }
    conf->warm = (int)n;
    conf->warm_interval = time;
    return e;
}

/** A directive that is one whole number: where it is kept, and what it may be. */
typedef struct {
    apr_size_t offset;
    apr_int64_t low, high;
} number;

static const number cache_size = { offsetof(kiss_server_conf, cache_size), 1, MAX_CACHE_SIZE };
static const number limit_clients = { offsetof(kiss_server_conf, limit_clients), 64, MAX_CLIENTS };
static const number limit_keys = { offsetof(kiss_server_conf, limit_keys), 16, MAX_KEYS };

static const char *set_server_number(cmd_parms *cmd, void *dir, const char *text)
{
    const char *e = ap_check_cmd_context(cmd, GLOBAL_ONLY);
    const number *n = cmd->info;
    apr_int64_t value;

    (void)dir;
    if (!e && !(e = wrong(cmd, kiss_config_number(&value, text, n->low, n->high, cmd->pool)))) {
        *(int *)((char *)kiss_config_server(cmd->server) + n->offset) = (int)value;
    }
    return e;
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

const command_rec kiss_config_commands[] = {
    AP_INIT_RAW_ARGS("KissDatabase", set_database, NULL, RSRC_CONF,
                     "a name and key=value pairs: socket host port user dbname password-file tls ca cert key keep max wait connect timeout idle"),
    AP_INIT_TAKE1("KissCacheDir", set_cache_dir, NULL, RSRC_CONF, "directory in which answers are built"),
    AP_INIT_TAKE1("KissCacheSize", set_server_number, (void *)&cache_size, RSRC_CONF,
                  "megabytes of whole answers that are kept in KissCacheDir, 1 to 1000000"),
    AP_INIT_TAKE1("KissCacheAge", set_cache_age, NULL, RSRC_CONF,
                  "time after which whole answers that nobody asks for are removed, 5mi or more"),
    AP_INIT_TAKE12("KissWarm", set_warm, NULL, RSRC_CONF,
                   "how many of the most used lists are built in advance when something has changed, and how often to look"),
    AP_INIT_TAKE1("KissLimitClients", set_server_number, (void *)&limit_clients, RSRC_CONF,
                  "callers whose requests are counted at the same time, 64 to 1000000"),
    AP_INIT_TAKE1("KissLimitKeys", set_server_number, (void *)&limit_keys, RSRC_CONF,
                  "API keys whose requests are counted at the same time, 16 to 65536"),
    AP_INIT_TAKE1("KissApi", set_api, NULL, ACCESS_CONF, "the API that is served in this <Location>: customer or kss"),
    AP_INIT_TAKE1("KissUseDatabase", set_use_database, NULL, LOCATION, "name of the KissDatabase that the API reads"),
    AP_INIT_TAKE1("KissTokenKeys", set_token_keys, NULL, LOCATION, "file of token signing keys"),
    AP_INIT_TAKE1("KissTokenIssuer", set_issuer, NULL, LOCATION, "claim iss of the tokens"),
    AP_INIT_TAKE1("KissTokenAudience", set_audience, NULL, LOCATION, "claim aud of the tokens"),
    AP_INIT_TAKE1("KissTokenLifetime", set_lifetime, NULL, LOCATION, "seconds that a token is valid, 60 to 86400"),
    AP_INIT_TAKE2("KissLimit", set_limit, NULL, LOCATION, "requests of a customer in a minute, and in an hour"),
    AP_INIT_TAKE2("KissLimitAnonymous", set_limit_anonymous, NULL, LOCATION,
                  "requests of all callers without a token in a minute, and in an hour"),
    AP_INIT_TAKE1("KissKeyLimit", set_key_limit, NULL, LOCATION, "requests of an API key in an hour"),
    AP_INIT_TAKE1("KissLoginFailureLimit", set_login_failures, NULL, LOCATION,
                  "wrong credentials from one address in a minute; 0: any number"),
    AP_INIT_TAKE1("KissFreshness", set_freshness, NULL, LOCATION,
                  "how old what is known of the database may be, up to a minute; 0, the default: it is asked each time"),
    AP_INIT_FLAG("KissAllowPlainHTTP", set_plain_http, NULL, LOCATION,
                 "On behind a proxy that ends TLS; Off (the default) refuses plain HTTP"),
    { NULL }
};
