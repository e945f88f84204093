/* SPDX-License-Identifier: Apache-2.0 */
/**
 * report - collects counters, callers, recent requests, keys, statements and the cache into a JSON object.
 */
#include "status/report.h"

#include <apr_atomic.h>

#include <stdlib.h>
#include <string.h>

#include "caller/store_state.h"
#include "core/config.h"
#include "core/config_limit_store.h"
#include "core/recent.h"
#include "db/db_check.h"
#include "db/db_servers.h"
#include "lib/api/plan.h"
#include "lib/base/json_text.h"
#include "status/cache_use.h"
#include "status/report_value.h"

/* Rows of a table for people. */
#define MAX_CALLERS    200
#define MAX_STATEMENTS 32

/* --- values --- */

static apr_status_t release(void *object)
{
    json_object_put(object);
    return APR_SUCCESS;
}

/* --- endpoints --- */

/** Requests with statuses from `low` to `high`. */
static apr_uint64_t with_status(const kiss_endpoint_counters *e, int low, int high)
{
    apr_uint64_t n = 0;
    int m, s;

    for (m = 0; m < KISS_METHODS; m++) {
        for (s = 0; s < KISS_METRICS_STATUSES; s++) {
            n += kiss_metrics_status[s] >= low && kiss_metrics_status[s] <= high ? kiss_counter_read(&e->requests[m][s]) : 0;
        }
    }
    return n;
}

kiss_report_totals kiss_report_total(const kiss_metrics_zone *zone)
{
    kiss_report_totals t = { 0, 0, 0, 0 };
    int i;

    for (i = 0; i <= KISS_METRICS_ENDPOINTS; i++) {
        const kiss_endpoint_counters *e = &zone->counters->endpoint[i];

        t.requests += kiss_metrics_observed(&e->latency);
        t.client_errors += with_status(e, 400, 499);
        t.server_errors += with_status(e, 500, 599);
        t.limited += with_status(e, 429, 429);
    }
    return t;
}

/** The bound of the bucket below which a part of the requests was answered; null when they were slower than all bounds. */
static json_object *quantile(const kiss_histogram *h, int percent, apr_pool_t *p)
{
    apr_uint64_t all = kiss_metrics_observed(h), n = 0;
    int i;

    for (i = 0; i < KISS_METRICS_BUCKETS; i++) {
        n += kiss_counter_read(&h->bucket[i]);
        if (n * 100 >= all * (apr_uint64_t)percent) {
            return kiss_report_milliseconds(kiss_metrics_bound[i], p);
        }
    }
    return NULL;
}

static json_object *statuses(const kiss_endpoint_counters *e, apr_pool_t *p)
{
    json_object *o = json_object_new_object();
    int m, s;

    for (s = 0; s < KISS_METRICS_STATUSES; s++) {
        apr_uint64_t n = 0;

        for (m = 0; m < KISS_METHODS; m++) {
            n += kiss_counter_read(&e->requests[m][s]);
        }
        if (n) {
            json_object_object_add(o, kiss_metrics_status[s] ? apr_itoa(p, kiss_metrics_status[s]) : "other",
                                   kiss_report_number(n));
        }
    }
    return o;
}

/** Numbers of requests by buckets of their times. */
static json_object *buckets(const kiss_histogram *h)
{
    json_object *o = json_object_new_array();
    int i;

    for (i = 0; i <= KISS_METRICS_BUCKETS; i++) {
        json_object_array_add(o, kiss_report_number(kiss_counter_read(&h->bucket[i])));
    }
    return o;
}

static json_object *writes(const kiss_endpoint_counters *e)
{
    json_object *o = kiss_report_names(kiss_tally_written_name, KISS_WRITTEN_CREATED, KISS_WRITTENS, e->written);
    const kiss_counter *rows = e->written_rows;

    json_object_object_add(o, "rows_created", kiss_report_number(kiss_counter_read(&rows[KISS_WRITTEN_CREATED])));
    json_object_object_add(o, "rows_changed", kiss_report_number(kiss_counter_read(&rows[KISS_WRITTEN_CHANGED])));
    json_object_object_add(o, "rows_unchanged", kiss_report_number(kiss_counter_read(&rows[KISS_WRITTEN_UNCHANGED])));
    json_object_object_add(o, "audit_rows", kiss_report_number(kiss_counter_read(&e->audit_rows)));
    return o;
}

