/* SPDX-License-Identifier: Apache-2.0 */
/**
 * notify_config - reads the file of 'kissctl notify'.
 */
#include "notify_config.h"

#include <string.h>

#include <apr_lib.h>
#include <apr_strings.h>

#include "ctl_file.h"
#include "ctl_http.h"
#include "ctl_message.h"
#include "ctl_value.h"
#include "lib/base/crypto.h"

#define MOST 65536                      /* bytes of the file */
#define MOST_TARGETS 50
#define MOST_ATTEMPTS 10
#define SECRET 32                       /* characters, at least: as hexadecimal digits 128 bits */

/** The text without blanks around it; changes it. */
static char *trimmed(char *text)
{
    char *end;

    while (apr_isspace(*text)) {
        text++;
    }
    for (end = text + strlen(text); end > text && apr_isspace(end[-1]); end--) {
        end[-1] = '\0';
    }
    return text;
}

static const char *read_secret(ctl *c, notify_config *config, const char *path)
{
    const char *text, *error = kiss_crypto_read_file(&text, path, c->pool);

    if (error) {
        return error;
    }
    config->secret = trimmed(apr_pstrdup(c->pool, text));
    return strlen(config->secret) >= SECRET ? NULL
        : apr_psprintf(c->pool, "%s: the secret is shorter than %d characters: 'openssl rand -hex 32' makes one", path, SECRET);
}

static const char *add_target(ctl *c, notify_config *config, const char *url)
{
    const char *wrong = ctl_http_check_url(url);
    int i;

    if (wrong) {
        return apr_psprintf(c->pool, "'%s' %s", url, wrong);
    }
    for (i = 0; i < config->targets->nelts; i++) {
        if (strcmp(APR_ARRAY_IDX(config->targets, i, const char *), url) == 0) {
            return apr_psprintf(c->pool, "'%s' is there twice", url);
        }
    }
    APR_ARRAY_PUSH(config->targets, const char *) = url;
    return i < MOST_TARGETS ? NULL : "too many targets";
}

/** Takes one setting. @return NULL, or what is wrong with it */
static const char *set(ctl *c, notify_config *config, const char *key, const char *value)
{
    if (!*value) {
        return "a value is missing";
    }
    if (strcmp(key, "target") == 0) {
        return add_target(c, config, value);
    }
    if (strcmp(key, "secret-file") == 0) {
        return read_secret(c, config, value);
    }
    if (strcmp(key, "state") == 0) {
        config->state = value;
        return *value == '/' ? NULL : "state must be a path from the root";
    }
    if (strcmp(key, "ca") == 0) {
        config->ca = value;
        return NULL;
    }
    if (strcmp(key, "attempts") == 0) {
        return ctl_number(&config->attempts, value, 1, MOST_ATTEMPTS) ? NULL : "attempts wants a whole number from 1 to 10";
    }
    return apr_psprintf(c->pool, "there is no setting '%s': target, secret-file, state, ca, attempts", key);
}

int notify_config_read(ctl *c, notify_config *config, const char *path)
{
    const char *text, *wrong;
    char *line, *rest, reason[120];
    apr_status_t rv = ctl_file_read(&text, NULL, path, MOST, c->pool);
    int n;

    memset(config, 0, sizeof(*config));
    config->targets = apr_array_make(c->pool, 4, sizeof(const char *));
    config->attempts = 4;
    if (rv != APR_SUCCESS) {
        return ctl_fail("%s: %s", path, apr_strerror(rv, reason, sizeof(reason)));
    }
    rest = apr_pstrdup(c->pool, text);
    for (n = 1; rest; n++) {
        char *end = strchr(rest, '\n'), *equals;

        line = rest;
        rest = end ? end + 1 : NULL;
        if (end) {
            *end = '\0';
        }
        line = trimmed(line);
        if (!*line || *line == '#') {
            continue;
        }
        if ((equals = strchr(line, '='))) {
            *equals = '\0';
        }
        wrong = equals ? set(c, config, trimmed(line), trimmed(equals + 1)) : "not 'key = value'";
        if (wrong) {
            return ctl_fail("%s:%d: %s", path, n, wrong);
        }
    }
    if (!config->targets->nelts || !config->secret || !config->state) {
        return ctl_fail("%s: %s is missing", path, !config->targets->nelts ? "target"
                        : !config->secret ? "secret-file" : "state");
    }
    return CTL_OK;
}
