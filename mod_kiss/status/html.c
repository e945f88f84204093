/* SPDX-License-Identifier: Apache-2.0 */
/**
 * html - writes tables and charts of the report.
 */
#include "status/html.h"

#include <apr_strings.h>
#include <string.h>

#include "lib/base/json_text.h"

/* Width and height of a chart, in its own units. */
#define CHART_HEIGHT 32
#define BAR          4

const char kiss_html_style[] =
    ":root{color-scheme:light dark;--fg:#1b1f24;--bg:#fff;--soft:#59636e;--line:#d8dee4;--fill:#3b78d8;--bad:#c2362b;"
    "--head:#f3f5f8}"
    "@media(prefers-color-scheme:dark){:root{--fg:#e6e9ee;--bg:#14171b;--soft:#9aa5b1;--line:#30363d;--fill:#6ea0f0;"
    "--bad:#ff7b6e;--head:#1d2127}}"
    "body{font:15px/1.45 system-ui,sans-serif;color:var(--fg);background:var(--bg);margin:0 auto;padding:1rem;"
    "max-width:80rem}"
    "h1{font-size:1.4rem;margin:.2rem 0}h2{font-size:1.15rem;margin:1.8rem 0 .4rem}h3{font-size:1rem;margin:1.1rem 0 .3rem}"
    "p{margin:.3rem 0;color:var(--soft)}"
    /* A shadow at an edge beyond which the table goes on; at its end what scrolls with the table covers it. */
    ".wide{overflow-x:auto;border:1px solid var(--line);border-radius:6px;"
    "background:linear-gradient(90deg,var(--bg) 1rem,transparent) left/3rem 100% no-repeat local,"
    "linear-gradient(-90deg,var(--bg) 1rem,transparent) right/3rem 100% no-repeat local,"
    "linear-gradient(90deg,#8889,transparent) left/.8rem 100% no-repeat scroll,"
    "linear-gradient(-90deg,#8889,transparent) right/.8rem 100% no-repeat scroll}"
    "table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums}"
    "th,td{text-align:left;padding:.3rem .6rem;border-bottom:1px solid var(--line);white-space:nowrap;vertical-align:middle}"
    "tr:last-child td{border-bottom:0}th{background:var(--head);font-weight:600}"
    "td.n,th.n{text-align:right}td.t{white-space:normal;overflow-wrap:anywhere;min-width:9rem}"
    "td.bad{color:var(--bad);font-weight:600}"
    ".cards{display:flex;flex-wrap:wrap;gap:.6rem;margin:.5rem 0}"
    ".card{border:1px solid var(--line);border-radius:6px;padding:.4rem .8rem;min-width:7rem}"
    ".card b{display:block;font-size:1.25rem}.card span{color:var(--soft)}.card.bad b{color:var(--bad)}"
    "svg{display:block;width:6rem;height:2rem}svg.long{width:100%;max-width:40rem;height:3rem}"
    "rect{fill:var(--fill)}rect.bad{fill:var(--bad)}rect.base{fill:var(--line)}"
    "@media(max-width:40rem){body{padding:.6rem}th,td{padding:.25rem .4rem;font-size:14px}.card{flex:1 1 40%}}";

/** How a value is written. */
typedef enum { TEXT, LONG_TEXT, COUNT, BAD_COUNT, BYTES, TIME, BUCKETS, USE, FILES } cell_type;

/** A column of a table. */
typedef struct {
    const char *title;
    const char *key;
    cell_type type;
} column;

static void put(struct printbuf *pb, const char *text)
{
    (void)kiss_json_text_raw(pb, text, strlen(text));
}

/** Writes a text that is shown as it is. */
static void put_text(struct printbuf *pb, const char *text)
{
    for (; *text; text++) {
        switch (*text) {
        case '<':
            put(pb, "&lt;");
            break;
        case '>':
            put(pb, "&gt;");
            break;
        case '&':
            put(pb, "&amp;");
            break;
        case '"':
            put(pb, "&quot;");
            break;
        case '\'':
            put(pb, "&#39;");
            break;
        default:
            (void)kiss_json_text_raw(pb, text, 1);
        }
    }
}

