/* SPDX-License-Identifier: Apache-2.0 */
/**
 * metrics - counters of all requests, in memory that all processes share: added to without a lock, when a request is logged.
 *
 * Counters are kept for each server and location that serves an API (a zone). They live with the process that was started,
 * so they continue through reloads and `apachectl restart`, and begin at zero when httpd is stopped and started.
 */
#ifndef KISS_METRICS_H
#define KISS_METRICS_H

#include "core/counter.h"
#include "core/database_counters.h"
#include "core/kiss.h"

/** Maximum of endpoints that are counted apart; those that follow in the table of an API are counted as unknown paths. */
#define KISS_METRICS_ENDPOINTS 64

/** Index of the counters of requests without an endpoint: unknown paths and methods. */
#define KISS_METRICS_UNKNOWN KISS_METRICS_ENDPOINTS

/** Methods that are counted apart, by the value of their label. */
enum {
    KISS_METHOD_GET, KISS_METHOD_HEAD, KISS_METHOD_POST, KISS_METHOD_PUT, KISS_METHOD_PATCH, KISS_METHOD_DELETE,
    KISS_METHOD_OTHER, KISS_METHODS
};

/** Upper bounds of the buckets of times, in microseconds; one more bucket is for all that is longer. */
#define KISS_METRICS_BUCKETS 13
extern const apr_int64_t kiss_metrics_bound[KISS_METRICS_BUCKETS];

/** Statuses that are counted apart, ended by 0, which is for all others. */
#define KISS_METRICS_STATUSES 30
extern const int kiss_metrics_status[KISS_METRICS_STATUSES];

/** Values of the label. */
extern const char *const kiss_metrics_method_name[KISS_METHODS];

/** Minutes of which the requests are known. */
#define KISS_METRICS_MINUTES 60

/** Times, by buckets that are not cumulative; their number is the sum of the buckets. */
typedef struct {
    kiss_counter bucket[KISS_METRICS_BUCKETS + 1];
    kiss_counter sum;                       /**< microseconds */
} kiss_histogram;

/** Counters of an endpoint. */
typedef struct {
    kiss_counter requests[KISS_METHODS][KISS_METRICS_STATUSES];
    kiss_histogram latency;                 /**< from the request's line to the end of its answer */
    kiss_counter bytes;                     /**< sent, without headers */
    kiss_counter rows;                      /**< read from the database and written */
    kiss_counter db_time;                   /**< microseconds spent with the database, waiting included */
    kiss_counter work[KISS_WORKS];          /**< lists that were sent */
    kiss_counter work_bytes[KISS_WORKS];    /**< and their bytes */
    kiss_counter stale;                     /**< answers by KissServeStale */
    kiss_counter written[KISS_WRITTENS];    /**< requests that write product data, by what became of them */
    kiss_counter written_rows[KISS_WRITTEN_ROWS];   /**< of many rows, how many were what */
    kiss_counter audit_rows;                /**< rows that they added to the audit */
} kiss_endpoint_counters;

/** Counters of a zone. */
typedef struct {
    unsigned char id[32];                   /**< digest of what the zone and its endpoints are; zeros: free */
    kiss_histogram wait;                    /**< of requests that needed the database: waiting for a connection */
    kiss_histogram query;                   /**< of these requests: the rest of the time with the database */
    kiss_counter retries;
    kiss_counter refusals[KISS_REFUSALS];
    kiss_counter limited[KISS_LIMITEDS];
    kiss_counter auth[KISS_AUTH_FAILEDS];
    apr_uint64_t minute[2][KISS_METRICS_MINUTES];  /**< requests, answers 5xx: minute since 1970 << 32 | number */
    kiss_endpoint_counters endpoint[KISS_METRICS_ENDPOINTS + 1];
} kiss_metrics_counters;

/** A zone. Constant after start. */
typedef struct {
    const kiss_api *api;
    const char *host;                       /**< name and port of the server */
    const char *location;                   /**< path of the location; "/" for the root */
    const server_rec *server;
    const kiss_dir_conf *conf;              /**< configuration of the location when no other section applies */
    int own;                                /**< 1: the location is of this server, not inherited from the main one */
    kiss_metrics_counters *counters;
} kiss_metrics_zone;

/**
 * Creates or finds the counters of all locations. In post_config; without shared memory nothing is counted, and a warning
 * is logged.
 *
 * @param pconf lives as long as the configuration
 */
void kiss_metrics_create(server_rec *main_server, apr_pool_t *pconf);

/** Registers the hook that counts. */
void kiss_metrics_register(void);

/** All zones, each once: an array of kiss_metrics_zone; NULL when nothing is counted. */
const apr_array_header_t *kiss_metrics_zones(void);

/**
 * All databases that APIs are served from, then those that admin clients write to, each once: an array of
 * kiss_counted_database. With kiss_metrics_zones().
 */
const apr_array_header_t *kiss_metrics_databases(void);

/** When the counters began. */
apr_time_t kiss_metrics_start(void);

/** Requests of a minute, counted since 1970; with `failed` set those that were answered 5xx. */
apr_uint64_t kiss_metrics_minute(const kiss_metrics_counters *c, int failed, apr_uint64_t minute);

/** The number of a zone in shared memory, by which core/recent.h knows it. */
int kiss_metrics_number(const kiss_metrics_zone *zone);

/** 0 for a zone that only inherits its location and has no requests. */
int kiss_metrics_is_served(const kiss_metrics_zone *zone);

/** 1 for an endpoint whose requests are counted by what they wrote. */
int kiss_metrics_is_write(const kiss_endpoint *endpoint);

/** Number of times in a histogram. */
apr_uint64_t kiss_metrics_observed(const kiss_histogram *h);

#endif
