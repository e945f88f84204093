/* SPDX-License-Identifier: Apache-2.0 */
/**
 * metrics - the segment of counters, its zones, and the hook that counts a request.
 */
#include "core/metrics.h"

#include <apr_hash.h>
#include <apr_shm.h>

#include <string.h>

#include "core/config.h"
#include "core/error.h"
#include "core/recent.h"
#include "lib/base/crypto.h"
#include "lib/base/plural.h"

#define RETAINED "mod_kiss-metrics-3"   /* changes with the layout of the segment: an old one is not used then */

/* Zones that reloads may add before httpd is stopped and started. Memory is used only when it is written to. */
#define SPARE 32

const apr_int64_t kiss_metrics_bound[KISS_METRICS_BUCKETS] = {
    1000, 2500, 5000, 10000, 25000, 50000, 100000, 250000, 500000, 1000000, 2500000, 5000000, 10000000
};

/* The most frequent ones first. */
const int kiss_metrics_status[KISS_METRICS_STATUSES] = {
    304, 200, 429, 401, 226, 404, 400, 403, 206, 503, 500, 405, 406, 408, 409, 411, 412, 413, 414, 415, 416, 417, 421, 431,
    501, 502, 504, 505, 201, 0
};

const char *const kiss_metrics_method_name[KISS_METHODS] = {
    "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "other"
};

/** State that survives a reload. Lives in the process pool, like the segment. */
typedef struct {
    apr_shm_t *shm;
    kiss_metrics_counters *counters;        /* NULL until it is created */
    int size;                               /* number of zones that it has room for */
    apr_size_t zone_size;                   /* of the module that created it */
    void *databases;                        /* counters of databases */
    int database_count;                     /* and how many it has room for */
    apr_time_t start;
} segment;

/** By which a request finds its zone. Both pointers are those of the configuration. */
typedef struct {
    const server_rec *server;
    const char *base;
} zone_key;

/* Of this generation; read only after start. */
static segment *memory;
static apr_array_header_t *zones;           /* of kiss_metrics_zone */
static apr_array_header_t *databases;       /* of kiss_counted_database */
static apr_hash_t *counters_of;             /* zone_key to kiss_metrics_counters */

/* --- life cycle --- */

/** Name and port of a server, as its configuration has them. */
static const char *host_of(const server_rec *s, apr_pool_t *p)
{
    const char *name = s->server_hostname ? s->server_hostname : "";

    return s->port ? apr_psprintf(p, "%s:%d", name, (int)s->port) : name;
}

/**
 * Digest of what the counters of a zone are: another module may have other endpoints, or have them in another order.
 */
static void derive_id(unsigned char id[KISS_SHA256_LEN], const kiss_metrics_zone *zone, apr_pool_t *p)
{
    apr_array_header_t *parts = apr_array_make(p, 64, sizeof(const char *));
    const kiss_endpoint *e;
    const char *text;

    APR_ARRAY_PUSH(parts, const char *) = zone->api->name;
    APR_ARRAY_PUSH(parts, const char *) = zone->host;
    APR_ARRAY_PUSH(parts, const char *) = zone->location;
    for (e = zone->api->endpoints; e->path; e++) {
        APR_ARRAY_PUSH(parts, const char *) = e->name;
    }
    text = apr_array_pstrcat(p, parts, '\n');
    kiss_crypto_sha256(id, text, strlen(text));
}

/** The counters with this id, or free ones, which get it; NULL when the segment is full. */
static kiss_metrics_counters *claim(const unsigned char id[KISS_SHA256_LEN])
{
    static const unsigned char none[KISS_SHA256_LEN];
    int i;

    for (i = 0; i < memory->size; i++) {
        kiss_metrics_counters *c = &memory->counters[i];

        if (memcmp(c->id, none, sizeof(none)) == 0) {
            memcpy(c->id, id, KISS_SHA256_LEN);
        }
        if (memcmp(c->id, id, KISS_SHA256_LEN) == 0) {
            return c;
        }
    }
    return NULL;
}

/** Creates the segment, unless an earlier generation has. @return 0 without memory, which is logged */
static int create_segment(server_rec *s, int size, int database_count)
{
    apr_size_t room = (apr_size_t)size * sizeof(kiss_metrics_counters);
    apr_status_t rv;

    memory = ap_retained_data_get(RETAINED);
    if (!memory) {
        memory = ap_retained_data_create(RETAINED, sizeof(*memory));
    }
    if (memory->counters && memory->zone_size == sizeof(kiss_metrics_counters)) {
        return 1;
    }
    memory->counters = NULL;
    rv = apr_shm_create(&memory->shm, room + kiss_recent_size() + kiss_database_counters_size(database_count), NULL,
                        s->process->pool);
    if (rv != APR_SUCCESS) {
        ap_log_error(APLOG_MARK, APLOG_WARNING, rv, s, KISS_LOGNO(0650) "no shared memory for metrics: nothing is "
                     "counted");
        return 0;
    }
    memory->size = size;
    memory->database_count = database_count;
    memory->zone_size = sizeof(kiss_metrics_counters);
    memory->start = apr_time_now();
    memory->counters = apr_shm_baseaddr_get(memory->shm);       /* anonymous, and zero initially */
    memory->databases = (char *)memory->counters + room + kiss_recent_size();
    return 1;
}

