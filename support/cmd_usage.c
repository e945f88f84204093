/* SPDX-License-Identifier: Apache-2.0 */
/**
 * cmd_usage - the verb usage: limits and keys of a customer, what it asked for by the access log, and what is left of its
 * limits.
 */
#include "cmd.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <apr_strings.h>

#include "ctl_api.h"
#include "ctl_db.h"
#include "ctl_key.h"
#include "ctl_message.h"
#include "ctl_out.h"
#include "ctl_value.h"
#include "ctl_access_log.h"

#define DAYS 7

#define SELECT_CUSTOMER \
    "SELECT customer_code, enabled, limit_minute, limit_hour, absent_since FROM customer WHERE customer_code = ?"

#define SELECT_KEYS \
    "SELECT k.key_id, k.label, " CTL_KEY_MOMENT("u.last_used_at") ", " CTL_KEY_MOMENT("k.expires_at") ", " \
    CTL_KEY_MOMENT("k.revoked_at") " FROM api_key k LEFT JOIN key_usage u USING (key_id) WHERE k.customer_code = ?" \
    " ORDER BY k.key_id"

static const out_column customer_columns[] = {
    {"CustomerCode", OUT_TEXT}, {"Enabled", OUT_FLAG}, {"LimitMinute", OUT_NUMBER}, {"LimitHour", OUT_NUMBER},
    {"AbsentSince", OUT_TEXT},
};

static const out_column key_columns[] = {
    {"ID", OUT_NUMBER}, {"Label", OUT_TEXT}, {"LastUsedAt", OUT_TEXT}, {"ExpiresAt", OUT_TEXT}, {"RevokedAt", OUT_TEXT},
};

static const out_column request_columns[] = {
    {"Endpoint", OUT_TEXT}, {"Requests", OUT_NUMBER}, {"Unchanged", OUT_NUMBER}, {"Limited", OUT_NUMBER},
    {"Refused", OUT_NUMBER}, {"Failed", OUT_NUMBER}, {"Bytes", OUT_NUMBER}, {"Seconds", OUT_NUMBER}, {"First", OUT_TEXT},
    {"Last", OUT_TEXT},
};

static const out_column window_columns[] = {{"Window", OUT_TEXT}, {"Left", OUT_NUMBER}, {"EndsIn", OUT_NUMBER}};

#define COUNT(array) ((int)(sizeof(array) / sizeof(*(array))))

static const char *moment(apr_time_t t, apr_pool_t *p)
{
    apr_time_exp_t e;

    apr_time_exp_gmt(&e, t);
    return apr_psprintf(p, "%04d-%02d-%02dT%02d:%02d:%02dZ", e.tm_year + 1900, e.tm_mon + 1, e.tm_mday, e.tm_hour, e.tm_min,
                        e.tm_sec);
}

static const char *number(apr_int64_t n, apr_pool_t *p)
{
    return apr_psprintf(p, "%" APR_INT64_T_FMT, n);
}

/** The text as httpd writes it into a log. */
static const char *escaped(const char *text, apr_pool_t *p)
{
    const char *out = "";

    for (; *text; text++) {
        const unsigned char c = (unsigned char)*text;

        out = apr_pstrcat(p, out, c == '"' || c == '\\' ? apr_psprintf(p, "\\%c", c)
                          : c < ' ' || c > '~' ? apr_psprintf(p, "\\x%02x", c) : apr_psprintf(p, "%c", c), NULL);
    }
    return out;
}

/** What the access log tells, a row for each endpoint. @return CTL_OK or CTL_FAILED */
static int read_log(ctl *c, apr_array_header_t **rows, const char *code, apr_time_t since)
{
    ctl_access_log *u = ctl_access_log_make(c->pool);
    apr_status_t rv = ctl_access_log_file(u, c->option[OPT_LOG], escaped(code, c->pool), since);
    char reason[120];
    int i;

    if (rv != APR_SUCCESS) {
        return ctl_fail("%s: %s", c->option[OPT_LOG], apr_strerror(rv, reason, sizeof(reason)));
    }
    if (u->strange) {
        ctl_note("%s: %" APR_INT64_T_FMT " of %" APR_INT64_T_FMT " lines are not in the format of conf/kiss-site.conf: not "
                 "counted", c->option[OPT_LOG], u->strange, u->strange + u->lines);
    }
    *rows = apr_array_make(c->pool, u->rows->nelts, sizeof(const char **));
    for (i = 0; i < u->rows->nelts; i++) {
        const ctl_access_row *r = &APR_ARRAY_IDX(u->rows, i, ctl_access_row);
        const char *row[] = {
            r->endpoint, number(r->requests, c->pool), number(r->unchanged, c->pool), number(r->limited, c->pool),
            number(r->refused, c->pool), number(r->failed, c->pool), number(r->bytes, c->pool),
            r->requests > 1 ? number(apr_time_sec(r->last - r->first) / (r->requests - 1), c->pool) : NULL,
            moment(r->first, c->pool), moment(r->last, c->pool)
        };

        APR_ARRAY_PUSH(*rows, const char **) = apr_pmemdup(c->pool, row, sizeof(row));
    }
    return CTL_OK;
}

