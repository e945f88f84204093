/* SPDX-License-Identifier: Apache-2.0 */
/**
 * metadata_endpoint - keeps and sends the metadata documents of the locations.
 */
#include "caller/metadata_endpoint.h"

#include <apr_hash.h>

#include <string.h>

#include "core/config.h"
#include "core/error.h"
#include "http/precondition.h"
#include "http/response.h"
#include "lib/api/metadata.h"
#include "lib/base/etag.h"

/* Clients discover a server seldom: an hour suffices for a change of the configuration to arrive. */
#define CACHE_CONTROL "public, max-age=3600"

/** A document; without text there is none. */
typedef struct {
    const char *path;           /* follows the well-known path */
    const char *text, *tag;
} document;

/** The documents of a location. */
typedef struct {
    document server, resource;
} documents;

/* Those of all locations, by key_of(): written in post_config, then only read. In pconf. */
static apr_hash_t *prepared;

static const char *key_of(const kiss_jwt_policy *policy, const char *base, apr_pool_t *p)
{
    return apr_pstrcat(p, policy->issuer, "\n", policy->audience, "\n", base, NULL);
}

static documents *make(const kiss_dir_conf *conf, const kiss_jwt_policy *policy, apr_pool_t *p)
{
    documents *d = apr_pcalloc(p, sizeof(*d));

    d->server.path = kiss_metadata_path(policy->issuer, 1, p);
    if (d->server.path) {
        d->server.text = kiss_metadata_server(conf->plan->api, policy->issuer, conf->base, p);
        d->server.tag = d->server.text ? kiss_etag_make(d->server.text, p) : NULL;
        d->resource.path = kiss_metadata_path(policy->audience, 0, p);
    }
    if (d->resource.path) {
        d->resource.text = kiss_metadata_resource(policy->audience, policy->issuer, p);
        d->resource.tag = d->resource.text ? kiss_etag_make(d->resource.text, p) : NULL;
    }
    return d;
}

/** Makes those of a location in a server that has it. */
static void prepare(server_rec *s, const kiss_config_location *location, apr_pool_t *pconf, apr_pool_t *ptemp)
{
    void *outer = ap_get_module_config(s->lookup_defaults, &kiss_module);
    const kiss_dir_conf *conf = kiss_config_merge_dir(ptemp, outer, (void *)location->conf);
    kiss_jwt_policy policy = kiss_config_token_policy(conf, s, ptemp);
    const char *key = key_of(&policy, conf->base, pconf);
    documents *d;

    if (apr_hash_get(prepared, key, APR_HASH_KEY_STRING)) {
        return;
    }
    d = make(conf, &policy, pconf);
    apr_hash_set(prepared, key, APR_HASH_KEY_STRING, d);
    if (!d->server.path) {
        ap_log_error(APLOG_MARK, APLOG_INFO, 0, s, KISS_LOGNO(0660) "no metadata documents: issuer '%s' is not an https URL "
                     "without user, query, fragment and escapes (KissTokenIssuer)", policy.issuer);
    }
    else if (!d->resource.path) {
        ap_log_error(APLOG_MARK, APLOG_INFO, 0, s, KISS_LOGNO(0660) "no metadata document of a resource: audience '%s' is not "
                     "an https URL without user, query, fragment and escapes (KissTokenAudience)", policy.audience);
    }
}

void kiss_metadata_endpoint_prepare(server_rec *main_server, apr_pool_t *pconf, apr_pool_t *ptemp)
{
    const apr_array_header_t *locations = kiss_config_locations(main_server, ptemp);
    server_rec *s;
    int i;

    prepared = apr_hash_make(pconf);
    for (i = 0; i < locations->nelts; i++) {
        const kiss_config_location *location = &APR_ARRAY_IDX(locations, i, kiss_config_location);

        if (location->conf->plan->api->auth != KISS_AUTH_JWT) {
            continue;
        }
        for (s = main_server; s; s = s->next) {         /* virtual hosts have the locations of the main server, too */
            if (s == location->server || location->server == main_server) {
                prepare(s, location, pconf, ptemp);
            }
        }
    }
}

static const document *document_of(kiss_req *k)
{
    kiss_jwt_policy policy = kiss_config_token_policy(k->conf, k->server, k->pool);
    const documents *d = apr_hash_get(prepared, key_of(&policy, k->conf->base, k->pool), APR_HASH_KEY_STRING);

    d = d ? d : make(k->conf, &policy, k->pool);
    return k->endpoint->run == KISS_RUN_SERVER_METADATA ? &d->server : &d->resource;
}

/**
 * 1 when the request's path is that of the document. Below the location's own path it is found without the path of its
 * identifier, too, for a rule that maps the host's well-known path there.
 */
static int is_there(const kiss_req *k, const document *d)
{
    const char *below = k->path_param ? k->path_param - 1 : "";

    return d->text && (strcmp(below, d->path) == 0 || (!k->path_param && *k->conf->base));
}

const kiss_error *kiss_metadata_endpoint_run(kiss_req *k, int *status)
{
    const document *d = document_of(k);
    const kiss_validator v = { d->tag, "", 0, 0 };
    const kiss_error *e;

    if (!is_there(k, d)) {
        return &kiss_error_not_found;
    }
    apr_table_setn(k->r->headers_out, "Cache-Control", CACHE_CONTROL);
    if ((e = kiss_precondition_check(k, &v, status)) || *status) {
        return e;
    }
    *status = kiss_response_text(k, HTTP_OK, KISS_JSON_TYPE, d->text);
    return NULL;
}
