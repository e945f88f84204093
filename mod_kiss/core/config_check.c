/* SPDX-License-Identifier: Apache-2.0 */
/**
 * config_check - checks locations by the tree of directives.
 */
#include "core/config_check.h"

#include <string.h>

#include "core/config.h"

/* The tree of directives is searched, since httpd keeps the handler as an expression that only a request can evaluate. */

static int is(const ap_directive_t *d, const char *name)
{
    return ap_cstr_casecmp(d->directive, name) == 0;
}

/** The section around a directive that selects its requests; NULL for the whole server. */
static const ap_directive_t *section_of(const ap_directive_t *d)
{
    for (d = d->parent; d && (is(d, "<If") || is(d, "<ElseIf") || is(d, "<Else")); d = d->parent) {
        continue;
    }
    return d && is(d, "<VirtualHost") ? NULL : d;
}

/** The virtual host of a directive, or NULL. */
static const ap_directive_t *host_of(const ap_directive_t *d)
{
    while (d && !is(d, "<VirtualHost")) {
        d = d->parent;
    }
    return d;
}

/** 1 when a SetHandler names the handler of the module, or may. */
static int names_handler(const ap_directive_t *d, apr_pool_t *p)
{
    const char *args = d->args, *handler = ap_getword_conf(p, &args);

    return strcmp(handler, KISS_HANDLER) == 0 || strncmp(handler, "expr=", 5) == 0 || strstr(handler, "%{");
}

/** 1 when the paths of a section may contain `base` or be below it. */
static int is_related(const ap_directive_t *section, const char *base, apr_pool_t *p)
{
    const char *args;
    apr_size_t n, len = strlen(base);
    char *path;

    if (!section || is(section, "<LocationMatch")) {
        return 1;
    }
    if (!is(section, "<Location")) {
        return 0;                       /* sections for files do not apply to the API's paths */
    }
    args = section->args;
    path = ap_getword_conf(p, &args);
    n = strcspn(path, ">");
    while (n > 0 && path[n - 1] == '/') {
        n--;
    }
    return strpbrk(path, "~*?[") || strncmp(path, base, n < len ? n : len) == 0;
}

/** Searches directives and nested sections for a SetHandler that applies to the location. */
static int search(const ap_directive_t *d, const ap_directive_t *api, const char *base, apr_pool_t *p)
{
    const ap_directive_t *host;

    for (; d; d = d->next) {
        if (d->first_child && search(d->first_child, api, base, p)) {
            return 1;
        }
        host = host_of(d);
        if (is(d, "SetHandler") && names_handler(d, p) && (!host || host == host_of(api))
            && is_related(section_of(d), base, p)) {
            return 1;
        }
    }
    return 0;
}

/**
 * 1 when requests for a location reach the module: SetHandler kiss is in its own section, in one around it, or in the
 * server; or in a section below it, or in one with a pattern or an expression, which only a request can evaluate.
 *
 * @param api  the location's directive KissApi
 * @param base the location's path, without a slash at the end
 */
static int is_handled(const ap_directive_t *api, const char *base, apr_pool_t *p)
{
    const ap_directive_t *d, *own = NULL;

    for (d = api->parent->first_child; d; d = d->next) {
        own = is(d, "SetHandler") ? d : own;
    }
    return own ? names_handler(own, p) : search(ap_conftree, api, base, p);
}

/** Checks the sections with KissAdmin. */
static const char *check_admin(server_rec *main_server, apr_pool_t *p)
{
    const apr_array_header_t *sections = kiss_config_admin_sections(main_server, p);
    int i;

    for (i = 0; i < sections->nelts; i++) {
        const kiss_config_admin_section *section = &APR_ARRAY_IDX(sections, i, kiss_config_admin_section);
        const kiss_dir_conf *conf = section->conf;
        const char *where = apr_psprintf(p, "line %d of %s: KissAdmin", section->directive->line_num,
                                         section->directive->filename);

        if (!conf->plan || conf->plan->writes->nelts == 0) {
            return apr_psprintf(p, "%s: there is no 'KissApi customer' in this <Location> or in one around it", where);
        }
        if (!conf->admin_database) {
            return apr_psprintf(p, "%s: KissAdminDatabase is missing: it names the KissDatabase whose account may write", where);
        }
        if (!section->database) {
            return apr_psprintf(p, "%s: no 'KissDatabase %s ...' in this server, which KissAdminDatabase names", where,
                                conf->admin_database);
        }
    }
    return NULL;
}

const char *kiss_config_check(server_rec *main_server, apr_pool_t *p)
{
    const apr_array_header_t *locations = kiss_config_locations(main_server, p);
    int i;

    for (i = 0; i < locations->nelts; i++) {
        const kiss_config_location *location = &APR_ARRAY_IDX(locations, i, kiss_config_location);
        const kiss_dir_conf *conf = location->conf;
        const char *where = apr_psprintf(p, "line %d of %s: KissApi %s", location->directive->line_num,
                                         location->directive->filename,
                                         conf->plan->api->name);

        if (!is_handled(location->directive, conf->base, p)) {
            return apr_psprintf(p,
                               "%s: 'SetHandler " KISS_HANDLER "' is missing in this <Location>: httpd would look for files",
                                where);
        }
        if (!location->database) {
            return apr_psprintf(p, "%s: no 'KissDatabase %s ...' in this server (KissUseDatabase names another)", where,
                                conf->database ? conf->database : conf->plan->api->name);
        }
        if (!conf->token_keys && conf->plan->api->auth == KISS_AUTH_JWT) {
            return apr_psprintf(p, "%s: KissTokenKeys is missing: make the file with 'kissctl token-key rotate'", where);
        }
        if (conf->deprecation && conf->sunset && conf->sunset->time < conf->deprecation->time) {
            return apr_psprintf(p, "%s: KissSunset is before KissDeprecation (RFC 9745 section 4)", where);
        }
    }
    return check_admin(main_server, p);
}
