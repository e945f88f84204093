/* SPDX-License-Identifier: Apache-2.0 */
/**
 * config - creation, inheritance and getters of the configuration; its databases and locations.
 */
#include "core/config.h"

#include <apr_hash.h>

#include <string.h>

#include "lib/api/write_plan.h"
#include "lib/ratelimit/fixed_window.h"

#define MEGABYTE APR_INT64_C(1048576)

/* --- create and merge --- */

#define UNSET_TEXT(type, member)
#define UNSET_NUMBER(type, member, ...) conf->member = -1;

void *kiss_config_create_dir(apr_pool_t *p, char *dir)
{
    kiss_dir_conf *conf = apr_pcalloc(p, sizeof(*conf));

    (void)dir;
    KISS_DIR_MEMBERS(UNSET_TEXT, UNSET_NUMBER)
    return conf;
}

void *kiss_config_create_server(apr_pool_t *p, server_rec *s)
{
    kiss_server_conf *conf = apr_pcalloc(p, sizeof(*conf));

    (void)s;
    conf->databases = apr_hash_make(p);
    KISS_SERVER_MEMBERS(UNSET_TEXT, UNSET_NUMBER)
    return conf;
}

#define MERGE_TEXT(type, member) conf->member = inner->member ? inner->member : outer->member;
#define MERGE_NUMBER(type, member, ...) conf->member = inner->member != -1 ? inner->member : outer->member;

void *kiss_config_merge_dir(apr_pool_t *p, void *base, void *add)
{
    const kiss_dir_conf *outer = base, *inner = add;
    kiss_dir_conf *conf = apr_palloc(p, sizeof(*conf));

    KISS_DIR_MEMBERS(MERGE_TEXT, MERGE_NUMBER)
    if (inner->admin == 1 && inner->plain_http == -1) {
        conf->plain_http = 0;           /* what is allowed for lists is not for those who write */
    }
    return conf;
}

void *kiss_config_merge_server(apr_pool_t *p, void *base, void *add)
{
    const kiss_server_conf *outer = base, *inner = add;
    kiss_server_conf *conf = apr_palloc(p, sizeof(*conf));

    conf->databases = apr_hash_overlay(p, inner->databases, outer->databases);
    conf->has_admin = inner->has_admin || outer->has_admin;
    memset(conf->admin_limit, 0, sizeof(conf->admin_limit));
    KISS_SERVER_MEMBERS(MERGE_TEXT, MERGE_NUMBER)
    return conf;
}

/* --- getters --- */

kiss_server_conf *kiss_config_server(const server_rec *s)
{
    return ap_get_module_config(s->module_config, &kiss_module);
}

/** The value that a getter returns. */
static apr_int64_t value_of(apr_int64_t set, apr_int64_t preset, kiss_config_unit unit)
{
    return (set != -1 ? set : preset) * (unit == KISS_UNIT_MEGABYTES ? MEGABYTE : 1);
}

#define NO_GETTER(type, member)

#define SERVER_GETTER(type, member, getter, directive, preset, low, high, unit) \
    type getter(const server_rec *s)                                            \
    {                                                                           \
        return (type)value_of(kiss_config_server(s)->member, preset, unit);     \
    }

#define DIR_GETTER(type, member, getter, directive, preset, low, high, unit)    \
    type getter(const kiss_dir_conf *conf)                                      \
    {                                                                           \
        return (type)value_of(conf->member, preset, unit);                      \
    }

KISS_SERVER_MEMBERS(NO_GETTER, SERVER_GETTER)
KISS_DIR_MEMBERS(NO_GETTER, DIR_GETTER)

const char *kiss_config_cache_dir(const server_rec *s)
{
    const char *dir = kiss_config_server(s)->cache_dir;

    return dir ? dir : KISS_CACHEDIR;
}

kiss_jwt_policy kiss_config_token_policy(const kiss_dir_conf *conf, const server_rec *s, apr_pool_t *p)
{
    kiss_jwt_policy policy;

    policy.keys = conf->token_keys;
    /* The configured name, not the Host header: a token must not depend on what the client calls the server. */
    policy.issuer = conf->issuer ? conf->issuer : apr_pstrcat(p, "https://", s->server_hostname, NULL);
    policy.audience = conf->audience ? conf->audience : policy.issuer;
    policy.lifetime = kiss_config_lifetime(conf);
    policy.admin = 0;
    return policy;
}

