/* SPDX-License-Identifier: Apache-2.0 */
/**
 * cmd_top - the verb top: what httpd does now, by its page kiss-status, again and again.
 */
#include "cmd.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <apr_strings.h>
#include <apr_time.h>

#include "ctl_api.h"
#include "ctl_http.h"
#include "ctl_message.h"
#include "ctl_value.h"
#include "lib/base/clock.h"
#include "lib/base/json_parse.h"
#include "lib/base/plural.h"

#define SECONDS 2
#define CALLERS 10
#define ERRORS 5
#define MOST (4 * 1048576)              /* bytes of a report */
#define TIMEOUT 10
#define CLEAR "\033[H\033[2J"

/** What the last report was, for rates. */
typedef struct {
    apr_int64_t requests;               /* of all APIs; -1: there was none */
    apr_int64_t time;                   /* when, by kiss_clock_now() */
} sample;

static json_object *member(json_object *o, const char *name)
{
    json_object *value = NULL;

    return o && json_object_is_type(o, json_type_object) && json_object_object_get_ex(o, name, &value) ? value : NULL;
}

static apr_int64_t number(json_object *o, const char *name)
{
    return json_object_get_int64(member(o, name));
}

/**
 * A text or number for people, "-" where there is none. Clients choose some: control characters must not drive the
 * terminal.
 */
static const char *text(json_object *o, const char *name, apr_pool_t *p)
{
    const char *value = json_object_get_string(member(o, name));
    char *copy = apr_pstrdup(p, value && *value ? value : "-"), *c;

    for (c = copy; *c; c++) {
        *c = (unsigned char)*c < ' ' || *c == 0x7f ? '?' : *c;
    }
    return copy;
}

static int length(json_object *list)
{
    return list && json_object_is_type(list, json_type_array) ? (int)json_object_array_length(list) : 0;
}

static void print_endpoints(json_object *apis, apr_pool_t *p)
{
    int i, k;

    printf("\n%-10s %-24s %10s %8s %8s %9s %9s\n", "API", "Endpoint", "Requests", "4xx", "5xx", "p50 ms", "p95 ms");
    for (i = 0; i < length(apis); i++) {
        json_object *api = json_object_array_get_idx(apis, (size_t)i), *all = member(api, "endpoints");

        for (k = 0; k < length(all); k++) {
            json_object *e = json_object_array_get_idx(all, (size_t)k);

            printf("%-10s %-24s %10s %8s %8s %9s %9s\n", text(api, "api", p), text(e, "endpoint", p), text(e, "requests", p),
                   text(e, "client_errors", p), text(e, "server_errors", p), text(e, "p50_ms", p), text(e, "p95_ms", p));
        }
    }
}

/** What a caller has used of a window: "6 of 1000". */
static const char *used(json_object *caller, const char *window, apr_pool_t *p)
{
    json_object *w = member(caller, window);

    return w ? apr_psprintf(p, "%s of %s", text(w, "used", p), text(w, "limit", p)) : "-";
}

static void print_callers(json_object *callers, apr_pool_t *p)
{
    int i;

    printf("\n%-26s %10s %8s %18s %18s %s\n", "Caller", "Requests", "429", "Minute", "Hour", "Last");
    for (i = 0; i < length(callers) && i < CALLERS; i++) {
        json_object *c = json_object_array_get_idx(callers, (size_t)i);

        printf("%-26.26s %10s %8s %18s %18s %s\n", text(c, "caller", p), text(c, "requests", p), text(c, "limited", p),
               used(c, "minute", p), used(c, "hour", p), text(c, "last", p));
    }
}

static void print_failed(json_object *failed, apr_pool_t *p)
{
    int i;

    if (length(failed)) {
        printf("\n%-21s %6s %-26s %s\n", "Failed", "Status", "Path", "Request id");
    }
    for (i = 0; i < length(failed) && i < ERRORS; i++) {
        json_object *r = json_object_array_get_idx(failed, (size_t)i);

        printf("%-21s %6s %-26.26s %s\n", text(r, "time", p), text(r, "status", p), text(r, "path", p),
               text(r, "request_id", p));
    }
}

