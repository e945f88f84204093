/* SPDX-License-Identifier: Apache-2.0 */
/** report - the state of the server as one JSON object: what the page, `?json` and mod_status show. */
#ifndef KISS_REPORT_H
#define KISS_REPORT_H

#include <json-c/json.h>

#include "core/metrics.h"

/**
 * Creates the report. Reads counters, and the names of the files in KissCacheDir; asks no database.
 *
 * @param zones of kiss_metrics_zones()
 * @return the object, released with `p`
 */
json_object *kiss_report_create(const apr_array_header_t *zones, server_rec *main_server, apr_pool_t *p);

/** Totals of a zone. */
typedef struct {
    apr_uint64_t requests, client_errors, server_errors, limited;
} kiss_report_totals;

/** Adds up the requests of a zone. */
kiss_report_totals kiss_report_total(const kiss_metrics_zone *zone);

#endif
