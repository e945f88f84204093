/* SPDX-License-Identifier: Apache-2.0 */
/**
 * prometheus - the table of metrics, and the handler that writes them.
 */
#include "status/prometheus.h"

#include <apr_atomic.h>
#include <http_main.h>
#include <http_request.h>

#include <json-c/json.h>

#include <string.h>

#include "caller/store_state.h"
#include "core/metrics.h"
#include "db/db_check.h"
#include "db/db_servers.h"
#include "lib/base/exposition.h"
#include "lib/base/json_text.h"
#include "status/cache_use.h"

#define HANDLER "kiss-metrics"

/** An answer that is being written. */
typedef struct {
    struct printbuf *pb;
    apr_pool_t *pool;
    const char *name;                       /* of the metric */
    const char *labels;                     /* of the zone, of the endpoint, of the database */
    const server_rec *server;               /* the main server */
    const apr_array_header_t *cache;        /* of kiss_cache_use: by database, and one of others */
} exposition;

/** Labels after those of the zone or endpoint; up to two more. */
static const char *with(const exposition *x, const char *name, const char *value, const char *name2, const char *value2)
{
    const char *const more[] = { name, value, name2, value2, NULL };

    return kiss_exposition_labels(x->pool, x->labels, more);
}

static void write_histogram(const exposition *x, const kiss_histogram *h)
{
    apr_uint64_t n = 0, sum = kiss_counter_read(&h->sum);
    int i;

    for (i = 0; i <= KISS_METRICS_BUCKETS; i++) {
        const char *bound = i < KISS_METRICS_BUCKETS
                            ? kiss_exposition_time(x->pool, (apr_uint64_t)kiss_metrics_bound[i]) : "+Inf";

        n += kiss_counter_read(&h->bucket[i]);
        kiss_exposition_number(x->pb, x->name, "_bucket", with(x, "le", bound, NULL, NULL), n);
    }
    kiss_exposition_seconds(x->pb, x->name, "_sum", x->labels, sum);
    kiss_exposition_number(x->pb, x->name, "_count", x->labels, n);
}

/** Writes counters with one label, from the enumerator `first`. */
static void write_names(const exposition *x, const char *label, const char *const *names, int first, int end,
                        const kiss_counter *counters)
{
    int i;

    for (i = first; i < end; i++) {
        kiss_exposition_number(x->pb, x->name, "", with(x, label, names[i], NULL, NULL), kiss_counter_read(&counters[i]));
    }
}

/* --- metrics of an endpoint --- */

static void endpoint_requests(const exposition *x, const kiss_endpoint_counters *e)
{
    int m, s;

    for (m = 0; m < KISS_METHODS; m++) {
        for (s = 0; s < KISS_METRICS_STATUSES; s++) {
            apr_uint64_t n = kiss_counter_read(&e->requests[m][s]);
            const char *status = kiss_metrics_status[s] ? apr_itoa(x->pool, kiss_metrics_status[s]) : "other";

            if (n) {
                kiss_exposition_number(x->pb, x->name, "",
                                       with(x, "method", kiss_metrics_method_name[m], "status", status), n);
            }
        }
    }
}

static void endpoint_latency(const exposition *x, const kiss_endpoint_counters *e)
{
    write_histogram(x, &e->latency);
}

static void endpoint_bytes(const exposition *x, const kiss_endpoint_counters *e)
{
    kiss_exposition_number(x->pb, x->name, "", x->labels, kiss_counter_read(&e->bytes));
}

static void endpoint_rows(const exposition *x, const kiss_endpoint_counters *e)
{
    kiss_exposition_number(x->pb, x->name, "", x->labels, kiss_counter_read(&e->rows));
}

static void endpoint_database(const exposition *x, const kiss_endpoint_counters *e)
{
    kiss_exposition_seconds(x->pb, x->name, "", x->labels, kiss_counter_read(&e->db_time));
}

/* --- metrics of lists --- */

