/* SPDX-License-Identifier: Apache-2.0 */
/**
 * ctl_value - values of options that several verbs read.
 */
#include "ctl_value.h"

#include <string.h>

#include <apr_strings.h>

#include "csv.h"
#include "ctl_message.h"
#include "lib/base/utf8.h"

#define MAX_LIMIT 1000000000

int ctl_number(apr_int64_t *value, const char *text, apr_int64_t least, apr_int64_t most)
{
    apr_int64_t n;

    if (!*text || strlen(text) > 18 || text[strspn(text, "0123456789")]) {
        return 0;
    }
    n = apr_atoi64(text);
    if (n < least || n > most) {
        return 0;
    }
    *value = n;
    return 1;
}

int ctl_text(const ctl *c, const char **value, ctl_option option, const char *name, int most)
{
    apr_size_t len, chars;

    *value = c->option[option];
    if (!*value) {
        return CTL_OK;
    }
    len = strlen(*value);
    if (kiss_utf8_check(*value, len, &chars) < len) {
        return ctl_usage(c, "%s: not UTF-8", name);
    }
    return chars > (apr_size_t)most ? ctl_usage(c, "%s: longer than %d characters", name, most) : CTL_OK;
}

int ctl_limit(const ctl *c, const char **value, ctl_option option, const char *name)
{
    apr_int64_t n;

    if (!c->option[option]) {
        return CTL_OK;
    }
    if (strcmp(c->option[option], "default") == 0) {
        *value = NULL;
        return CTL_OK;
    }
    if (!ctl_number(&n, c->option[option], 1, MAX_LIMIT)) {
        return ctl_usage(c, "%s: '%s' is neither a whole number from 1 to %d nor 'default'", name, c->option[option],
                         MAX_LIMIT);
    }
    *value = apr_psprintf(c->pool, "%" APR_INT64_T_FMT, n);
    return CTL_OK;
}
