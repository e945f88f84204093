/* SPDX-License-Identifier: Apache-2.0 */
/**
 * cmd_top - the verb top: what httpd does now, by its page kiss-status, again and again.
 */
#include "cmd.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <apr_strings.h>
#include <apr_time.h>

#include "ctl_api.h"
#include "ctl_http.h"
#include "ctl_message.h"
#include "ctl_screen.h"
#include "ctl_value.h"
#include "lib/base/clock.h"
#include "lib/base/json_parse.h"
#include "lib/base/plural.h"

#define SECONDS 2
#define CALLERS 10
#define ERRORS 5
#define MOST (4 * 1048576)              /* bytes of a report */
#define TIMEOUT 10

/* Columns of a report that goes to no screen. */
#define WIDE 105

/** What a report was, for rates. */
typedef struct {
    apr_int64_t requests;               /* of all APIs; -1: there was none */
    apr_int64_t time;                   /* when, by kiss_clock_now() */
} sample;

/** A report as text: sections of lines. */
typedef struct {
    apr_pool_t *pool;
    int columns;                        /* that it may have */
    apr_array_header_t *head, *endpoints, *callers, *failed;    /* of const char * */
} report_text;

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
 * A text or number for people, "-" where there is none. Clients choose some: control characters, those of two bytes too
 * (U+0080 to U+009F), must not drive the terminal.
 */
static const char *text(json_object *o, const char *name, apr_pool_t *p)
{
    const char *value = json_object_get_string(member(o, name));
    char *copy = apr_pstrdup(p, value && *value ? value : "-"), *c;

    for (c = copy; *c; c++) {
        if ((unsigned char)*c < ' ' || *c == 0x7f) {
            *c = '?';
        }
        else if ((unsigned char)c[0] == 0xc2 && (unsigned char)c[1] >= 0x80 && (unsigned char)c[1] < 0xa0) {
            c[0] = c[1] = '?';
        }
    }
    return copy;
}

/** A text in a column of this width: filled with blanks, or cut. */
static const char *column(const char *value, int width, apr_pool_t *p)
{
    int n = ctl_screen_cut(value, width), characters = 0, i;

    for (i = 0; i < n; i++) {
        characters += ((unsigned char)value[i] & 0xc0) != 0x80;
    }
    return apr_psprintf(p, "%.*s%*s", n, value, width - characters, "");
}

