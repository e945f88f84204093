/* SPDX-License-Identifier: Apache-2.0 */
/** report_value - values of the report as JSON. Each is released with the object that it is added to. */
#ifndef KISS_REPORT_VALUE_H
#define KISS_REPORT_VALUE_H

#include <json-c/json.h>

#include <apr_pools.h>
#include <apr_time.h>

#include "core/counter.h"

/** A number. */
json_object *kiss_report_number(apr_uint64_t n);

/** Microseconds as milliseconds, exactly. @param p temporary */
json_object *kiss_report_milliseconds(apr_interval_time_t time, apr_pool_t *p);

/** The mean of `n` times, in milliseconds; 0 of none. @param p temporary */
json_object *kiss_report_mean(const kiss_counter *sum, apr_uint64_t n, apr_pool_t *p);

/** A text of a client or of the database: bytes that are not UTF-8 become question marks. @param p temporary */
json_object *kiss_report_text(const char *value, apr_pool_t *p);

/** 2026-11-29T05:30:00Z @param p temporary */
json_object *kiss_report_timestamp(apr_time_t time, apr_pool_t *p);

/** {"name": n}, of the counters from `first` up to the one before `end`. */
json_object *kiss_report_names(const char *const *name, int first, int end, const kiss_counter *counters);

#endif