static void list_answers(const exposition *x, const kiss_endpoint_counters *e)
{
    write_names(x, "from", kiss_tally_work_name, KISS_WORK_HIT, KISS_WORKS, e->work);
}

static void list_bytes(const exposition *x, const kiss_endpoint_counters *e)
{
    write_names(x, "from", kiss_tally_work_name, KISS_WORK_HIT, KISS_WORKS, e->work_bytes);
}

static void list_stale(const exposition *x, const kiss_endpoint_counters *e)
{
    kiss_exposition_number(x->pb, x->name, "", x->labels, kiss_counter_read(&e->stale));
}

/* --- metrics of product data that is written --- */

static void write_results(const exposition *x, const kiss_endpoint_counters *e)
{
    write_names(x, "result", kiss_tally_written_name, KISS_WRITTEN_CREATED, KISS_WRITTENS, e->written);
}

static void write_audit_rows(const exposition *x, const kiss_endpoint_counters *e)
{
    kiss_exposition_number(x->pb, x->name, "", x->labels, kiss_counter_read(&e->audit_rows));
}

static void write_rows(const exposition *x, const kiss_endpoint_counters *e)
{
    write_names(x, "result", kiss_tally_written_name, KISS_WRITTEN_CREATED, KISS_WRITTEN_ROWS, e->written_rows);
}

/* --- metrics of a zone --- */

static void zone_wait(const exposition *x, const kiss_metrics_counters *c)
{
    write_histogram(x, &c->wait);
}

static void zone_query(const exposition *x, const kiss_metrics_counters *c)
{
    write_histogram(x, &c->query);
}

static void zone_retries(const exposition *x, const kiss_metrics_counters *c)
{
    kiss_exposition_number(x->pb, x->name, "", x->labels, kiss_counter_read(&c->retries));
}

static void zone_refusals(const exposition *x, const kiss_metrics_counters *c)
{
    write_names(x, "reason", kiss_tally_refusal_name, 0, KISS_REFUSALS, c->refusals);
}

static void zone_limited(const exposition *x, const kiss_metrics_counters *c)
{
    write_names(x, "limit", kiss_tally_limit_name, KISS_LIMITED_NOT + 1, KISS_LIMITEDS, c->limited);
}

static void zone_auth(const exposition *x, const kiss_metrics_counters *c)
{
    write_names(x, "reason", kiss_tally_auth_name, KISS_AUTH_FAILED_NOT + 1, KISS_AUTH_FAILEDS, c->auth);
}

/* --- metrics of a database --- */

/** Connections of all that have these labels. */
static void add_connections(apr_uint32_t *open, apr_uint32_t *in_use, int *max, const kiss_counted_database *of)
{
    const apr_array_header_t *all = kiss_metrics_databases();
    int i, children, each;

    *open = *in_use = 0;
    *max = 0;
    for (i = 0; i < all->nelts; i++) {
        const kiss_counted_database *d = &APR_ARRAY_IDX(all, i, kiss_counted_database);

        if (kiss_database_counters_same(d, of)) {
            *open += d->conf->connections ? apr_atomic_read32(d->conf->connections) : 0;
            *in_use += d->conf->in_use ? apr_atomic_read32(d->conf->in_use) : 0;
            *max += kiss_db_check_budget(&children, &each, d->conf->max);
        }
    }
}

static void database_connections(const exposition *x, const kiss_counted_database *d)
{
    apr_uint32_t open, in_use;
    int max;

    add_connections(&open, &in_use, &max, d);
    kiss_exposition_number(x->pb, x->name, "", with(x, "state", "in_use", NULL, NULL), in_use);
    kiss_exposition_number(x->pb, x->name, "", with(x, "state", "idle", NULL, NULL), open > in_use ? open - in_use : 0);
}

static void database_connections_max(const exposition *x, const kiss_counted_database *d)
{
    apr_uint32_t open, in_use;
    int max;

    add_connections(&open, &in_use, &max, d);
    kiss_exposition_number(x->pb, x->name, "", x->labels, (apr_uint64_t)max);
}

