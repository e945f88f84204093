/* SPDX-License-Identifier: Apache-2.0 */
/**
 * config_dump - writes the databases of the configuration, how many processes use them, and the versions of what is
 * loaded, as JSON.
 */
#include "core/config_dump.h"

#include <ap_mpm.h>
#include <http_config.h>
#include <http_core.h>
#include <json-c/json.h>
#include <zlib.h>

#include <string.h>

#include "core/config.h"

static void add_text(json_object *o, const char *name, const char *text)
{
    json_object_object_add(o, name, text ? json_object_new_string(text) : NULL);
}

/** The servers of a database, in order. */
static json_object *describe_servers(const kiss_database_conf *d)
{
    json_object *all = json_object_new_array();
    int i;

    for (i = 0; i < d->nservers; i++) {
        json_object *o = json_object_new_object();

        add_text(o, "address", d->servers[i].address);
        add_text(o, "host", d->servers[i].host);
        json_object_object_add(o, "port", json_object_new_int(d->servers[i].port));
        json_object_array_add(all, o);
    }
    return all;
}

/** A database, and the API that is served from it. */
static json_object *describe(const kiss_config_use *use)
{
    static const char *const tls[] = {
        [KISS_TLS_OFF] = "off", [KISS_TLS_REQUIRE] = "require", [KISS_TLS_VERIFY] = "verify"
    };
    const kiss_database_conf *d = use->database;
    json_object *o = json_object_new_object();

    add_text(o, "name", d->name);
    add_text(o, "api", use->plan->api->name);
    json_object_object_add(o, "schema", json_object_new_int((int)use->plan->api->schema_version));
    json_object_object_add(o, "statements", json_object_new_int(kiss_config_statements(use)));
    json_object_object_add(o, "max", json_object_new_int(d->max));
    add_text(o, "socket", d->socket);
    json_object_object_add(o, "servers", describe_servers(d));
    add_text(o, "user", d->user);
    add_text(o, "database", d->dbname);
    add_text(o, "passwordFile", d->password_file);
    add_text(o, "tls", tls[d->tls]);
    add_text(o, "ca", d->ca);
    add_text(o, "cert", d->tls_cert);
    add_text(o, "key", d->tls_key);
    return o;
}

/** 1 when a virtual host, or the server itself, speaks HTTP/2 (Protocols). */
static int speaks_http2(server_rec *main_server)
{
    const core_server_config *core;
    server_rec *s;
    int i;

    for (s = main_server; s; s = s->next) {
        core = ap_get_core_module_config(s->module_config);
        for (i = 0; core->protocols && i < core->protocols->nelts; i++) {
            if (strncmp(APR_ARRAY_IDX(core->protocols, i, const char *), "h2", 2) == 0) {
                return 1;
            }
        }
    }
    return 0;
}

/** Versions of what runs: httpd, and zlib as it is loaded. */
static json_object *versions(void)
{
    json_object *o = json_object_new_object();
    char text[64];
    ap_version_t v;

    ap_get_server_revision(&v);
    apr_snprintf(text, sizeof(text), "%d.%d.%d", v.major, v.minor, v.patch);
    add_text(o, "httpd", text);
    add_text(o, "zlib", zlibVersion());
    return o;
}

void kiss_config_dump(server_rec *main_server, apr_file_t *out, apr_pool_t *p)
{
    const apr_array_header_t *uses = kiss_config_all_uses(main_server, p);
    json_object *o = json_object_new_object(), *databases = json_object_new_array();
    int i, children = 0;

    ap_mpm_query(AP_MPMQ_MAX_DAEMONS, &children);
    json_object_object_add(o, "children", json_object_new_int(children));
    for (i = 0; i < uses->nelts; i++) {
        json_object_array_add(databases, describe(&APR_ARRAY_IDX(uses, i, kiss_config_use)));
    }
    json_object_object_add(o, "databases", databases);
    json_object_object_add(o, "versions", versions());
    add_text(o, "http2", !ap_find_linked_module("mod_http2.c") ? "not loaded" : speaks_http2(main_server) ? "in use"
             : "loaded, and no Protocols line names it");
    apr_file_printf(out, "KissCacheDir: \"%s\"\n", kiss_config_cache_dir(main_server));
    apr_file_printf(out, KISS_CONFIG_DUMP_LEAD "%s\n", json_object_to_json_string_ext(o, JSON_C_TO_STRING_PLAIN));
    json_object_put(o);
}
