/* SPDX-License-Identifier: Apache-2.0 */
/**
 * config_dump - writes the databases of the configuration, and how many processes use them, as JSON.
 */
#include "core/config_dump.h"

#include <ap_mpm.h>
#include <json-c/json.h>

#include "core/config.h"

static void add_text(json_object *o, const char *name, const char *text)
{
    json_object_object_add(o, name, text ? json_object_new_string(text) : NULL);
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
    json_object_object_add(o, "statements", json_object_new_int(use->plan->count));
    json_object_object_add(o, "max", json_object_new_int(d->max));
    add_text(o, "socket", d->socket);
    add_text(o, "host", d->host);
    json_object_object_add(o, "port", json_object_new_int(d->port));
    add_text(o, "user", d->user);
    add_text(o, "database", d->dbname);
    add_text(o, "passwordFile", d->password_file);
    add_text(o, "tls", tls[d->tls]);
    add_text(o, "ca", d->ca);
    add_text(o, "cert", d->tls_cert);
    add_text(o, "key", d->tls_key);
    return o;
}

void kiss_config_dump(server_rec *main_server, apr_file_t *out, apr_pool_t *p)
{
    const apr_array_header_t *uses = kiss_config_uses(main_server, p);
    json_object *o = json_object_new_object(), *databases = json_object_new_array();
    int i, children = 0;

    ap_mpm_query(AP_MPMQ_MAX_DAEMONS, &children);
    json_object_object_add(o, "children", json_object_new_int(children));
    for (i = 0; i < uses->nelts; i++) {
        json_object_array_add(databases, describe(&APR_ARRAY_IDX(uses, i, kiss_config_use)));
    }
    json_object_object_add(o, "databases", databases);
    apr_file_printf(out, "KissCacheDir: \"%s\"\n", kiss_config_cache_dir(main_server));
    apr_file_printf(out, KISS_CONFIG_DUMP_LEAD "%s\n", json_object_to_json_string_ext(o, JSON_C_TO_STRING_PLAIN));
    json_object_put(o);
}