static json_object *member(json_object *o, const char *key)
{
    return json_object_object_get(o, key);
}

static int64_t count_of(json_object *o, const char *key)
{
    return json_object_get_int64(member(o, key));
}

static const char *text_of(json_object *o, const char *key)
{
    const char *text = json_object_get_string(member(o, key));

    return text ? text : "";
}

static void put_number(struct printbuf *pb, int64_t n)
{
    char text[24];

    apr_snprintf(text, sizeof(text), "%" APR_INT64_T_FMT, (apr_int64_t)n);
    put(pb, text);
}

/* --- values --- */

static void put_bytes(struct printbuf *pb, int64_t n)
{
    static const char *const unit[] = { " B", " kB", " MB", " GB", " TB" };
    char text[32];
    int i = 0;
    double d = (double)n;

    for (; d >= 1000 && i < 4; i++) {
        d /= 1000;
    }
    apr_snprintf(text, sizeof(text), i ? "%.1f%s" : "%.0f%s", d, unit[i]);
    put(pb, text);
}

static void put_time(struct printbuf *pb, json_object *ms)
{
    char text[32];

    if (!ms) {
        put(pb, "&gt; 10 s");
        return;
    }
    apr_snprintf(text, sizeof(text), json_object_get_double(ms) < 100 ? "%.1f ms" : "%.0f ms", json_object_get_double(ms));
    put(pb, text);
}

/** A bar of a chart. */
static void put_bar(struct printbuf *pb, size_t at, int64_t value, int64_t most, const char *class_name)
{
    char text[160];
    double height = most > 0 && value > 0 ? (double)value * CHART_HEIGHT / (double)most : 0;

    height = value > 0 && height < 1 ? 1 : height;
    apr_snprintf(text, sizeof(text), "<rect%s x=\"%d\" y=\"%.1f\" width=\"%d\" height=\"%.1f\"/>", class_name, (int)at * BAR,
             CHART_HEIGHT - height, BAR - 1, height);
    if (value > 0) {
        put(pb, text);
    }
}

/** A chart with a bar for each number; those of `bad` are drawn over it, in another colour. NULL: none. */
static void put_chart(struct printbuf *pb, json_object *numbers, json_object *bad, const char *label, const char *class_name)
{
    size_t n = json_object_array_length(numbers), i;
    int64_t most = 0;
    char text[160];

    for (i = 0; i < n; i++) {
        int64_t v = json_object_get_int64(json_object_array_get_idx(numbers, i));

        most = v > most ? v : most;
    }
    apr_snprintf(text, sizeof(text), "<svg%s viewBox=\"0 0 %d %d\" preserveAspectRatio=\"none\" role=\"img\" aria-label=\"",
             class_name, (int)n * BAR, CHART_HEIGHT + 1);
    put(pb, text);
    put_text(pb, label);
    apr_snprintf(text, sizeof(text), "\"><rect class=\"base\" x=\"0\" y=\"%d\" width=\"%d\" height=\"1\"/>", CHART_HEIGHT,
             (int)n * BAR);
    put(pb, text);
    for (i = 0; i < n; i++) {
        put_bar(pb, i, json_object_get_int64(json_object_array_get_idx(numbers, i)), most, "");
        if (bad) {
            put_bar(pb, i, json_object_get_int64(json_object_array_get_idx(bad, i)), most, " class=\"bad\"");
        }
    }
    put(pb, "</svg>");
}

/** "12 of 60" */
static void put_use(struct printbuf *pb, json_object *window)
{
    if (window) {
        put_number(pb, count_of(window, "used"));
        put(pb, " of ");
        put_number(pb, count_of(window, "limit"));
    }
}

/** "12, 3.4 MB" */
static void put_files(struct printbuf *pb, json_object *files)
{
    if (files) {
        put_number(pb, count_of(files, "files"));
        put(pb, ", ");
        put_bytes(pb, count_of(files, "bytes"));
    }
}

