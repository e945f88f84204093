/* SPDX-License-Identifier: Apache-2.0 */
/**
 * ctl_defaults - reads the few options that kissctl must know before it connects.
 */
#include "ctl_defaults.h"

#include <stdio.h>
#include <string.h>

#include <apr_lib.h>
#include <apr_strings.h>

#include "ctl_message.h"
#include "lib/base/loopback.h"

/** The line without blanks around it; changes it. */
static char *trimmed(char *line)
{
    char *end;

    while (apr_isspace(*line)) {
        line++;
    }
    end = line + strlen(line);
    while (end > line && apr_isspace(end[-1])) {
        *--end = '\0';
    }
    return line;
}

/** 1 when the library reads the group "[NAME]" for this verb. */
static int is_read(const ctl *c, const char *line)
{
    static const char *const groups[] = { "client", "client-server", "client-mariadb" };
    apr_size_t n = strlen(line), i;

    for (i = 0; i <= sizeof(groups) / sizeof(groups[0]); i++) {
        const char *group = i == 0 ? c->verb->database->group : groups[i - 1];

        if (n == strlen(group) + 2 && line[n - 1] == ']' && strncmp(line + 1, group, n - 2) == 0) {
            return 1;
        }
    }
    return 0;
}

/** The value of a line "key=value" of this key, where `-` and `_` are the same. @return NULL when it is another one */
static char *value_of(char *line, const char *key)
{
    char *equals = strchr(line, '='), *value;
    const char *c;

    if (!equals) {
        return NULL;
    }
    *equals = '\0';
    line = trimmed(line);
    for (c = line; *c && *key && (*c == '_' ? '-' : *c) == *key; c++, key++) {
        continue;
    }
    value = trimmed(equals + 1);
    if (*value && (*value == '"' || *value == '\'') && value[strlen(value) - 1] == *value && value[1]) {
        value[strlen(value) - 1] = '\0';
        value++;
    }
    return *c || *key ? NULL : value;
}

const char *ctl_defaults_value(const ctl *c, const char *key)
{
    const char *found = NULL;
    char buffer[1024];
    int ours = 0;
    FILE *f = fopen(c->defaults, "r");

    if (!f) {
        return NULL;                            /* connecting reports why */
    }
    while (fgets(buffer, sizeof(buffer), f)) {
        char *line = trimmed(buffer), *value;

        if (*line == '[') {
            ours = is_read(c, line);
        }
        else if (ours && *line != '#' && *line != ';' && (value = value_of(line, key))) {
            found = apr_pstrdup(c->pool, value);
        }
    }
    fclose(f);
    return found;
}

int ctl_defaults_tls(const ctl *c, ctl_tls *tls)
{
    const char *said = ctl_defaults_value(c, "tls");

    if (!said) {
        *tls = kiss_loopback_is(ctl_defaults_value(c, "host")) ? CTL_TLS_OFF : CTL_TLS_VERIFY;
        return CTL_OK;
    }
    *tls = strcmp(said, "verify") == 0 ? CTL_TLS_VERIFY : strcmp(said, "require") == 0 ? CTL_TLS_REQUIRE : CTL_TLS_OFF;
    return *tls != CTL_TLS_OFF || strcmp(said, "off") == 0 ? CTL_OK
           : ctl_fail("group [%s] of %s: tls=%s: use verify, require or off", c->verb->database->group, c->defaults, said);
}