/** The numbers of an endpoint; those without one are `known` NULL. */
static json_object *endpoint(const kiss_endpoint *known, const kiss_endpoint_counters *e, apr_pool_t *p)
{
    json_object *o = json_object_new_object();
    apr_uint64_t n = kiss_metrics_observed(&e->latency);

    json_object_object_add(o, "endpoint", json_object_new_string(known ? known->name : "unknown"));
    json_object_object_add(o, "requests", kiss_report_number(n));
    json_object_object_add(o, "status", statuses(e, p));
    json_object_object_add(o, "client_errors", kiss_report_number(with_status(e, 400, 499)));
    json_object_object_add(o, "server_errors", kiss_report_number(with_status(e, 500, 599)));
    json_object_object_add(o, "mean_ms", kiss_report_mean(&e->latency.sum, n, p));
    json_object_object_add(o, "p50_ms", quantile(&e->latency, 50, p));
    json_object_object_add(o, "p95_ms", quantile(&e->latency, 95, p));
    json_object_object_add(o, "database_ms", kiss_report_mean(&e->db_time, n, p));
    json_object_object_add(o, "bytes", kiss_report_number(kiss_counter_read(&e->bytes)));
    json_object_object_add(o, "buckets", buckets(&e->latency));
    if (known && known->run == KISS_RUN_LIST) {
        json_object *lists = kiss_report_names(kiss_tally_work_name, KISS_WORK_HIT, KISS_WORKS, e->work);

        json_object_object_add(lists, "stale", kiss_report_number(kiss_counter_read(&e->stale)));
        json_object_object_add(o, "lists", lists);
    }
    if (known && kiss_metrics_is_write(known)) {
        json_object_object_add(o, "writes", writes(e));
    }
    return o;
}

static json_object *endpoints(const kiss_metrics_zone *zone, apr_pool_t *p)
{
    json_object *all = json_object_new_array();
    const kiss_endpoint *table = zone->api->endpoints;
    int i, known = 1;

    for (i = 0; i <= KISS_METRICS_ENDPOINTS; i++) {
        const kiss_endpoint_counters *e = &zone->counters->endpoint[i];

        known = known && i < KISS_METRICS_UNKNOWN && table[i].path;
        if (kiss_metrics_observed(&e->latency)) {
            json_object_array_add(all, endpoint(known ? &table[i] : NULL, e, p));
        }
    }
    return all;
}

/* --- zones --- */

/** The keys of a location: when each was created, if its id begins with a date, as those of kissctl do. */
static json_object *token_keys(const kiss_dir_conf *conf, apr_pool_t *p)
{
    json_object *all = json_object_new_array();
    int i;

    for (i = 0; conf->token_keys && i < conf->token_keys->nelts; i++) {
        const char *kid = APR_ARRAY_IDX(conf->token_keys, i, kiss_jwt_key).kid;
        json_object *o = json_object_new_object();
        apr_time_exp_t date;
        apr_time_t created;

        json_object_object_add(o, "kid", kiss_report_text(kid, p));
        json_object_object_add(o, "signs", json_object_new_boolean(i == 0));
        memset(&date, 0, sizeof(date));
        if (strspn(kid, "0123456789") == 8 && (kid[8] == '-' || !kid[8])) {
            date.tm_year = (int)(apr_atoi64(apr_pstrmemdup(p, kid, 4)) - 1900);
            date.tm_mon = (int)apr_atoi64(apr_pstrmemdup(p, kid + 4, 2)) - 1;
            date.tm_mday = (int)apr_atoi64(apr_pstrmemdup(p, kid + 6, 2));
            if (date.tm_mon >= 0 && date.tm_mon < 12 && apr_time_exp_get(&created, &date) == APR_SUCCESS) {
                json_object_object_add(o, "age_days", json_object_new_int64((apr_time_now() - created) / KISS_D(1)));
            }
        }
        json_object_array_add(all, o);
    }
    return all;
}

static json_object *history(const kiss_metrics_counters *c, int failed)
{
    json_object *all = json_object_new_array();
    apr_uint64_t now = (apr_uint64_t)(apr_time_now() / KISS_MI(1)), i;

    for (i = KISS_METRICS_MINUTES; i > 0; i--) {
        json_object_array_add(all, kiss_report_number(kiss_metrics_minute(c, failed, now - (i - 1))));
    }
    return all;
}