/* --- tables --- */

static void put_cell(struct printbuf *pb, json_object *row, const column *c)
{
    json_object *value = member(row, c->key);

    put(pb, c->type == TEXT || c->type == BUCKETS ? "<td>" : c->type == LONG_TEXT ? "<td class=\"t\">"
        : c->type == BAD_COUNT && json_object_get_int64(value) ? "<td class=\"n bad\">" : "<td class=\"n\">");
    switch (c->type) {
    case TEXT:
    case LONG_TEXT:
        put_text(pb, text_of(row, c->key));
        break;
    case COUNT:
    case BAD_COUNT:
        put_number(pb, json_object_get_int64(value));
        break;
    case BYTES:
        put_bytes(pb, json_object_get_int64(value));
        break;
    case TIME:
        put_time(pb, value);
        break;
    case BUCKETS:
        put_chart(pb, value, NULL, "requests by time, from 1 ms to more than 10 s", "");
        break;
    case USE:
        put_use(pb, value);
        break;
    case FILES:
        put_files(pb, value);
        break;
    }
    put(pb, "</td>");
}

/** A table with a row for each object; nothing when there is none. */
static void put_table(struct printbuf *pb, json_object *rows, const column *columns)
{
    const column *c;
    size_t i;

    if (!json_object_array_length(rows)) {
        put(pb, "<p>None.</p>");
        return;
    }
    put(pb, "<div class=\"wide\"><table><tr>");
    for (c = columns; c->title; c++) {
        put(pb, c->type == TEXT || c->type == LONG_TEXT || c->type == BUCKETS ? "<th>" : "<th class=\"n\">");
        put(pb, c->title);
        put(pb, "</th>");
    }
    put(pb, "</tr>");
    for (i = 0; i < json_object_array_length(rows); i++) {
        put(pb, "<tr>");
        for (c = columns; c->title; c++) {
            put_cell(pb, json_object_array_get_idx(rows, i), c);
        }
        put(pb, "</tr>\n");
    }
    put(pb, "</table></div>\n");
}

static void put_heading(struct printbuf *pb, const char *tag, const char *title)
{
    put(pb, "<");
    put(pb, tag);
    put(pb, ">");
    put_text(pb, title);
    put(pb, "</");
    put(pb, tag);
    put(pb, ">\n");
}

static void put_card(struct printbuf *pb, const char *title, int64_t n, int bad)
{
    put(pb, bad && n ? "<div class=\"card bad\"><b>" : "<div class=\"card\"><b>");
    put_number(pb, n);
    put(pb, "</b><span>");
    put(pb, title);
    put(pb, "</span></div>");
}

/** "name 3, name 4": the numbers of an object that are not zero. */
static void put_numbers(struct printbuf *pb, const char *title, json_object *numbers)
{
    int n = 0;

    put(pb, "<p>");
    put(pb, title);
    json_object_object_foreach(numbers, key, value) {
        if (json_object_get_int64(value)) {
            put(pb, n++ ? ", " : ": ");
            put_text(pb, key);
            put(pb, " ");
            put_number(pb, json_object_get_int64(value));
        }
    }
    put(pb, n ? "</p>\n" : ": none</p>\n");
}

/* --- the sections --- */

static const column endpoint_columns[] = {
    { "endpoint", "endpoint", TEXT }, { "requests", "requests", COUNT }, { "4xx", "client_errors", COUNT },
    { "5xx", "server_errors", BAD_COUNT }, { "mean", "mean_ms", TIME }, { "half within", "p50_ms", TIME },
    { "95 % within", "p95_ms", TIME }, { "1 ms … 10 s", "buckets", BUCKETS }, { "database", "database_ms", TIME },
    { "sent", "bytes", BYTES }, { NULL }
};

static const column list_columns[] = {
    { "list", "endpoint", TEXT }, { "from the cache", "hit", COUNT }, { "built", "built", COUNT },
    { "patched", "patched", COUNT }, { "compressed", "compressed", COUNT }, { "compared", "compared", COUNT },
    { "not current", "stale", BAD_COUNT }, { NULL }
};