/** Of each server, where there are several: in turn whether it works, connections, failures. */
static void database_servers(const exposition *x, const kiss_counted_database *d, int what)
{
    const kiss_database_conf *conf = d->conf;
    int i;

    for (i = 0; i < conf->nservers && conf->nservers > 1; i++) {
        const kiss_db_server_counts counts = kiss_db_servers_counts(conf, i);
        const apr_uint32_t value[] = { !kiss_db_servers_has_failed(conf, i), counts.connections, counts.failures };

        kiss_exposition_number(x->pb, x->name, "", with(x, "server", conf->servers[i].address, NULL, NULL), value[what]);
    }
}

static void database_server_up(const exposition *x, const kiss_counted_database *d)
{
    database_servers(x, d, 0);
}

static void database_server_connections(const exposition *x, const kiss_counted_database *d)
{
    database_servers(x, d, 1);
}

static void database_server_failures(const exposition *x, const kiss_counted_database *d)
{
    database_servers(x, d, 2);
}

static void database_passes(const exposition *x, const kiss_counted_database *d)
{
    kiss_exposition_number(x->pb, x->name, "", x->labels, kiss_counter_read(&d->conf->counters->passes));
}

static void database_pass_time(const exposition *x, const kiss_counted_database *d)
{
    kiss_exposition_seconds(x->pb, x->name, "", x->labels, kiss_counter_read(&d->conf->counters->pass_time));
}

static void database_warmed(const exposition *x, const kiss_counted_database *d)
{
    write_names(x, "result", kiss_tally_warmed_name, 0, KISS_WARMEDS, d->conf->counters->warmed);
}

/* --- metrics of its cached lists --- */

static void cache_numbers(const exposition *x, const kiss_cache_use *use, int bytes)
{
    int changes, gzip;

    for (changes = 0; changes < 2; changes++) {
        for (gzip = 0; gzip < 2; gzip++) {
            const kiss_cache_use_sum *sum = &use->of[changes][gzip];

            kiss_exposition_number(x->pb, x->name, "", with(x, "kind", changes ? "changes" : "list", "coding",
                                                            gzip ? "gzip" : "identity"), bytes ? sum->bytes : sum->files);
        }
    }
}

static void cache_files(const exposition *x, const kiss_cache_use *use)
{
    cache_numbers(x, use, 0);
}

static void cache_bytes(const exposition *x, const kiss_cache_use *use)
{
    cache_numbers(x, use, 1);
}

/* --- metrics of the server --- */

static void server_build(const exposition *x)
{
    const char *const labels[] = { "version", KISS_VERSION, "httpd", ap_get_server_description(), "json_c", json_c_version(),
                                   NULL };

    kiss_exposition_number(x->pb, x->name, "", kiss_exposition_labels(x->pool, "", labels), 1);
}

static void server_start(const exposition *x)
{
    kiss_exposition_seconds(x->pb, x->name, "", "", (apr_uint64_t)kiss_metrics_start());
}

static void server_cache_limit(const exposition *x)
{
    kiss_exposition_number(x->pb, x->name, "", "", (apr_uint64_t)kiss_config_cache_size(x->server));
}

/* --- metrics of the Redis server of KissLimitStore --- */

static void store_up(const exposition *x)
{
    if (kiss_store) {
        kiss_exposition_number(x->pb, x->name, "", "", !kiss_store_state_is_away());
    }
}

static void store_requests(const exposition *x)
{
    if (kiss_store) {
        kiss_exposition_number(x->pb, x->name, "", with(x, "result", "counted", NULL, NULL),
                               kiss_counter_read(&kiss_store->counted));
        write_names(x, "result", kiss_store_lost_name, 0, KISS_STORE_LOSTS, kiss_store->lost);
    }
}

static void store_trips(const exposition *x)
{
    if (kiss_store) {
        kiss_exposition_number(x->pb, x->name, "", "", kiss_counter_read(&kiss_store->trips));
    }
}

static void store_errors(const exposition *x)
{
    if (kiss_store) {
        kiss_exposition_number(x->pb, x->name, "", "", kiss_counter_read(&kiss_store->errors));
    }
}