static json_object *database(const kiss_metrics_zone *zone, apr_pool_t *p)
{
    const kiss_metrics_counters *c = zone->counters;
    const kiss_database_conf *conf = kiss_config_database(zone->conf, zone->server);
    json_object *o = json_object_new_object();
    apr_uint64_t n = kiss_metrics_observed(&c->wait);

    json_object_object_add(o, "name", kiss_report_text(conf->name, p));
    json_object_object_add(o, "connections_per_child", json_object_new_int(conf->max));
    json_object_object_add(o, "connections",
                           kiss_report_number(conf->connections ? apr_atomic_read32(conf->connections) : 0));
    json_object_object_add(o, "in_use", kiss_report_number(conf->in_use ? apr_atomic_read32(conf->in_use) : 0));
    json_object_object_add(o, "requests", kiss_report_number(n));
    json_object_object_add(o, "mean_wait_ms", kiss_report_mean(&c->wait.sum, n, p));
    json_object_object_add(o, "mean_query_ms", kiss_report_mean(&c->query.sum, n, p));
    json_object_object_add(o, "retries", kiss_report_number(kiss_counter_read(&c->retries)));
    json_object_object_add(o, "refusals", kiss_report_names(kiss_tally_refusal_name, 0, KISS_REFUSALS, c->refusals));
    return o;
}

/** What identifies a zone. */
static void add_zone(json_object *o, const kiss_metrics_zone *zone, apr_pool_t *p)
{
    json_object_object_add(o, "api", json_object_new_string(zone->api->name));
    json_object_object_add(o, "host", kiss_report_text(zone->host, p));
    json_object_object_add(o, "location", kiss_report_text(zone->location, p));
}

static json_object *zone_report(const kiss_metrics_zone *zone, apr_pool_t *p)
{
    kiss_report_totals t = kiss_report_total(zone);
    json_object *o = json_object_new_object();

    add_zone(o, zone, p);
    json_object_object_add(o, "requests", kiss_report_number(t.requests));
    json_object_object_add(o, "client_errors", kiss_report_number(t.client_errors));
    json_object_object_add(o, "server_errors", kiss_report_number(t.server_errors));
    json_object_object_add(o, "limited", kiss_report_number(t.limited));
    json_object_object_add(o, "requests_by_minute", history(zone->counters, 0));
    json_object_object_add(o, "server_errors_by_minute", history(zone->counters, 1));
    json_object_object_add(o, "endpoints", endpoints(zone, p));
    json_object_object_add(o, "limit_refusals", kiss_report_names(kiss_tally_limit_name, KISS_LIMITED_NOT + 1,
                                                                  KISS_LIMITEDS, zone->counters->limited));
    json_object_object_add(o, "auth_failures", kiss_report_names(kiss_tally_auth_name, KISS_AUTH_FAILED_NOT + 1,
                                                                 KISS_AUTH_FAILEDS, zone->counters->auth));
    json_object_object_add(o, "database", database(zone, p));
    json_object_object_add(o, "token_keys", token_keys(zone->conf, p));
    return o;
}

/* --- callers and requests --- */

/** The zone with this number in shared memory; NULL for one that is not configured any more. */
static const kiss_metrics_zone *zone_of(const apr_array_header_t *zones, int number_of_zone)
{
    int i;

    for (i = 0; i < zones->nelts; i++) {
        if (kiss_metrics_number(&APR_ARRAY_IDX(zones, i, kiss_metrics_zone)) == number_of_zone) {
            return &APR_ARRAY_IDX(zones, i, kiss_metrics_zone);
        }
    }
    return NULL;
}

/** A limit: of a window that is over nothing is used. */
static json_object *window(const kiss_tally_window *w, apr_time_t now)
{
    json_object *o = json_object_new_object();

    json_object_object_add(o, "limit", json_object_new_int64(w->limit));
    json_object_object_add(o, "used", json_object_new_int64(now < w->until ? w->limit - w->remaining : 0));
    return o;
}