static const column write_columns[] = {
    { "endpoint", "endpoint", TEXT }, { "created", "created", COUNT }, { "changed", "changed", COUNT },
    { "the same", "unchanged", COUNT }, { "removed", "removed", COUNT }, { "repeated", "repeated", COUNT },
    { "409, 412", "conflict", COUNT }, { "refused", "refused", COUNT }, { "failed", "failed", BAD_COUNT },
    { "rows: created", "rows_created", COUNT }, { "changed", "rows_changed", COUNT },
    { "the same", "rows_unchanged", COUNT }, { "audit", "audit_rows", COUNT }, { NULL }
};

static const column key_columns[] = {
    { "signing key", "kid", TEXT }, { "signs", "signs", TEXT }, { "age in days", "age_days", TEXT }, { NULL }
};

static const column caller_columns[] = {
    { "caller", "caller", LONG_TEXT }, { "API", "api", TEXT }, { "server", "host", TEXT }, { "requests", "requests", COUNT },
    { "429", "limited", COUNT }, { "of this minute", "minute", USE }, { "of this hour", "hour", USE },
    { "last request", "last", TEXT }, { NULL }
};

static const column request_columns[] = {
    { "time (UTC)", "time", TEXT }, { "status", "status", COUNT }, { "method", "method", TEXT },
    { "path", "path", LONG_TEXT }, { "caller", "caller", LONG_TEXT }, { "took", "ms", TIME },
    { "database", "database_ms", TIME },
    { "request id", "request_id", TEXT }, { "server", "host", TEXT }, { NULL }
};

static const column database_columns[] = {
    { "database", "database", TEXT }, { "API", "api", TEXT }, { "server", "host", TEXT },
    { "connections", "connections", COUNT }, { "in use", "in_use", COUNT }, { "at most", "connections_max", COUNT },
    { "cached lists", "lists", FILES }, { "as gzip", "lists_gzip", FILES }, { "changes", "changes", FILES },
    { "changes as gzip", "changes_gzip", FILES }, { NULL }
};

static const column server_columns[] = {
    { "database", "database", TEXT }, { "address", "server", TEXT }, { "state", "state", TEXT },
    { "connections", "connections", COUNT }, { "failed so often", "failures", BAD_COUNT }, { NULL }
};

static const column warm_columns[] = {
    { "database", "database", TEXT }, { "passes", "passes", COUNT }, { "took", "ms", TIME }, { "built", "built", COUNT },
    { "patched", "patched", COUNT }, { "compressed", "compressed", COUNT }, { "were there", "cached", COUNT },
    { "being built", "busy", COUNT }, { "gone", "gone", COUNT }, { "failed", "failed", BAD_COUNT }, { NULL }
};

static const column statement_columns[] = {
    { "statement", "statement", LONG_TEXT }, { "database", "database", TEXT }, { "server", "host", TEXT },
    { "executed", "count", COUNT }, { "mean", "mean_ms", TIME }, { "longest", "longest_ms", TIME }, { NULL }
};

/** Adds a row that has the members of `o`, and those of its member `key`, one level higher. */
static void add_row(json_object *rows, json_object *o, const char *key)
{
    json_object *row, *inner = member(o, key);

    if (inner) {
        row = json_object_new_object();
        json_object_object_foreach(o, name, value) {
            json_object_object_add(row, name, json_object_get(value));
        }
        json_object_object_foreach(inner, inner_name, inner_value) {
            json_object_object_add(row, inner_name, json_object_get(inner_value));
        }
        json_object_array_add(rows, row);
    }
}

/** A table of the endpoints that have the member `key`. */
static void put_endpoints(struct printbuf *pb, json_object *endpoints, const char *key, const char *title,
                          const column *columns)
{
    json_object *rows = json_object_new_array();
    size_t i;

    for (i = 0; i < json_object_array_length(endpoints); i++) {
        add_row(rows, json_object_array_get_idx(endpoints, i), key);
    }
    if (json_object_array_length(rows)) {
        put_heading(pb, "h3", title);
        put_table(pb, rows, columns);
    }
    json_object_put(rows);
}