static void store_connections(const exposition *x)
{
    if (kiss_store) {
        kiss_exposition_number(x->pb, x->name, "", "", kiss_counter_read(&kiss_store->connections));
    }
}

static void store_wait(const exposition *x)
{
    if (kiss_store) {
        kiss_exposition_seconds(x->pb, x->name, "", "", kiss_counter_read(&kiss_store->wait_time));
    }
}

/* --- the table --- */

/**
 * A metric. One of the functions writes its series: of the server, of each zone, of each endpoint that was requested, of
 * each of these that is a list, that writes, that writes many rows, of each database, of each of these that lists are
 * cached or built in advance of.
 * doc/metrics.md has a row for each.
 */
static const struct {
    const char *name;
    kiss_exposition_type type;
    const char *help;
    void (*server)(const exposition *x);
    void (*zone)(const exposition *x, const kiss_metrics_counters *c);
    void (*endpoint)(const exposition *x, const kiss_endpoint_counters *e);
    void (*list)(const exposition *x, const kiss_endpoint_counters *e);
    void (*write)(const exposition *x, const kiss_endpoint_counters *e);
    void (*bulk)(const exposition *x, const kiss_endpoint_counters *e);
    void (*database)(const exposition *x, const kiss_counted_database *d);
    void (*warm)(const exposition *x, const kiss_counted_database *d);
    void (*cache)(const exposition *x, const kiss_cache_use *use);
} metrics[] = {
    { "kiss_build_info", KISS_GAUGE, "Versions; always 1.", .server = server_build },
    { "kiss_start_time_seconds", KISS_GAUGE, "When the counters began at zero, in seconds since 1970.",
      .server = server_start },
    { "kiss_requests_total", KISS_COUNTER, "Requests answered.", .endpoint = endpoint_requests },
    { "kiss_request_duration_seconds", KISS_HISTOGRAM, "From the first line of a request to the last byte of its answer.",
      .endpoint = endpoint_latency },
    { "kiss_response_bytes_total", KISS_COUNTER, "Bytes of answers that were sent, without headers.",
      .endpoint = endpoint_bytes },
    { "kiss_rows_total", KISS_COUNTER, "Rows read from the database and written into answers.", .endpoint = endpoint_rows },
    { "kiss_database_seconds_total", KISS_COUNTER, "Time spent with the database, waiting for a connection included.",
      .endpoint = endpoint_database },
    { "kiss_database_wait_seconds", KISS_HISTOGRAM, "Time that a request with use of the database waited for a connection.",
      .zone = zone_wait },
    { "kiss_database_query_seconds", KISS_HISTOGRAM, "Time that a request spent with the database after that.",
      .zone = zone_query },
    { "kiss_database_retries_total", KISS_COUNTER, "Work with the database that was done again: dead connection, deadlock.",
      .zone = zone_retries },
    { "kiss_database_refusals_total", KISS_COUNTER, "Work with the database that failed.", .zone = zone_refusals },
    { "kiss_database_connections", KISS_GAUGE, "Connections to the database that the processes have now.",
      .database = database_connections },
    { "kiss_database_connections_max", KISS_GAUGE, "Connections that all processes together may have.",
      .database = database_connections_max },
    { "kiss_database_server_up", KISS_GAUGE, "1: this server of several works, as far as is known; 0: it has failed.",
      .database = database_server_up },
    { "kiss_database_server_connections", KISS_GAUGE, "Connections to this server that the processes have now.",
      .database = database_server_connections },
    { "kiss_database_server_failures_total", KISS_COUNTER, "How often this server has failed, and others were used.",
      .database = database_server_failures },
    { "kiss_list_answers_total", KISS_COUNTER, "Whole lists and changes that were sent, by where they came from.",
      .list = list_answers },
    { "kiss_list_bytes_total", KISS_COUNTER, "Bytes of these lists that were sent.", .list = list_bytes },
    { "kiss_list_stale_total", KISS_COUNTER, "Requests for lists that were answered while the database was away "
      "(KissServeStale).", .list = list_stale },
    { "kiss_writes_total", KISS_COUNTER, "Requests to write product data, by what became of them.", .write = write_results },
    { "kiss_write_rows_total", KISS_COUNTER, "Rows of requests that write many, by what became of them.",
      .bulk = write_rows },
    { "kiss_write_audit_rows_total", KISS_COUNTER, "Rows that these requests added to the audit.",
      .write = write_audit_rows },
    { "kiss_cache_entries", KISS_GAUGE, "Files of cached lists.", .cache = cache_files },
    { "kiss_cache_bytes", KISS_GAUGE, "Bytes of these files.", .cache = cache_bytes },
    { "kiss_cache_limit_bytes", KISS_GAUGE, "KissCacheSize.", .server = server_cache_limit },
    { "kiss_warm_passes_total", KISS_COUNTER, "Passes of KissWarm over the most used lists.", .warm = database_passes },
    { "kiss_warm_seconds_total", KISS_COUNTER, "Time that they took.", .warm = database_pass_time },
    { "kiss_warm_lists_total", KISS_COUNTER, "Lists that they came to, by what was done.", .warm = database_warmed },
    { "kiss_limit_refusals_total", KISS_COUNTER, "Requests answered with 429, by the limit.", .zone = zone_limited },
    { "kiss_limit_store_up", KISS_GAUGE, "1: the Redis server of KissLimitStore counts; 0: each host counts by itself.",
      .server = store_up },
    { "kiss_limit_store_requests_total", KISS_COUNTER, "Requests that were counted there, or by their host alone.",
      .server = store_requests },
    { "kiss_limit_store_round_trips_total", KISS_COUNTER, "Round trips to it, each for all requests that waited.",
      .server = store_trips },
    { "kiss_limit_store_wait_seconds_total", KISS_COUNTER, "Time that requests waited for it.", .server = store_wait },
    { "kiss_limit_store_errors_total", KISS_COUNTER, "Round trips and connections that failed.", .server = store_errors },
    { "kiss_limit_store_connections_total", KISS_COUNTER, "Connections to it that were opened.",
      .server = store_connections },
    { "kiss_auth_failures_total", KISS_COUNTER, "Requests that were refused because of the caller, by the reason.",
      .zone = zone_auth },
    { NULL }
};

