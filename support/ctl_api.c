/* SPDX-License-Identifier: Apache-2.0 */
/**
 * ctl_api - finds the API, makes tokens for it, asks it.
 */
#include "ctl_api.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <apr_strings.h>
#include <apr_time.h>

#include "ctl_message.h"
#include "lib/base/crypto.h"
#include "lib/base/json_parse.h"
#include "lib/credential/jwt.h"

#define LIFETIME 60                     /* seconds that a token is good for */
#define METADATA_SECONDS 15

static const char *from_environment(const char *name)
{
    const char *value = getenv(name);

    return value && *value ? value : NULL;
}

const char *ctl_api_ca(const ctl *c)
{
    return c->option[OPT_CA] ? c->option[OPT_CA] : from_environment("KISS_CA");
}

int ctl_api_open(ctl *c, ctl_api *api, const char *variable)
{
    const char *url = c->option[OPT_URL] ? c->option[OPT_URL] : from_environment(variable), *wrong;
    apr_size_t n;

    if (!url) {
        return ctl_usage(c, "--url is missing: the URL of the API (or set %s)", variable);
    }
    if ((wrong = ctl_http_check_url(url)) || strchr(url, '?')) {
        return ctl_usage(c, "--url: '%s' %s", url, wrong ? wrong : "has a query in it");
    }
    for (n = strlen(url); url[n - 1] == '/'; n--) {
        continue;
    }
    api->base = apr_pstrmemdup(c->pool, url, n);
    api->ca = ctl_api_ca(c);
    api->header = NULL;
    return CTL_OK;
}

/** A member of a metadata document of the API; NULL when there is none. */
static const char *metadata(ctl *c, const ctl_api *api, const char *document, const char *member)
{
    const ctl_http_request request = {.url = apr_pstrcat(c->pool, api->base, "/.well-known/", document, NULL), .ca = api->ca,
                                      .seconds = METADATA_SECONDS};
    json_object *o, *value = NULL;
    ctl_http_answer answer;
    const char *error = ctl_http_send(&answer, &request, c->pool);

    if (error) {
        ctl_note("%s: %s", request.url, error);
        return NULL;
    }
    o = answer.status == 200 ? kiss_json_parse(answer.body, answer.length, 4, c->pool) : NULL;
    if (!o || !json_object_object_get_ex(o, member, &value) || !json_object_is_type(value, json_type_string)) {
        return NULL;
    }
    return apr_pstrdup(c->pool, json_object_get_string(value));
}

/** Issuer and audience of the tokens. */
static int find_names(ctl *c, const ctl_api *api, kiss_jwt_policy *policy)
{
    const char *host = ctl_http_host(api->base, c->pool);

    policy->issuer = c->option[OPT_ISSUER];
    if (!policy->issuer) {
        policy->issuer = metadata(c, api, "oauth-authorization-server", "issuer");
        if (!policy->issuer) {
            return ctl_fail("%s does not say who issues its tokens: is it the URL of the API? --issuer names the issuer, as "
                            "KissTokenIssuer does", api->base);
        }
        /* A server must not choose the installation that a token is for. */
        if (strcasecmp(ctl_http_host(policy->issuer, c->pool), host) != 0) {
            return ctl_fail("%s says that '%s' issues its tokens, which is another host: confirm it with --issuer", api->base,
                            policy->issuer);
        }
    }
    policy->audience = c->option[OPT_AUDIENCE];
    if (!policy->audience && !c->option[OPT_ISSUER]) {
        policy->audience = metadata(c, api, "oauth-protected-resource", "resource");
    }
    policy->audience = policy->audience ? policy->audience : policy->issuer;
    return CTL_OK;
}

int ctl_api_token(ctl *c, ctl_api *api, const char *customer)
{
    kiss_jwt_policy policy = {.lifetime = LIFETIME};
    const char *text, *error = kiss_crypto_read_file(&text, c->token_keys, c->pool), *token;
    apr_array_header_t *keys;

    if (error || (error = kiss_jwt_keys_parse(&keys, text, c->pool))) {
        return ctl_fail("no token can be signed: %s", error);
    }
    policy.keys = keys;
    if (find_names(c, api, &policy) != CTL_OK) {
        return CTL_FAILED;
    }
    token = kiss_jwt_sign(&policy, customer, apr_time_sec(apr_time_now()), c->pool);
    if (!token) {
        return ctl_fail("no token can be signed: out of memory or randomness");
    }
    api->header = apr_pstrcat(c->pool, "Authorization: Bearer ", token, NULL);
    return CTL_OK;
}

int ctl_api_get(ctl *c, const ctl_api *api, ctl_http_answer *answer, const char *path, int show)
{
    const char *const headers[] = {api->header, NULL};
    const ctl_http_request request = {.url = apr_pstrcat(c->pool, api->base, path, NULL), .headers = headers, .ca = api->ca,
                                      .head_to = show == 1 ? stdout : NULL, .body_to = show >= 0 ? stdout : NULL};
    const char *error = ctl_http_send(answer, &request, c->pool);

    return error ? ctl_fail("%s: %s", request.url, error) : CTL_OK;
}