static void put_title(struct printbuf *pb, json_object *api)
{
    put(pb, "<h2>");
    put_text(pb, text_of(api, "api"));
    put(pb, ", ");
    put_text(pb, text_of(api, "host"));
    put_text(pb, text_of(api, "location"));
    put(pb, "</h2>\n");
}

static void put_database(struct printbuf *pb, json_object *d)
{
    put_heading(pb, "h3", "Database");
    put(pb, "<p>");
    put_text(pb, text_of(d, "name"));
    put(pb, ": ");
    put_number(pb, count_of(d, "connections"));
    put(pb, " connections, ");
    put_number(pb, count_of(d, "in_use"));
    put(pb, " in use; up to ");
    put_number(pb, count_of(d, "connections_per_child"));
    put(pb, " in each process; ");
    put_number(pb, count_of(d, "requests"));
    put(pb, " requests used it, and waited ");
    put_time(pb, member(d, "mean_wait_ms"));
    put(pb, " for a connection and ");
    put_time(pb, member(d, "mean_query_ms"));
    put(pb, " for the answer, on average; work done again: ");
    put_number(pb, count_of(d, "retries"));
    put(pb, "</p>\n");
    put_numbers(pb, "Failed", member(d, "refusals"));
}

static void put_cards(struct printbuf *pb, json_object *api)
{
    put(pb, "<div class=\"cards\">");
    put_card(pb, "requests", count_of(api, "requests"), 0);
    put_card(pb, "answered 5xx", count_of(api, "server_errors"), 1);
    put_card(pb, "answered 4xx", count_of(api, "client_errors"), 0);
    put_card(pb, "of these 429", count_of(api, "limited"), 0);
    put(pb, "</div>\n");
}

static void put_api(struct printbuf *pb, json_object *api)
{
    put_title(pb, api);
    put_cards(pb, api);
    put(pb, "<p>Requests by minute, the last hour (5xx in red)</p>");
    put_chart(pb, member(api, "requests_by_minute"), member(api, "server_errors_by_minute"),
              "requests by minute of the last hour", " class=\"long\"");
    put_heading(pb, "h3", "Endpoints");
    put_table(pb, member(api, "endpoints"), endpoint_columns);
    put_endpoints(pb, member(api, "endpoints"), "lists", "Whole lists", list_columns);
    put_endpoints(pb, member(api, "endpoints"), "writes", "Product data written", write_columns);
    put_database(pb, member(api, "database"));
    put_numbers(pb, "Refused by limits", member(api, "limit_refusals"));
    put_numbers(pb, "Refused because of the caller", member(api, "auth_failures"));
    if (json_object_array_length(member(api, "token_keys"))) {
        put_heading(pb, "h3", "Signing keys");
        put_table(pb, member(api, "token_keys"), key_columns);
    }
}

static void put_databases(struct printbuf *pb, json_object *databases)
{
    json_object *rows = json_object_new_array(), *warm = json_object_new_array();
    size_t i;

    for (i = 0; i < json_object_array_length(databases); i++) {
        json_object *d = json_object_array_get_idx(databases, i);

        if (member(d, "cached")) {
            add_row(rows, d, "cached");
        }
        else {
            json_object_array_add(rows, json_object_get(d));
        }
        add_row(warm, d, "warm");
    }
    put_heading(pb, "h2", "Databases");
    put_table(pb, rows, database_columns);
    for (i = 0; i < json_object_array_length(databases); i++) {
        json_object *servers = member(json_object_array_get_idx(databases, i), "servers");

        if (servers) {
            put_heading(pb, "h3", "Database servers, the preferred one first");
            put_table(pb, servers, server_columns);
        }
    }
    if (json_object_array_length(warm)) {
        put_heading(pb, "h3", "Lists built in advance (KissWarm)");
        put_table(pb, warm, warm_columns);
    }
    json_object_put(rows);
    json_object_put(warm);
}