static void add(apr_array_header_t *lines, apr_pool_t *p, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

static void add(apr_array_header_t *lines, apr_pool_t *p, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    APR_ARRAY_PUSH(lines, const char *) = apr_pvsprintf(p, fmt, args);
    va_end(args);
}

static int length(json_object *list)
{
    return list && json_object_is_type(list, json_type_array) ? (int)json_object_array_length(list) : 0;
}

/** An endpoint, and the API that it is of. */
typedef struct {
    json_object *api, *endpoint;
} row;

static int by_requests(const void *a, const void *b)
{
    const apr_int64_t x = number(((const row *)a)->endpoint, "requests"), y = number(((const row *)b)->endpoint, "requests");

    return (x < y) - (x > y);
}

/** The endpoints, the most requested ones first. */
static void write_endpoints(report_text *t, json_object *apis)
{
    apr_array_header_t *rows = apr_array_make(t->pool, 32, sizeof(row));
    int i, k;

    for (i = 0; i < length(apis); i++) {
        json_object *api = json_object_array_get_idx(apis, (size_t)i), *all = member(api, "endpoints");

        for (k = 0; k < length(all); k++) {
            const row r = { api, json_object_array_get_idx(all, (size_t)k) };

            APR_ARRAY_PUSH(rows, row) = r;
        }
    }
    qsort(rows->elts, (size_t)rows->nelts, sizeof(row), by_requests);
    add(t->endpoints, t->pool, "%s", "");
    add(t->endpoints, t->pool, "%-9s %-22s %9s %7s %7s %9s %9s", "API", "Endpoint", "Requests", "4xx", "5xx", "p50 ms",
        "p95 ms");
    for (i = 0; i < rows->nelts; i++) {
        const row *r = &APR_ARRAY_IDX(rows, i, row);

        add(t->endpoints, t->pool, "%s %s %9s %7s %7s %9s %9s", column(text(r->api, "api", t->pool), 9, t->pool),
            column(text(r->endpoint, "endpoint", t->pool), 22, t->pool), text(r->endpoint, "requests", t->pool),
            text(r->endpoint, "client_errors", t->pool), text(r->endpoint, "server_errors", t->pool),
            text(r->endpoint, "p50_ms", t->pool), text(r->endpoint, "p95_ms", t->pool));
    }
}

/** What a caller has used of a window: "6 of 1000". */
static const char *used(json_object *caller, const char *window, apr_pool_t *p)
{
    json_object *w = member(caller, window);

    return w ? apr_psprintf(p, "%s of %s", text(w, "used", p), text(w, "limit", p)) : "-";
}

static void write_callers(report_text *t, json_object *callers)
{
    /* All but the caller. */
    const int rest = 1 + 8 + 1 + 6 + 1 + 13 + 1 + 13 + 1 + 20;
    int width = t->columns - rest, i;

    width = width < 12 ? 12 : width > 40 ? 40 : width;
    add(t->callers, t->pool, "%s", "");
    add(t->callers, t->pool, "%s %8s %6s %13s %13s %s", column("Caller", width, t->pool), "Requests", "429", "Minute",
        "Hour", "Last");
    for (i = 0; i < length(callers) && i < CALLERS; i++) {
        json_object *c = json_object_array_get_idx(callers, (size_t)i);

        add(t->callers, t->pool, "%s %8s %6s %13s %13s %s", column(text(c, "caller", t->pool), width, t->pool),
            text(c, "requests", t->pool), text(c, "limited", t->pool), used(c, "minute", t->pool), used(c, "hour", t->pool),
            text(c, "last", t->pool));
    }
}

/** The request id comes before the path, of which the end may be cut. */
static void write_failed(report_text *t, json_object *failed)
{
    int width = 10, i;

    for (i = 0; i < length(failed) && i < ERRORS; i++) {
        int n = (int)strlen(text(json_object_array_get_idx(failed, (size_t)i), "request_id", t->pool));

        width = n > 36 ? 36 : n > width ? n : width;
    }
    if (length(failed)) {
        add(t->failed, t->pool, "%s", "");
        add(t->failed, t->pool, "%-20s %6s %s %s", "Failed", "Status", column("Request id", width, t->pool), "Path");
    }
    for (i = 0; i < length(failed) && i < ERRORS; i++) {
        json_object *r = json_object_array_get_idx(failed, (size_t)i);

        add(t->failed, t->pool, "%-20s %6s %s %s", text(r, "time", t->pool), text(r, "status", t->pool),
            column(text(r, "request_id", t->pool), width, t->pool), text(r, "path", t->pool));
    }
}

/** The sum of a number of all APIs. */
static apr_int64_t sum_of(json_object *report, const char *name)
{
    json_object *apis = member(report, "apis");
    apr_int64_t sum = 0;
    int i;

    for (i = 0; i < length(apis); i++) {
        sum += number(json_object_array_get_idx(apis, (size_t)i), name);
    }
    return sum;
}

/** The head: time, rate since the last report, sums. */
static void write_head(report_text *t, json_object *report, const sample *last, const sample *now)
{
    json_object *cache = member(report, "cache");
    const char *rate = "-";

    if (last->requests >= 0 && now->requests >= last->requests && now->time > last->time) {
        rate = apr_psprintf(t->pool, "%.1f", (double)(now->requests - last->requests) * 1e6
                            / (double)(now->time - last->time));
    }
    add(t->head, t->pool, "mod_kiss %s   %s   since %s", text(report, "version", t->pool), text(report, "time", t->pool),
        text(report, "since", t->pool));
    add(t->head, t->pool, "%" APR_INT64_T_FMT " request%s, %s a second, %" APR_INT64_T_FMT " refused, %" APR_INT64_T_FMT
        " failed; %s list%s, %" APR_INT64_T_FMT " of %" APR_INT64_T_FMT " MB", now->requests,
        KISS_PLURAL_S(now->requests), rate,
        sum_of(report, "client_errors"), sum_of(report, "server_errors"),
        text(cache, "lists", t->pool), KISS_PLURAL_S(number(cache, "lists")), number(cache, "bytes") / 1048576,
        number(cache, "limit_bytes") / 1048576);
}

static report_text write_report(json_object *report, const sample *last, const sample *now, int columns, apr_pool_t *p)
{
    report_text t = { p, columns, apr_array_make(p, 2, sizeof(char *)), apr_array_make(p, 32, sizeof(char *)),
                      apr_array_make(p, CALLERS + 2, sizeof(char *)), apr_array_make(p, ERRORS + 2, sizeof(char *)) };

    write_head(&t, report, last, now);
    write_endpoints(&t, member(report, "apis"));
    write_callers(&t, member(report, "callers"));
    write_failed(&t, member(report, "failed"));
    return t;
}

/** Cuts a section to a number of lines, the last of which says how much is missing; to none where its titles do not fit. */
static void shorten(apr_array_header_t *section, int lines, apr_pool_t *p)
{
    if (section->nelts > lines && lines < 4) {
        section->nelts = 0;
    }
    else if (section->nelts > lines) {
        int missing = section->nelts - lines + 1;

        section->nelts = lines - 1;
        add(section, p, "... %d more", missing);
    }
}

/**
 * Fits a report into a number of lines: what failed and the callers have at most a quarter each when there is not enough
 * room for all, and the endpoints the rest.
 */
static apr_array_header_t *fit(report_text *t, int lines)
{
    apr_array_header_t *all = apr_array_make(t->pool, 64, sizeof(char *));
    int room = lines - t->head->nelts, sum = t->endpoints->nelts + t->callers->nelts + t->failed->nelts;

    if (sum > room) {
        shorten(t->failed, room / 4, t->pool);
        sum = t->endpoints->nelts + t->callers->nelts + t->failed->nelts;
    }
    if (sum > room) {
        int least = room - t->failed->nelts - t->endpoints->nelts;

        shorten(t->callers, least > room / 3 ? least : room / 3, t->pool);
        shorten(t->endpoints, room - t->failed->nelts - t->callers->nelts, t->pool);
    }
    apr_array_cat(all, t->head);
    apr_array_cat(all, t->endpoints);
    apr_array_cat(all, t->callers);
    apr_array_cat(all, t->failed);
    return all;
}

/** Reads a report. @param now receives what it is for rates @return CTL_OK or CTL_FAILED */
static int read_report(json_object **report, sample *now, const ctl_http_request *request, apr_pool_t *p)
{
    ctl_http_answer answer;
    const char *error = ctl_http_send(&answer, request, p);

    if (!error && answer.status != 200) {
        error = apr_psprintf(p, "status %d: is 'SetHandler kiss-status' there, and open to this host?", answer.status);
    }
    *report = error ? NULL : kiss_json_parse(answer.body, answer.length, 10, p);
    if (!error && !member(*report, "apis")) {
        error = "that is no report of mod_kiss";
    }
    now->requests = error ? -1 : sum_of(*report, "requests");
    now->time = kiss_clock_now();
    if (error) {
        ctl_screen_close();             /* before a message: it would be lost with the screen */
    }
    return error ? ctl_fail("%s: %s", request->url, error) : CTL_OK;
}

/** Reports one after the other, where there is no screen. */
static int print_reports(const ctl_http_request *request, apr_int64_t seconds, apr_int64_t times, apr_pool_t *p)
{
    sample last = { -1, 0 }, now;
    json_object *report;
    apr_int64_t i;
    int rc = CTL_OK, k;

    for (i = 0; i < times && rc == CTL_OK; i++) {
        if (i) {
            apr_sleep(apr_time_from_sec(seconds));
            fputs("\n", stdout);
        }
        rc = read_report(&report, &now, request, p);
        if (rc == CTL_OK) {
            report_text t = write_report(report, &last, &now, WIDE, p);
            const apr_array_header_t *lines = fit(&t, APR_INT32_MAX);

            for (k = 0; k < lines->nelts; k++) {
                puts(APR_ARRAY_IDX(lines, k, const char *));
            }
            last = now;
            rc = fflush(stdout) == 0 ? CTL_OK : ctl_fail("cannot write to standard output");
        }
        apr_pool_clear(p);
    }
    return rc;
}

/** Reports on a screen, until the user goes. */
static int show_reports(const ctl_http_request *request, apr_int64_t seconds, apr_int64_t times, apr_pool_t *p)
{
    ctl_screen_event event = CTL_SCREEN_TIME;
    sample last = { -1, 0 }, now;
    apr_int64_t i, next;
    int rc = CTL_OK;

    for (i = 0; i < times && rc == CTL_OK && event != CTL_SCREEN_QUIT; i++) {
        json_object *report;

        apr_pool_clear(p);
        rc = read_report(&report, &now, request, p);
        next = now.time + seconds * 1000000;
        event = CTL_SCREEN_SIZE;
        while (rc == CTL_OK && event == CTL_SCREEN_SIZE) {
            int lines, columns;
            report_text t;

            ctl_screen_size(&lines, &columns);
            t = write_report(report, &last, &now, columns, p);
            ctl_screen_draw(fit(&t, lines));
            event = i + 1 < times ? ctl_screen_wait(next - kiss_clock_now()) : CTL_SCREEN_TIME;
        }
        last = now;
    }
    ctl_screen_close();
    return rc;
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
    apr_int64_t seconds, times;
    ctl_http_request request = {.ca = ctl_api_ca(c), .seconds = TIMEOUT, .most = MOST};
    const char *wrong = ctl_http_check_url(args[0]);
    apr_pool_t *p;

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
    return ctl_screen_is_possible() && ctl_screen_open() == 0 ? show_reports(&request, seconds, times, p)
                                                              : print_reports(&request, seconds, times, p);
}