/** The limit of an admin client. */
static apr_uint32_t admin_limit(const kiss_dir_conf *conf, const server_rec *s, int window)
{
    apr_uint32_t own = window == KISS_WINDOW_MINUTE ? kiss_config_admin_minute(conf) : kiss_config_admin_hour(conf);
    apr_uint32_t most = kiss_config_admin(conf) ? 0 : kiss_config_server(s)->admin_limit[window];

    return own > most ? own : most;
}

apr_uint32_t kiss_config_limit(const kiss_dir_conf *conf, const server_rec *s, int window, kiss_limit_of whose)
{
    const int minute = window == KISS_WINDOW_MINUTE;

    switch (whose) {
    case KISS_LIMIT_ANONYMOUS:
        return minute ? kiss_config_anonymous_minute(conf) : kiss_config_anonymous_hour(conf);
    case KISS_LIMIT_ADMIN:
        return admin_limit(conf, s, window);
    case KISS_LIMIT_CUSTOMER:
    default:
        return minute ? kiss_config_limit_minute(conf) : kiss_config_limit_hour(conf);
    }
}

/* --- databases and locations --- */

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

/**
 * The locations as they were recorded, in the pool of the configuration: not yet merged with their server's
 * configuration, without database.
 */
static apr_array_header_t *recorded_locations(apr_pool_t *pconf)
{
    void *all = NULL;

    apr_pool_userdata_get(&all, "kiss-places", pconf);
    if (!all) {
        all = apr_array_make(pconf, 4, sizeof(kiss_config_location));
        apr_pool_userdata_setn(all, "kiss-places", apr_pool_cleanup_null, pconf);
    }
    return all;
}

void kiss_config_add_location(server_rec *s, const kiss_dir_conf *conf, const ap_directive_t *directive)
{
    const kiss_config_location location = { s, conf, NULL, directive };

    APR_ARRAY_PUSH(recorded_locations(s->process->pconf), kiss_config_location) = location;
}

apr_array_header_t *kiss_config_locations(server_rec *main_server, apr_pool_t *p)
{
    apr_array_header_t *locations = apr_array_copy(p, recorded_locations(main_server->process->pconf));
    int i;

    for (i = 0; i < locations->nelts; i++) {
        kiss_config_location *location = &APR_ARRAY_IDX(locations, i, kiss_config_location);
        void *outer = ap_get_module_config(location->server->lookup_defaults, &kiss_module);

        location->conf = kiss_config_merge_dir(p, outer, (void *)location->conf);
        location->database = kiss_config_database(location->conf, location->server);
    }
    return locations;
}

/* --- sections with KissAdmin --- */

/** The sections as they were recorded, in the pool of the configuration: without what is around them, without database. */
static apr_array_header_t *recorded_sections(apr_pool_t *pconf)
{
    void *all = NULL;

    apr_pool_userdata_get(&all, "kiss-admin-sections", pconf);
    if (!all) {
        all = apr_array_make(pconf, 2, sizeof(kiss_config_admin_section));
        apr_pool_userdata_setn(all, "kiss-admin-sections", apr_pool_cleanup_null, pconf);
    }
    return all;
}

void kiss_config_add_admin(server_rec *s, const kiss_dir_conf *conf, const char *path, const ap_directive_t *directive)
{
    const kiss_config_admin_section section = { s, conf, NULL, path, directive };

    APR_ARRAY_PUSH(recorded_sections(s->process->pconf), kiss_config_admin_section) = section;
    kiss_config_server(s)->has_admin = 1;
}

/** 1 when a path is that of a location, or below it. */
static int is_within(const char *path, const char *base)
{
    apr_size_t n = strlen(base);

    return strncmp(path, base, n) == 0 && (path[n] == '\0' || path[n] == '/');
}