/** All locations in all servers that serve them: those of the main server are inherited by the others. */
static apr_array_header_t *find_zones(server_rec *main_server, apr_pool_t *pconf)
{
    const apr_array_header_t *locations = kiss_config_locations(main_server, pconf);
    apr_array_header_t *found = apr_array_make(pconf, 4, sizeof(kiss_metrics_zone));
    server_rec *s;
    int i;

    for (i = 0; i < locations->nelts; i++) {
        const kiss_config_location *l = &APR_ARRAY_IDX(locations, i, kiss_config_location);

        for (s = l->server; s; s = l->server == main_server ? s->next : NULL) {
            const char *path = *l->conf->base ? l->conf->base : "/";
            kiss_metrics_zone zone = { l->conf->plan->api, host_of(s, pconf), path, s, l->conf, s == l->server, NULL };

            if (kiss_config_database(l->conf, s)) {
                APR_ARRAY_PUSH(found, kiss_metrics_zone) = zone;
            }
        }
    }
    return found;
}

/** Adds a database, unless it is there. */
static void add_database(apr_array_header_t *found, kiss_database_conf *conf, const kiss_plan *plan, int has_lists,
                         apr_pool_t *pconf)
{
    kiss_counted_database d = { conf, plan, host_of(conf->server, pconf), has_lists, 0 };
    int i;

    for (i = 0; i < found->nelts; i++) {
        if (APR_ARRAY_IDX(found, i, kiss_counted_database).conf == conf) {
            return;
        }
        d.repeated |= kiss_database_counters_same(&d, &APR_ARRAY_IDX(found, i, kiss_counted_database));
    }
    APR_ARRAY_PUSH(found, kiss_counted_database) = d;
}

/** The databases of zones, each once; after them those that admin clients write to. */
static apr_array_header_t *find_databases(const apr_array_header_t *of, server_rec *main_server, apr_pool_t *pconf)
{
    const apr_array_header_t *sections = kiss_config_admin_sections(main_server, pconf);
    apr_array_header_t *found = apr_array_make(pconf, 4, sizeof(kiss_counted_database));
    int i;

    for (i = 0; i < of->nelts; i++) {
        const kiss_metrics_zone *zone = &APR_ARRAY_IDX(of, i, kiss_metrics_zone);

        add_database(found, kiss_config_database(zone->conf, zone->server), zone->conf->plan,
                     kiss_config_has_lists(zone->conf), pconf);
    }
    for (i = 0; i < sections->nelts; i++) {
        const kiss_config_admin_section *section = &APR_ARRAY_IDX(sections, i, kiss_config_admin_section);
        kiss_database_conf *conf = kiss_config_admin_database(section->conf, section->server);

        if (conf && section->conf->plan) {
            add_database(found, conf, section->conf->plan, 0, pconf);
        }
    }
    return found;
}

/** Adds a zone, unless one has the same counters: two servers of one name and port. */
static void add_zone(const kiss_metrics_zone *zone)
{
    int i;

    for (i = 0; i < zones->nelts && APR_ARRAY_IDX(zones, i, kiss_metrics_zone).counters != zone->counters; i++) {
        continue;
    }
    if (i == zones->nelts) {
        APR_ARRAY_PUSH(zones, kiss_metrics_zone) = *zone;
    }
    else if (zone->own) {
        APR_ARRAY_IDX(zones, i, kiss_metrics_zone).own = 1;
    }
}