/** What is left of the limits, by the headers of an answer: `"min";r=58;t=12`, several joined by commas. */
static int read_windows(ctl *c, apr_array_header_t **rows, const char *code)
{
    ctl_http_answer answer;
    ctl_api api;
    char *rest, *item;
    int rc = ctl_api_open(c, &api, "KISS_URL");

    if (rc != CTL_OK || (rc = ctl_api_token(c, &api, code)) != CTL_OK
        || (rc = ctl_api_get(c, &api, &answer, "/api/version", -1)) != CTL_OK) {
        return rc;
    }
    *rows = apr_array_make(c->pool, 2, sizeof(const char **));
    item = apr_strtok(apr_pstrdup(c->pool, answer.rate_limit), ",", &rest);
    for (; item; item = apr_strtok(NULL, ",", &rest)) {
        const char *left = strstr(item, ";r="), *ends = strstr(item, ";t="), *name = strchr(item, '"');
        const char **row = apr_palloc(c->pool, sizeof(*row) * 3);

        if (left && ends && name) {
            row[0] = apr_pstrmemdup(c->pool, name + 1, strcspn(name + 1, "\""));
            row[1] = number(apr_atoi64(left + 3), c->pool);
            row[2] = number(apr_atoi64(ends + 3), c->pool);
            APR_ARRAY_PUSH(*rows, const char **) = row;
        }
    }
    return (*rows)->nelts ? CTL_OK : ctl_fail("%s answers %d, and nothing about limits", api.base, answer.status);
}

/** Writes a table with its title, or a member of the JSON object. */
static void print(const ctl *c, const char *title, const out_column *columns, int n, const apr_array_header_t *rows)
{
    if (!rows) {
        return;
    }
    if (c->json) {
        printf(",\n\"%s\": ", title);
    }
    else {
        printf("\n%s\n", title);
    }
    ctl_out_rows(c, columns, n, rows);
}

int cmd_usage(ctl *c, const char *const *args)
{
    apr_array_header_t *customer, *keys, *requests = NULL, *windows = NULL;
    apr_int64_t days = DAYS;
    apr_time_t since;
    int rc;

    if (c->option[OPT_DAYS] && !ctl_number(&days, c->option[OPT_DAYS], 1, 36500)) {
        return ctl_usage(c, "--days wants a whole number from 1 to 36500");
    }
    if (ctl_db_rows(c, &customer, c->pool, SELECT_CUSTOMER, 1, args[0]) != CTL_OK
        || ctl_db_rows(c, &keys, c->pool, SELECT_KEYS, 1, args[0]) != CTL_OK) {
        return CTL_FAILED;
    }
    if (customer->nelts == 0) {
        return ctl_fail("there is no customer '%s': 'kissctl customer list' shows them", args[0]);
    }
    since = apr_time_now() - apr_time_from_sec(days * 86400);
    if (c->option[OPT_LOG] && (rc = read_log(c, &requests, args[0], since)) != CTL_OK) {
        return rc;
    }
    if (c->option[OPT_URL] && (rc = read_windows(c, &windows, args[0])) != CTL_OK) {
        return rc;
    }
    fputs(c->json ? "{\"Customer\": " : "", stdout);
    ctl_out_row(c, customer_columns, COUNT(customer_columns), CTL_ROW(customer, 0));
    print(c, "Keys", key_columns, COUNT(key_columns), keys);
    print(c, "Requests", request_columns, COUNT(request_columns), requests);
    print(c, "Left", window_columns, COUNT(window_columns), windows);
    fputs(c->json ? "}\n" : "", stdout);
    return CTL_OK;
}