apr_array_header_t *kiss_config_admin_sections(server_rec *main_server, apr_pool_t *p)
{
    apr_array_header_t *sections = apr_array_copy(p, recorded_sections(main_server->process->pconf));
    const apr_array_header_t *locations = kiss_config_locations(main_server, p);
    int i, j;

    for (i = 0; i < sections->nelts; i++) {
        kiss_config_admin_section *section = &APR_ARRAY_IDX(sections, i, kiss_config_admin_section);
        const kiss_dir_conf *own = section->conf;

        section->conf = kiss_config_merge_dir(p, ap_get_module_config(section->server->lookup_defaults, &kiss_module),
                                              (void *)own);
        for (j = 0; j < locations->nelts; j++) {
            const kiss_config_location *location = &APR_ARRAY_IDX(locations, j, kiss_config_location);

            if (location->server == section->server && is_within(section->path, location->conf->base)) {
                section->conf = kiss_config_merge_dir(p, (void *)location->conf, (void *)own);
            }
        }
        section->database = kiss_config_admin_database(section->conf, section->server);
    }
    return sections;
}

void kiss_config_derive_admin_limits(server_rec *main_server, apr_pool_t *p)
{
    const apr_array_header_t *sections = kiss_config_admin_sections(main_server, p);
    server_rec *s;
    int i, w;

    for (s = main_server; s; s = s->next) {
        for (i = 0; i < sections->nelts; i++) {
            const kiss_config_admin_section *section = &APR_ARRAY_IDX(sections, i, kiss_config_admin_section);

            /* Sections of the main server are in all servers. */
            for (w = 0; w < KISS_WINDOWS && (section->server == s || section->server == main_server); w++) {
                apr_uint32_t limit = kiss_config_limit(section->conf, s, w, KISS_LIMIT_ADMIN);
                apr_uint32_t *most = &kiss_config_server(s)->admin_limit[w];

                *most = limit > *most ? limit : *most;
            }
        }
    }
}

int kiss_config_has_admin(const server_rec *s)
{
    return kiss_config_server(s)->has_admin;
}

kiss_database_conf *kiss_config_admin_database(const kiss_dir_conf *conf, const server_rec *s)
{
    return conf->admin_database ? apr_hash_get(kiss_config_server(s)->databases, conf->admin_database, APR_HASH_KEY_STRING)
           : NULL;
}

int kiss_config_takes_basic(const kiss_dir_conf *conf, const kiss_endpoint *endpoint)
{
    return endpoint && endpoint->run == KISS_RUN_LIST && kiss_config_feed_basic(conf);
}

int kiss_config_serves_stale_stock(const kiss_dir_conf *conf)
{
    return conf->stale_too && *conf->stale_too;
}

int kiss_config_has_lists(const kiss_dir_conf *conf)
{
    const kiss_endpoint *e = conf->plan->api->endpoints;

    while (e->path && e->run != KISS_RUN_LIST) {
        e++;
    }
    return e->path != NULL;
}

/** Adds a use that is not in the array. */
static void add_use(apr_array_header_t *uses, const kiss_database_conf *database, const kiss_plan *plan, int writes)
{
    const kiss_config_use use = { database, plan, writes };
    int i;

    for (i = 0; i < uses->nelts; i++) {
        const kiss_config_use *u = &APR_ARRAY_IDX(uses, i, kiss_config_use);

        if (u->database == database && u->plan == plan && u->writes == writes) {
            return;
        }
    }
    APR_ARRAY_PUSH(uses, kiss_config_use) = use;
}

apr_array_header_t *kiss_config_uses(server_rec *main_server, apr_pool_t *p)
{
    const apr_array_header_t *locations = kiss_config_locations(main_server, p);
    apr_array_header_t *uses = apr_array_make(p, 4, sizeof(kiss_config_use));
    int i;

    for (i = 0; i < locations->nelts; i++) {
        const kiss_config_location *location = &APR_ARRAY_IDX(locations, i, kiss_config_location);

        add_use(uses, location->database, location->conf->plan, 0);
    }
    return uses;
}

int kiss_config_statements(const kiss_config_use *use)
{
    return use->writes ? kiss_write_plan_statements(use->plan) : use->plan->count;
}

apr_array_header_t *kiss_config_all_uses(server_rec *main_server, apr_pool_t *p)
{
    const apr_array_header_t *sections = kiss_config_admin_sections(main_server, p);
    apr_array_header_t *uses = kiss_config_uses(main_server, p);
    int i;

    for (i = 0; i < sections->nelts; i++) {
        const kiss_config_admin_section *section = &APR_ARRAY_IDX(sections, i, kiss_config_admin_section);

        if (section->database && section->conf->plan) {
            add_use(uses, section->database, section->conf->plan, 1);
        }
    }
    return uses;
}
