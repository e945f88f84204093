/* SPDX-License-Identifier: Apache-2.0 */
/**
 * ratelimit_headers - the headers of limits, from the windows of a caller.
 */
#include "caller/ratelimit_headers.h"

#include "lib/base/date.h"

#define SECOND APR_INT64_C(1000000)

/** "2026-05-14T10:32:00Z", `wait` microseconds from now, in whole seconds: a little later, never earlier. */
static const char *reset_time(kiss_req *k, apr_int64_t wait)
{
    apr_int64_t then = kiss_fixed_window_seconds(apr_time_now() + wait);
    int of_day = (int)(then % 86400), part[] = { of_day / 3600, of_day / 60 % 60, of_day % 60 }, i;
    char *text = apr_pstrdup(k->pool, "YYYY-MM-DDTHH:MM:SSZ");

    kiss_date_of_day_number(text, then / 86400);
    text[KISS_DATE_DAY - 1] = 'T';
    for (i = 0; i < 3; i++) {
        text[11 + 3 * i] = (char)('0' + part[i] / 10);
        text[12 + 3 * i] = (char)('0' + part[i] % 10);
    }
    return text;
}

/** A number as text, without the cost of a format: every answer has several. */
static const char *number(kiss_req *k, apr_int64_t n)
{
    return apr_off_t_toa(k->pool, (apr_off_t)n);
}

void kiss_ratelimit_headers_windows(kiss_req *k, const kiss_fixed_window_state states[KISS_WINDOWS])
{
    const char *policy = "", *state = "";
    int w;

    for (w = 0; w < KISS_WINDOWS; w++) {
        const kiss_fixed_window_state *s = &states[w];

        policy = apr_pstrcat(k->pool, policy, w ? ", \"" : "\"", kiss_fixed_window_policy[w], "\";q=", number(k, s->limit),
                             ";w=", number(k, kiss_fixed_window_length[w] / SECOND), NULL);
        state = apr_pstrcat(k->pool, state, w ? ", \"" : "\"", kiss_fixed_window_policy[w], "\";r=", number(k, s->remaining),
                            ";t=", number(k, kiss_fixed_window_seconds(s->wait)), NULL);
    }
    apr_table_setn(k->r->err_headers_out, "RateLimit-Policy", policy);
    apr_table_setn(k->r->err_headers_out, "RateLimit", state);
}

void kiss_ratelimit_headers_window(kiss_req *k, const kiss_fixed_window_state *s, int w)
{
    apr_table_t *out = k->r->err_headers_out;

    apr_table_setn(out, "X-Rate-Limit-Limit", kiss_fixed_window_name[w]);
    apr_table_setn(out, "X-Rate-Limit-Remaining", number(k, s->remaining));
    apr_table_setn(out, "X-Rate-Limit-Reset", reset_time(k, s->wait));
}

void kiss_ratelimit_headers_hour(kiss_req *k, const kiss_fixed_window_state *s)
{
    apr_table_t *out = k->r->err_headers_out;

    apr_table_setn(out, "RateLimit-Limit", number(k, s->limit));
    apr_table_setn(out, "RateLimit-Remaining", number(k, s->remaining));
    apr_table_setn(out, "RateLimit-Reset", number(k, kiss_fixed_window_seconds(s->wait)));
}