void kiss_metrics_create(server_rec *main_server, apr_pool_t *pconf)
{
    apr_array_header_t *found = find_zones(main_server, pconf);
    int i, lost;

    zones = NULL;
    databases = find_databases(found, main_server, pconf);
    if (!create_segment(main_server, found->nelts + SPARE, databases->nelts + SPARE)) {
        return;
    }
    lost = kiss_database_counters_attach(memory->databases, memory->database_count, databases, pconf);
    kiss_recent_attach(memory->counters + memory->size);
    zones = apr_array_make(pconf, found->nelts, sizeof(kiss_metrics_zone));
    counters_of = apr_hash_make(pconf);
    for (i = 0; i < found->nelts; i++) {
        kiss_metrics_zone *zone = &APR_ARRAY_IDX(found, i, kiss_metrics_zone);
        zone_key *key = apr_pcalloc(pconf, sizeof(*key));
        unsigned char id[KISS_SHA256_LEN];

        derive_id(id, zone, pconf);
        zone->counters = claim(id);
        if (!zone->counters) {
            lost++;
            continue;
        }
        key->server = zone->server;
        key->base = zone->conf->base;
        apr_hash_set(counters_of, key, sizeof(*key), zone->counters);
        add_zone(zone);
    }
    if (lost) {
        ap_log_error(APLOG_MARK, APLOG_WARNING, 0, main_server, KISS_LOGNO(0651) "%d location%s or database%s not counted "
                     "in the metrics: reloads have added more than there is room for. Stop and start httpd", lost,
                     KISS_PLURAL(lost, "", "s"), KISS_PLURAL(lost, " is", "s are"));
    }
}

const apr_array_header_t *kiss_metrics_zones(void)
{
    return zones;
}

const apr_array_header_t *kiss_metrics_databases(void)
{
    return databases;
}

apr_time_t kiss_metrics_start(void)
{
    return memory->start;
}

int kiss_metrics_number(const kiss_metrics_zone *zone)
{
    return (int)(zone->counters - memory->counters);
}

int kiss_metrics_is_served(const kiss_metrics_zone *zone)
{
    int i, served = zone->own;

    for (i = 0; i <= KISS_METRICS_ENDPOINTS && !served; i++) {
        served = kiss_metrics_observed(&zone->counters->endpoint[i].latency) > 0;
    }
    return served;
}

/* --- counting --- */

static void observe(kiss_histogram *h, apr_interval_time_t time)
{
    int i = 0;

    time = time > 0 ? time : 0;             /* the clock was set back */
    while (i < KISS_METRICS_BUCKETS && time > kiss_metrics_bound[i]) {
        i++;
    }
    kiss_counter_add(&h->bucket[i], 1);
    kiss_counter_add(&h->sum, (apr_uint64_t)time);
}

apr_uint64_t kiss_metrics_observed(const kiss_histogram *h)
{
    apr_uint64_t n = 0;
    int i;

    for (i = 0; i <= KISS_METRICS_BUCKETS; i++) {
        n += kiss_counter_read(&h->bucket[i]);
    }
    return n;
}

/** Adds one to the number of a minute; that of an hour ago is replaced. */
static void count_minute(apr_uint64_t *minutes, apr_uint64_t minute)
{
    apr_uint64_t *m = &minutes[minute % KISS_METRICS_MINUTES], before = __atomic_load_n(m, __ATOMIC_RELAXED), after;

    do {
        after = before >> 32 == minute ? before + 1 : minute << 32 | 1;
    } while (!__atomic_compare_exchange_n(m, &before, after, 1, __ATOMIC_RELAXED, __ATOMIC_RELAXED));
}

apr_uint64_t kiss_metrics_minute(const kiss_metrics_counters *c, int failed, apr_uint64_t minute)
{
    apr_uint64_t m = __atomic_load_n(&c->minute[failed != 0][minute % KISS_METRICS_MINUTES], __ATOMIC_RELAXED);

    return m >> 32 == minute ? m & 0xffffffff : 0;
}

int kiss_metrics_is_write(const kiss_endpoint *endpoint)
{
    return endpoint->run == KISS_RUN_WRITE_BULK || (endpoint->run == KISS_RUN_WRITE && !(endpoint->methods & KISS_GET));
}

static int method_of(const request_rec *r)
{
    switch (r->method_number) {
    case M_GET:
        return r->header_only ? KISS_METHOD_HEAD : KISS_METHOD_GET;
    case M_POST:
        return KISS_METHOD_POST;
    case M_PUT:
        return KISS_METHOD_PUT;
    case M_PATCH:
        return KISS_METHOD_PATCH;
    case M_DELETE:
        return KISS_METHOD_DELETE;
    default:
        return KISS_METHOD_OTHER;
    }
}

static int status_index(int status)
{
    int i = 0;

    while (kiss_metrics_status[i] && kiss_metrics_status[i] != status) {
        i++;
    }
    return i;
}

/** Why the caller was refused, by the error that it got. */
static kiss_auth_failed auth_failed(const kiss_req *k)
{
    if (k->error == &kiss_error_bearer) {
        return k->verified ? KISS_AUTH_FAILED_DISABLED : k->tally.token_expired ? KISS_AUTH_FAILED_EXPIRED
               : k->tally.token_invalid ? KISS_AUTH_FAILED_TOKEN : KISS_AUTH_FAILED_NO_TOKEN;
    }
    return k->error == &kiss_error_key ? (k->presented ? KISS_AUTH_FAILED_KEY : KISS_AUTH_FAILED_NO_KEY)
           : k->error == &kiss_error_role ? KISS_AUTH_FAILED_ROLE
           : k->error == &kiss_error_tls ? KISS_AUTH_FAILED_TLS
           : k->error == &kiss_error_invalid_client ? KISS_AUTH_FAILED_CLIENT
           : k->error == &kiss_error_unauthorized_client ? KISS_AUTH_FAILED_DISABLED
           : k->error == &kiss_error_no_customer ? KISS_AUTH_FAILED_CUSTOMER : KISS_AUTH_FAILED_NOT;
}

