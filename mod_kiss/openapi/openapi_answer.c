/* SPDX-License-Identifier: Apache-2.0 */
/**
 * openapi_answer - OpenAPI documents in memory, and their answers.
 */
#include "openapi/openapi_answer.h"

#include <string.h>

#include "caller/caller_record.h"
#include "core/config.h"
#include "core/error.h"
#include "http/precondition.h"
#include "http/response.h"
#include "lib/api/openapi.h"

/** The documents of an API. The last one of the roles has what every role gets. */
typedef struct {
    const kiss_api *api;
    const kiss_openapi *of_role[KISS_ROLES + 1];
    const kiss_openapi *feeds;          /* where KissFeedBasic is on; NULL where there are roles */
    const kiss_openapi *admin;          /* of the admin endpoints; NULL where there are none */
} documents;

/* Of this configuration; in pconf, and immutable after start. */
static const apr_array_header_t *prepared;

static const documents *find(const kiss_api *api)
{
    int i;

    for (i = 0; i < prepared->nelts; i++) {
        const documents *d = &APR_ARRAY_IDX(prepared, i, const documents);

        if (d->api == api) {
            return d;
        }
    }
    return NULL;
}

/** Makes the documents of an API; without roles all callers get the last one. @return 0, or -1 without memory */
static int make(documents *d, const kiss_api *api, apr_pool_t *pconf)
{
    int role;

    d->api = api;
    for (role = api->auth == KISS_AUTH_APIKEY ? 0 : KISS_ROLES; role <= KISS_ROLES; role++) {
        d->of_role[role] = kiss_openapi_make(api, role < KISS_ROLES ? 1u << role : KISS_EVERYONE, 0, 0, pconf);
        if (!d->of_role[role]) {
            return -1;
        }
    }
    d->feeds = api->auth == KISS_AUTH_APIKEY ? NULL : kiss_openapi_make(api, KISS_EVERYONE, 1, 0, pconf);
    d->admin = api->words->admin_title ? kiss_openapi_make(api, KISS_EVERYONE, 0, 1, pconf) : NULL;
    return (api->auth == KISS_AUTH_APIKEY || d->feeds) && (!api->words->admin_title || d->admin) ? 0 : -1;
}

int kiss_openapi_answer_prepare(server_rec *s, apr_pool_t *pconf, apr_pool_t *ptemp)
{
    const apr_array_header_t *uses = kiss_config_uses(s, ptemp);
    apr_array_header_t *all = apr_array_make(pconf, 2, sizeof(documents));
    int i;

    prepared = all;
    for (i = 0; i < uses->nelts; i++) {
        const kiss_api *api = APR_ARRAY_IDX(uses, i, kiss_config_use).plan->api;

        if (!find(api) && make(apr_array_push(all), api, pconf)) {
            ap_log_error(APLOG_MARK, APLOG_STARTUP | APLOG_CRIT, APR_ENOMEM, s, KISS_LOGNO(0641) "no memory for the OpenAPI "
                         "document of the API %s", api->name);
            return -1;
        }
    }
    return 0;
}

const kiss_error *kiss_openapi_answer_run(kiss_req *k, int *status)
{
    const kiss_key *key = k->caller ? k->caller->key : NULL;
    const documents *d = find(k->api);
    const char *server = ap_construct_url(k->pool, k->conf->base, k->r), *admin = k->r->server->server_admin, *text;
    kiss_validator v = { "", "", 0, 0 };
    const kiss_openapi *document;
    const kiss_error *e;

    if (!d) {
        return &kiss_error_internal;    /* not of this configuration */
    }
    document = k->endpoint->auth == KISS_AUTH_ADMIN ? d->admin
             : d->feeds && kiss_config_feed_basic(k->conf) ? d->feeds : d->of_role[key ? key->role : KISS_ROLES];
    v.tag = kiss_openapi_tag(document, server, admin, k->pool);
    kiss_response_private(k);
    if ((e = kiss_precondition_check(k, &v, status)) || *status) {
        return e;
    }
    text = kiss_openapi_text(document, server, admin, k->pool);
    *status = kiss_response_bytes(k, text, strlen(text));
    return NULL;
}