static json_object *callers(const apr_array_header_t *zones, apr_pool_t *p)
{
    const apr_array_header_t *found = kiss_recent_callers(p);
    json_object *all = json_object_new_array();
    apr_time_t now = apr_time_now();
    int i;

    for (i = 0; i < found->nelts && json_object_array_length(all) < MAX_CALLERS; i++) {
        const kiss_recent_caller *c = &APR_ARRAY_IDX(found, i, kiss_recent_caller);
        const kiss_metrics_zone *zone = zone_of(zones, c->zone);
        json_object *o;

        if (zone) {
            o = json_object_new_object();
            add_zone(o, zone, p);
            json_object_object_add(o, "caller", kiss_report_text(c->name, p));
            json_object_object_add(o, "requests", kiss_report_number(c->requests));
            json_object_object_add(o, "limited", kiss_report_number(c->refused));
            json_object_object_add(o, "last", kiss_report_timestamp(c->last, p));
            if (c->window[KISS_TALLY_MINUTE].limit) {
                json_object_object_add(o, "minute", window(&c->window[KISS_TALLY_MINUTE], now));
            }
            if (c->window[KISS_TALLY_HOUR].limit) {
                json_object_object_add(o, "hour", window(&c->window[KISS_TALLY_HOUR], now));
            }
            json_object_array_add(all, o);
        }
    }
    return all;
}

static json_object *requests(kiss_recent_kind kind, const apr_array_header_t *zones, apr_pool_t *p)
{
    const apr_array_header_t *found = kiss_recent_requests(kind, p);
    json_object *all = json_object_new_array();
    int i;

    for (i = 0; i < found->nelts; i++) {
        const kiss_recent_request *r = &APR_ARRAY_IDX(found, i, kiss_recent_request);
        const kiss_metrics_zone *zone = zone_of(zones, r->zone);
        json_object *o = json_object_new_object();

        if (zone) {
            add_zone(o, zone, p);
        }
        json_object_object_add(o, "time", kiss_report_timestamp(r->time, p));
        json_object_object_add(o, "status", json_object_new_int(r->status));
        json_object_object_add(o, "method", kiss_report_text(r->method, p));
        json_object_object_add(o, "path", kiss_report_text(r->path, p));
        json_object_object_add(o, "endpoint", kiss_report_text(*r->endpoint ? r->endpoint : "unknown", p));
        json_object_object_add(o, "caller", kiss_report_text(r->caller, p));
        json_object_object_add(o, "ms", kiss_report_milliseconds(r->duration > 0 ? r->duration : 0, p));
        json_object_object_add(o, "database_ms", kiss_report_milliseconds(r->db_time, p));
        json_object_object_add(o, "request_id", kiss_report_text(r->id, p));
        json_object_array_add(all, o);
    }
    return all;
}

/* --- databases --- */

/** What identifies a database. */
static void add_database(json_object *o, const kiss_counted_database *d, apr_pool_t *p)
{
    json_object_object_add(o, "api", json_object_new_string(d->plan->api->name));
    json_object_object_add(o, "host", kiss_report_text(d->host, p));
    json_object_object_add(o, "database", kiss_report_text(d->conf->name, p));
}

static void add_files(json_object *o, const char *key, kiss_cache_use_sum sum)
{
    json_object *files = json_object_new_object();

    json_object_object_add(files, "files", kiss_report_number(sum.files));
    json_object_object_add(files, "bytes", kiss_report_number(sum.bytes));
    json_object_object_add(o, key, files);
}

/** The cached lists of a database, by kind. */
static json_object *cached(const kiss_cache_use *use)
{
    json_object *o = json_object_new_object();

    add_files(o, "lists", use->of[0][0]);
    add_files(o, "lists_gzip", use->of[0][1]);
    add_files(o, "changes", use->of[1][0]);
    add_files(o, "changes_gzip", use->of[1][1]);
    return o;
}

/** What KissWarm did. */
static json_object *warmed(const kiss_database_counters *c, apr_pool_t *p)
{
    json_object *o = kiss_report_names(kiss_tally_warmed_name, 0, KISS_WARMEDS, c->warmed);

    json_object_object_add(o, "passes", kiss_report_number(kiss_counter_read(&c->passes)));
    json_object_object_add(o, "ms", kiss_report_milliseconds((apr_interval_time_t)kiss_counter_read(&c->pass_time), p));
    return o;
}