static void count_database(kiss_metrics_counters *c, const kiss_req *k)
{
    int i;

    observe(&c->wait, k->tally.db_wait);
    observe(&c->query, k->db_time - k->tally.db_wait);
    if (k->tally.db_retries) {
        kiss_counter_add(&c->retries, k->tally.db_retries);
    }
    for (i = 0; i < KISS_REFUSALS; i++) {
        if (k->tally.db_refusals[i]) {
            kiss_counter_add(&c->refusals[i], k->tally.db_refusals[i]);
        }
    }
}

/** Counts what a request has written. */
static void count_written(kiss_endpoint_counters *e, const kiss_tally *tally)
{
    int i;

    kiss_counter_add(&e->written[tally->written], 1);
    for (i = KISS_WRITTEN_CREATED; i < KISS_WRITTEN_ROWS; i++) {
        if (tally->written_rows[i]) {
            kiss_counter_add(&e->written_rows[i], tally->written_rows[i]);
        }
    }
    if (tally->audit_rows) {
        kiss_counter_add(&e->audit_rows, tally->audit_rows);
    }
}

static void count_endpoint(kiss_endpoint_counters *e, const kiss_req *k, const request_rec *r, apr_time_t now)
{
    kiss_work work = k->tally.work;

    kiss_counter_add(&e->requests[method_of(r)][status_index(r->status)], 1);
    observe(&e->latency, now - r->request_time);
    if (r->bytes_sent) {
        kiss_counter_add(&e->bytes, (apr_uint64_t)r->bytes_sent);
    }
    if (k->rows) {
        kiss_counter_add(&e->rows, (apr_uint64_t)k->rows);
    }
    if (k->db_time) {
        kiss_counter_add(&e->db_time, (apr_uint64_t)k->db_time);
    }
    if (work != KISS_WORK_NONE) {
        kiss_counter_add(&e->work[work], 1);
        kiss_counter_add(&e->work_bytes[work], (apr_uint64_t)r->bytes_sent);
    }
    if (k->tally.stale) {
        kiss_counter_add(&e->stale, 1);
    }
    if (k->tally.written != KISS_WRITTEN_NOT) {
        count_written(e, &k->tally);
    }
}

static void count(kiss_metrics_counters *c, const kiss_req *k, const request_rec *r, apr_time_t now)
{
    long endpoint = k->endpoint ? k->endpoint - k->api->endpoints : KISS_METRICS_UNKNOWN;
    apr_uint64_t minute = (apr_uint64_t)now / 60000000;
    kiss_auth_failed auth = auth_failed(k);

    count_endpoint(&c->endpoint[endpoint < KISS_METRICS_ENDPOINTS ? endpoint : KISS_METRICS_UNKNOWN], k, r, now);
    count_minute(c->minute[0], minute);
    if (r->status >= HTTP_INTERNAL_SERVER_ERROR) {
        count_minute(c->minute[1], minute);
    }
    if (k->tally.db_runs) {
        count_database(c, k);
    }
    if (k->tally.limited != KISS_LIMITED_NOT) {
        kiss_counter_add(&c->limited[k->tally.limited], 1);
    }
    if (auth != KISS_AUTH_FAILED_NOT) {
        kiss_counter_add(&c->auth[auth], 1);
    }
}

/** Hook: counts the request, after its answer was sent. */
static int kiss_log_transaction(request_rec *r)
{
    const kiss_req *k;
    kiss_metrics_counters *c;
    zone_key key;

    while (r->next) {
        r = r->next;                        /* the request that an internal redirect led to */
    }
    k = ap_get_module_config(r->request_config, &kiss_module);
    if (!zones || !k || !k->r) {
        return DECLINED;
    }
    memset(&key, 0, sizeof(key));
    key.server = r->server;
    key.base = k->conf->base;
    c = apr_hash_get(counters_of, &key, sizeof(key));
    if (c) {
        apr_time_t now = apr_time_now();

        count(c, k, r, now);
        kiss_recent_note(k, r, (int)(c - memory->counters), now);
    }
    return OK;
}

void kiss_metrics_register(void)
{
    ap_hook_log_transaction(kiss_log_transaction, NULL, NULL, APR_HOOK_MIDDLE);
}