/** The head: time, rate since the last report, sums. */
static void print_head(json_object *report, sample *last, apr_pool_t *p)
{
    json_object *apis = member(report, "apis"), *cache = member(report, "cache");
    apr_int64_t requests = 0, refused = 0, failed = 0, now = kiss_clock_now();
    const char *rate = "-";
    int i;

    for (i = 0; i < length(apis); i++) {
        json_object *api = json_object_array_get_idx(apis, (size_t)i);

        requests += number(api, "requests");
        refused += number(api, "client_errors");
        failed += number(api, "server_errors");
    }
    if (last->requests >= 0 && requests >= last->requests && now > last->time) {
        rate = apr_psprintf(p, "%.1f", (double)(requests - last->requests) * 1e6 / (double)(now - last->time));
    }
    last->requests = requests;
    last->time = now;
    printf("mod_kiss %s   %s   since %s\n", text(report, "version", p), text(report, "time", p), text(report, "since", p));
    printf("%" APR_INT64_T_FMT " request%s, %s a second, %" APR_INT64_T_FMT " refused, %" APR_INT64_T_FMT " failed; ",
           requests, KISS_PLURAL_S(requests), rate, refused, failed);
    printf("%" APR_INT64_T_FMT " list%s, %" APR_INT64_T_FMT " of %" APR_INT64_T_FMT " MB\n", number(cache, "lists"),
           KISS_PLURAL_S(number(cache, "lists")), number(cache, "bytes") / 1048576, number(cache, "limit_bytes") / 1048576);
}

/** One report. @return CTL_OK or CTL_FAILED */
static int show(const ctl_http_request *request, sample *last, int clear, apr_pool_t *p)
{
    ctl_http_answer answer;
    const char *error = ctl_http_send(&answer, request, p);
    json_object *report;

    if (error || answer.status != 200) {
        return ctl_fail("%s: %s", request->url, error ? error
                        : apr_psprintf(p, "status %d: is 'SetHandler kiss-status' there, and open to this host?", answer.status));
    }
    report = kiss_json_parse(answer.body, answer.length, 10, p);
    if (!member(report, "apis")) {
        return ctl_fail("%s: that is no report of mod_kiss", request->url);
    }
    fputs(clear ? CLEAR : "", stdout);
    print_head(report, last, p);
    print_endpoints(member(report, "apis"), p);
    print_callers(member(report, "callers"), p);
    print_failed(member(report, "failed"), p);
    return fflush(stdout) == 0 ? CTL_OK : ctl_fail("cannot write to standard output");
}

/** Reads a whole number from 1; `preset` when the option is not given. */
static int read_number(const ctl *c, apr_int64_t *n, ctl_option option, const char *name, apr_int64_t preset,
                       apr_int64_t most)
{
    *n = preset;
    return !c->option[option] || ctl_number(n, c->option[option], 1, most) ? CTL_OK
        : ctl_usage(c, "%s wants a whole number from 1 to %" APR_INT64_T_FMT, name, most);
}

int cmd_top(ctl *c, const char *const *args)
{
    const int terminal = isatty(STDOUT_FILENO);
    apr_int64_t seconds, times, i;
    ctl_http_request request = {.ca = ctl_api_ca(c), .seconds = TIMEOUT, .most = MOST};
    const char *wrong = ctl_http_check_url(args[0]);
    sample last = {-1, 0};
    apr_pool_t *p;
    int rc = CTL_OK;

    if (wrong || strchr(args[0], '?')) {
        return ctl_usage(c, "'%s' %s", args[0], wrong ? wrong : "has a query in it");
    }
    if (read_number(c, &seconds, OPT_INTERVAL, "--interval", SECONDS, 3600) != CTL_OK
        || read_number(c, &times, OPT_TIMES, "--times", terminal ? APR_INT64_MAX : 1, 1000000000) != CTL_OK) {
        return CTL_USAGE;
    }
    request.url = apr_pstrcat(c->pool, args[0], "?json", NULL);
    if (apr_pool_create(&p, c->pool) != APR_SUCCESS) {
        return ctl_fail("out of memory");
    }
    for (i = 0; i < times && rc == CTL_OK; i++) {
        if (i) {
            apr_sleep(apr_time_from_sec(seconds));
            fputs(terminal ? "" : "\n", stdout);
        }
        rc = show(&request, &last, terminal, p);
        apr_pool_clear(p);
    }
    return rc;
}
