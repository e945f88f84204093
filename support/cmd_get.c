/* SPDX-License-Identifier: Apache-2.0 */
/**
 * cmd_get - the verbs get and kss get: call the API as a customer does, for support.
 */
#include "cmd.h"

#include <string.h>

#include <apr_strings.h>

#include "ctl_api.h"
#include "ctl_db.h"
#include "ctl_key.h"
#include "ctl_message.h"
#include "ctl_value.h"

/** Checks the path, and finds the API. @return CTL_OK or CTL_USAGE */
static int prepare(ctl *c, ctl_api *api, const char *path, const char *variable)
{
    const char *at;

    if (*path != '/') {
        return ctl_usage(c, "'%s' is no path below the URL of the API: /stock", path);
    }
    for (at = path; *at > ' ' && *at <= '~' && *at != '#'; at++) {
        continue;
    }
    if (*at) {
        return ctl_usage(c, "the path has characters in it that a URL writes as %%20 and the like");
    }
    if (!c->option[OPT_AS]) {
        return ctl_usage(c, "--as is missing: whom to be");
    }
    return ctl_api_open(c, api, variable);
}

/** Asks, and prints what comes. @return CTL_FAILED unless the status is that of a success */
static int ask(ctl *c, const ctl_api *api, const char *path, const char *who)
{
    ctl_http_answer answer;

    if (ctl_api_get(c, api, &answer, path, c->option[OPT_HEADERS] != NULL) != CTL_OK) {
        return CTL_FAILED;
    }
    ctl_note("%d from %s%s as %s, %" APR_SIZE_T_FMT " bytes", answer.status, api->base, path, who, answer.length);
    return answer.status >= 200 && answer.status < 300 ? CTL_OK : CTL_FAILED;
}

int cmd_get(ctl *c, const char *const *args)
{
    ctl_api api;
    int rc = prepare(c, &api, args[0], "KISS_URL");

    if (rc != CTL_OK || (rc = ctl_api_token(c, &api, c->option[OPT_AS])) != CTL_OK) {
        return rc;
    }
    return ask(c, &api, args[0], c->option[OPT_AS]);
}

/** Makes a key with the rights of key `id` that ends in a minute. */
static int twin(ctl *c, ctl_key *key, const char *id)
{
    apr_uint64_t made;

    if (ctl_key_make(c, key) != CTL_OK || ctl_db_begin(c) != CTL_OK
        || ctl_db_run(c, &made, "INSERT INTO api_key (type, prefix, hash, user_id, limit_hour, label, expires_at)"
                      " SELECT type, ?, UNHEX(?), user_id, limit_hour, 'kissctl kss get', UTC_TIMESTAMP() + INTERVAL 1 MINUTE"
                      " FROM api_key WHERE key_id = CAST(? AS UNSIGNED)", 3, key->prefix, key->hash, id) != CTL_OK) {
        return CTL_FAILED;
    }
    if (made == 0) {
        return ctl_fail("there is no key %s: 'kissctl kss key list' shows them", id);
    }
    if (ctl_db_run(c, NULL, "INSERT INTO api_key_account (key_id, account_id) SELECT n.key_id, a.account_id FROM api_key n"
                   " JOIN api_key_account a ON a.key_id = CAST(? AS UNSIGNED) WHERE n.hash = UNHEX(?)", 2, id, key->hash)
        != CTL_OK) {
        return CTL_FAILED;
    }
    return ctl_db_exec(c, "COMMIT");
}

int cmd_kss_get(ctl *c, const char *const *args)
{
    const char *id = c->option[OPT_AS];
    ctl_key key = {0};
    apr_int64_t n;
    ctl_api api;
    int rc = prepare(c, &api, args[0], "KSS_URL");

    if (rc != CTL_OK) {
        return rc;
    }
    if (!ctl_number(&n, id, 1, APR_INT64_MAX)) {
        return ctl_usage(c, "--as: '%s' is not the number of a key: 'kissctl kss key list' shows it", id);
    }
    if (ctl_db_open(c) != CTL_OK || twin(c, &key, id) != CTL_OK) {
        return CTL_FAILED;
    }
    api.header = apr_pstrcat(c->pool, "x-api-key: ", key.text, NULL);
    rc = ask(c, &api, args[0], apr_psprintf(c->pool, "key %s", id));
    if (ctl_db_run(c, NULL, "DELETE FROM api_key WHERE hash = UNHEX(?)", 1, key.hash) != CTL_OK) {
        ctl_note("the key of this call could not be removed; it has ended within a minute");
    }
    return rc;
}