/** Each server of a database that has several, in order of preference. */
static json_object *servers(const kiss_database_conf *conf, apr_pool_t *p)
{
    json_object *list = json_object_new_array();
    int i;

    for (i = 0; i < conf->nservers; i++) {
        const kiss_db_server_counts counts = kiss_db_servers_counts(conf, i);
        json_object *o = json_object_new_object();

        json_object_object_add(o, "database", kiss_report_text(conf->name, p));
        json_object_object_add(o, "server", kiss_report_text(conf->servers[i].address, p));
        json_object_object_add(o, "state", json_object_new_string(kiss_db_servers_has_failed(conf, i) ? "failed" : "works"));
        json_object_object_add(o, "connections", kiss_report_number(counts.connections));
        json_object_object_add(o, "failures", kiss_report_number(counts.failures));
        json_object_array_add(list, o);
    }
    return list;
}

static json_object *databases(const apr_array_header_t *use, const server_rec *s, apr_pool_t *p)
{
    const apr_array_header_t *all = kiss_metrics_databases();
    json_object *list = json_object_new_array();
    int i, children, each;

    for (i = 0; i < all->nelts; i++) {
        const kiss_counted_database *d = &APR_ARRAY_IDX(all, i, kiss_counted_database);
        json_object *o = json_object_new_object();

        add_database(o, d, p);
        json_object_object_add(o, "connections",
                               kiss_report_number(d->conf->connections ? apr_atomic_read32(d->conf->connections) : 0));
        json_object_object_add(o, "in_use", kiss_report_number(d->conf->in_use ? apr_atomic_read32(d->conf->in_use) : 0));
        json_object_object_add(o, "connections_max",
                               json_object_new_int(kiss_db_check_budget(&children, &each, d->conf->max)));
        if (d->conf->nservers > 1) {
            json_object_object_add(o, "servers", servers(d->conf, p));
        }
        if (d->has_lists) {
            json_object_object_add(o, "cached", cached(&APR_ARRAY_IDX(use, i, kiss_cache_use)));
        }
        if (d->has_lists && d->conf->counters && kiss_config_warm(s)) {
            json_object_object_add(o, "warm", warmed(d->conf->counters, p));
        }
        json_object_array_add(list, o);
    }
    return list;
}

/* --- statements --- */

/** A statement that was executed. */
typedef struct {
    const kiss_counted_database *database;
    int number;
    apr_uint64_t count, sum;
    apr_int64_t longest;
} executed;

static int by_time(const void *a, const void *b)
{
    const executed *x = a, *y = b;

    return x->longest != y->longest ? (x->longest < y->longest) - (x->longest > y->longest)
           : (x->sum * y->count < y->sum * x->count) - (x->sum * y->count > y->sum * x->count);
}

/** All statements that were executed, the slowest of the last hour first, then by their means. */
static apr_array_header_t *find_executed(apr_pool_t *p)
{
    const apr_array_header_t *all = kiss_metrics_databases();
    apr_array_header_t *found = apr_array_make(p, 64, sizeof(executed));
    int i, n;

    for (i = 0; i < all->nelts; i++) {
        const kiss_counted_database *d = &APR_ARRAY_IDX(all, i, kiss_counted_database);

        for (n = 1; d->conf->counters && !d->repeated && n <= KISS_COUNTED_STATEMENTS; n++) {
            const kiss_statement_times *t = &d->conf->counters->statement[n - 1];
            const executed e = { d, n, kiss_counter_read(&t->count), kiss_counter_read(&t->sum),
                                 kiss_database_counters_longest(t) };

            if (e.count) {
                APR_ARRAY_PUSH(found, executed) = e;
            }
        }
    }
    qsort(found->elts, (size_t)found->nelts, sizeof(executed), by_time);
    return found;
}

static json_object *statements(apr_pool_t *p)
{
    const apr_array_header_t *found = find_executed(p);
    json_object *all = json_object_new_array();
    int i;

    for (i = 0; i < found->nelts && i < MAX_STATEMENTS; i++) {
        const executed *e = &APR_ARRAY_IDX(found, i, executed);
        const char *name = kiss_plan_statement_name(e->database->plan, e->number, p);
        json_object *o = json_object_new_object();

        add_database(o, e->database, p);
        json_object_object_add(o, "statement", json_object_new_string(name ? name : ""));
        json_object_object_add(o, "count", kiss_report_number(e->count));
        json_object_object_add(o, "mean_ms", kiss_report_milliseconds((apr_interval_time_t)(e->sum / e->count), p));
        json_object_object_add(o, "longest_ms", kiss_report_milliseconds(e->longest, p));
        json_object_array_add(all, o);
    }
    return all;
}