/** The Redis server of KissLimitStore. */
static void put_limit_store(struct printbuf *pb, json_object *store)
{
    static const column columns[] = {
        { "Redis", "address", TEXT }, { "requests", "counted", COUNT }, { "round trips", "round_trips", COUNT },
        { "mean wait", "mean_wait_ms", TIME }, { "connections", "connections", COUNT }, { "errors", "errors", BAD_COUNT },
        { "counted here: away", "away", BAD_COUNT }, { "failed", "failed", BAD_COUNT }, { "key", "key", BAD_COUNT }, { NULL }
    };
    json_object *rows = json_object_new_array();

    put_heading(pb, "h2", "Limits counted with other hosts");
    if (member(store, "away_since")) {
        put(pb, json_object_get_boolean(member(store, "counts")) ? "<p>It counts; it was away last at "
            : "<p class=\"bad\">This host counts by itself since ");
        put_text(pb, text_of(store, "away_since"));
        put(pb, ": ");
        put_text(pb, text_of(store, "reason"));
        put(pb, "</p>\n");
    }
    json_object_array_add(rows, json_object_get(store));
    put_table(pb, rows, columns);
    json_object_put(rows);
}

static void put_cache(struct printbuf *pb, json_object *cache)
{
    put_heading(pb, "h2", "Cached lists");
    put(pb, "<p>");
    put_number(pb, count_of(cache, "lists"));
    put(pb, " files, ");
    put_bytes(pb, count_of(cache, "bytes"));
    put(pb, " of ");
    put_bytes(pb, count_of(cache, "limit_bytes"));
    put(pb, "</p>\n");
}

void kiss_html_page(struct printbuf *pb, json_object *report)
{
    json_object *apis = member(report, "apis");
    size_t i;

    put(pb, "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
        "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"><title>mod_kiss</title><style>");
    put(pb, kiss_html_style);
    put(pb, "</style></head><body>\n<h1>mod_kiss ");
    put_text(pb, text_of(report, "version"));
    put(pb, "</h1>\n<p>");
    put_text(pb, text_of(report, "time"));
    put(pb, "; counted since ");
    put_text(pb, text_of(report, "since"));
    put(pb, ". <a href=\"?json\">JSON</a></p>\n");
    for (i = 0; i < json_object_array_length(apis); i++) {
        put_api(pb, json_object_array_get_idx(apis, i));
    }
    put_heading(pb, "h2", "Callers and their limits");
    put_table(pb, member(report, "callers"), caller_columns);
    if (member(report, "limit_store")) {
        put_limit_store(pb, member(report, "limit_store"));
    }
    put_databases(pb, member(report, "databases"));
    put_cache(pb, member(report, "cache"));
    put_heading(pb, "h2", "Last errors of the server");
    put_table(pb, member(report, "failed"), request_columns);
    put_heading(pb, "h2", "Slowest requests of the last hour");
    put_table(pb, member(report, "slowest"), request_columns);
    put_heading(pb, "h2", "Slowest statements");
    put(pb, "<p>By the longest time of this hour of the clock and the one before</p>\n");
    put_table(pb, member(report, "slowest_statements"), statement_columns);
    put_heading(pb, "h2", "Last requests that were refused");
    put_table(pb, member(report, "refused"), request_columns);
    put(pb, "</body></html>\n");
}

void kiss_html_section(struct printbuf *pb, json_object *report)
{
    static const column columns[] = {
        { "API", "api", TEXT }, { "server", "host", TEXT }, { "location", "location", TEXT },
        { "requests", "requests", COUNT }, { "4xx", "client_errors", COUNT }, { "429", "limited", COUNT },
        { "5xx", "server_errors", COUNT }, { NULL }
    };

    put(pb, "<hr />\n<h2>mod_kiss</h2>\n");
    put_table(pb, member(report, "apis"), columns);
}