static int is_list(const kiss_endpoint *endpoint)
{
    return endpoint->run == KISS_RUN_LIST;
}

static int is_bulk(const kiss_endpoint *endpoint)
{
    return endpoint->run == KISS_RUN_WRITE_BULK;
}

/** Writes the series of the endpoints that were requested. @param is those that have it; NULL: all, and unknown paths */
static void write_endpoints(exposition x, const kiss_metrics_zone *zone, int (*is)(const kiss_endpoint *endpoint),
                            void (*write)(const exposition *x, const kiss_endpoint_counters *e))
{
    const kiss_endpoint *endpoints = zone->api->endpoints;
    const char *labels = x.labels;
    int i, known = 1;

    for (i = 0; i <= KISS_METRICS_ENDPOINTS; i++) {
        const kiss_endpoint_counters *e = &zone->counters->endpoint[i];

        known = known && i < KISS_METRICS_UNKNOWN && endpoints[i].path;
        if ((is && !(known && is(&endpoints[i]))) || !kiss_metrics_observed(&e->latency)) {
            continue;
        }
        x.labels = labels;
        x.labels = with(&x, "endpoint", known ? endpoints[i].name : "unknown", NULL, NULL);
        write(&x, e);
    }
}

static void write_zone(exposition *x, const kiss_metrics_zone *zone, int metric)
{
    const char *const labels[] = { "api", zone->api->name, "host", zone->host, "location", zone->location, NULL };

    x->labels = kiss_exposition_labels(x->pool, "", labels);
    if (metrics[metric].zone) {
        metrics[metric].zone(x, zone->counters);
    }
    else if (metrics[metric].endpoint) {
        write_endpoints(*x, zone, NULL, metrics[metric].endpoint);
    }
    else if (metrics[metric].list) {
        write_endpoints(*x, zone, is_list, metrics[metric].list);
    }
    else if (metrics[metric].write) {
        write_endpoints(*x, zone, kiss_metrics_is_write, metrics[metric].write);
    }
    else if (metrics[metric].bulk) {
        write_endpoints(*x, zone, is_bulk, metrics[metric].bulk);
    }
}