/* --- the Redis server of KissLimitStore --- */

static json_object *limit_store(const server_rec *s, apr_pool_t *p)
{
    json_object *o = kiss_report_names(kiss_store_lost_name, 0, KISS_STORE_LOSTS, kiss_store->lost);
    apr_uint64_t counted = kiss_counter_read(&kiss_store->counted);
    apr_time_t since = __atomic_load_n(&kiss_store->since, __ATOMIC_ACQUIRE);

    json_object_object_add(o, "address", kiss_report_text(kiss_config_server(s)->limit_store->address, p));
    json_object_object_add(o, "counts", json_object_new_boolean(!kiss_store_state_is_away()));
    if (since) {
        json_object_object_add(o, "away_since", kiss_report_timestamp(since, p));
        json_object_object_add(o, "reason",
                               kiss_report_text(apr_pstrmemdup(p, kiss_store->reason, KISS_STORE_REASON - 1), p));
    }
    json_object_object_add(o, "counted", kiss_report_number(counted));
    json_object_object_add(o, "round_trips", kiss_report_number(kiss_counter_read(&kiss_store->trips)));
    json_object_object_add(o, "mean_wait_ms", kiss_report_mean(&kiss_store->wait_time, counted, p));
    json_object_object_add(o, "errors", kiss_report_number(kiss_counter_read(&kiss_store->errors)));
    json_object_object_add(o, "connections", kiss_report_number(kiss_counter_read(&kiss_store->connections)));
    return o;
}

/* --- the cache --- */

static json_object *cache(const apr_array_header_t *use, const server_rec *s)
{
    json_object *o = json_object_new_object();
    kiss_cache_use_sum all = { 0, 0 };
    int i;

    for (i = 0; i < use->nelts; i++) {
        kiss_cache_use_sum one = kiss_cache_use_total(&APR_ARRAY_IDX(use, i, kiss_cache_use));

        all.files += one.files;
        all.bytes += one.bytes;
    }
    json_object_object_add(o, "lists", kiss_report_number(all.files));
    json_object_object_add(o, "bytes", kiss_report_number(all.bytes));
    json_object_object_add(o, "limit_bytes", kiss_report_number((apr_uint64_t)kiss_config_cache_size(s)));
    return o;
}

json_object *kiss_report_create(const apr_array_header_t *zones, server_rec *main_server, apr_pool_t *p)
{
    const apr_array_header_t *use = kiss_cache_use_read(kiss_metrics_databases(), main_server, p);
    json_object *o = json_object_new_object(), *all = json_object_new_array();
    int i;

    apr_pool_cleanup_register(p, o, release, apr_pool_cleanup_null);
    json_object_object_add(o, "version", json_object_new_string(KISS_VERSION));
    json_object_object_add(o, "time", kiss_report_timestamp(apr_time_now(), p));
    json_object_object_add(o, "since", kiss_report_timestamp(kiss_metrics_start(), p));
    for (i = 0; i < zones->nelts; i++) {
        const kiss_metrics_zone *zone = &APR_ARRAY_IDX(zones, i, kiss_metrics_zone);

        if (kiss_metrics_is_served(zone)) {
            json_object_array_add(all, zone_report(zone, p));
        }
    }
    json_object_object_add(o, "apis", all);
    json_object_object_add(o, "callers", callers(zones, p));
    if (kiss_store) {
        json_object_object_add(o, "limit_store", limit_store(main_server, p));
    }
    json_object_object_add(o, "databases", databases(use, main_server, p));
    json_object_object_add(o, "cache", cache(use, main_server));
    json_object_object_add(o, "failed", requests(KISS_RECENT_FAILED, zones, p));
    json_object_object_add(o, "refused", requests(KISS_RECENT_REFUSED, zones, p));
    json_object_object_add(o, "slowest", requests(KISS_RECENT_SLOW, zones, p));
    json_object_object_add(o, "slowest_statements", statements(p));
    return o;
}