/** Writes the series of a database, if the metric has some of it. */
static void write_database(exposition *x, const kiss_counted_database *d, const kiss_cache_use *use, int metric)
{
    const char *const labels[] = { "api", d->plan->api->name, "host", d->host, "database", d->conf->name, NULL };

    x->labels = kiss_exposition_labels(x->pool, "", labels);
    if (metrics[metric].database) {
        metrics[metric].database(x, d);
    }
    else if (metrics[metric].warm && d->has_lists && d->conf->counters) {
        metrics[metric].warm(x, d);
    }
    else if (metrics[metric].cache && d->has_lists) {
        metrics[metric].cache(x, use);
    }
}

static void write_databases(exposition *x, const apr_array_header_t *databases, int metric)
{
    static const char *const labels[] = { "database", "(other)", NULL };
    int i;

    for (i = 0; i < databases->nelts; i++) {
        const kiss_counted_database *d = &APR_ARRAY_IDX(databases, i, kiss_counted_database);

        if (!d->repeated) {
            write_database(x, d, &APR_ARRAY_IDX(x->cache, i, kiss_cache_use), metric);
        }
    }
    if (metrics[metric].cache) {
        x->labels = kiss_exposition_labels(x->pool, "", labels);
        metrics[metric].cache(x, &APR_ARRAY_IDX(x->cache, i, kiss_cache_use));
    }
    x->labels = "";
}

/** Writes all metrics, each with all its series. */
static void write_all(exposition *x, const apr_array_header_t *zones)
{
    int metric, i;

    for (metric = 0; metrics[metric].name; metric++) {
        x->name = metrics[metric].name;
        kiss_exposition_begin(x->pb, x->name, metrics[metric].type, metrics[metric].help);
        if (metrics[metric].server) {
            metrics[metric].server(x);
        }
        if (metrics[metric].database || metrics[metric].warm || metrics[metric].cache) {
            write_databases(x, kiss_metrics_databases(), metric);
        }
        for (i = 0; i < zones->nelts; i++) {
            const kiss_metrics_zone *zone = &APR_ARRAY_IDX(zones, i, kiss_metrics_zone);

            if (kiss_metrics_is_served(zone)) {
                write_zone(x, zone, metric);
            }
        }
    }
}

static int kiss_metrics_handler(request_rec *r)
{
    const apr_array_header_t *zones = kiss_metrics_zones();
    exposition x = { .pool = r->pool, .labels = "", .server = ap_server_conf };

    if (!r->handler || strcmp(r->handler, HANDLER) != 0) {
        return DECLINED;
    }
    if (r->method_number != M_GET) {
        ap_allow_standard_methods(r, REPLACE_ALLOW, M_GET, -1);
        return HTTP_METHOD_NOT_ALLOWED;
    }
    x.pb = kiss_json_text_buffer(r->pool);
    if (!zones || !x.pb) {
        return HTTP_SERVICE_UNAVAILABLE;    /* KISS0650 */
    }
    x.cache = kiss_cache_use_read(kiss_metrics_databases(), ap_server_conf, r->pool);
    write_all(&x, zones);
    ap_set_content_type(r, KISS_EXPOSITION_TYPE);
    apr_table_setn(r->headers_out, "Cache-Control", "no-store");
    ap_set_content_length(r, x.pb->bpos);
    if (!r->header_only) {
        ap_rwrite(x.pb->buf, x.pb->bpos, r);
    }
    return OK;
}

void kiss_prometheus_register(void)
{
    ap_hook_handler(kiss_metrics_handler, NULL, NULL, APR_HOOK_MIDDLE);
}
