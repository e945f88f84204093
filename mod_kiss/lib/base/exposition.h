/* SPDX-License-Identifier: Apache-2.0 */
/**
 * exposition - the text format of Prometheus, version 0.0.4: one HELP and one TYPE line for each metric, then its series.
 *
 * Pure; thread-safe as long as a buffer is used by one thread. All functions leave out what there is no memory for.
 */
#ifndef KISS_EXPOSITION_H
#define KISS_EXPOSITION_H

#include <apr_pools.h>
#include <json-c/printbuf.h>

/** The Content-Type that Prometheus demands; it refuses others. */
#define KISS_EXPOSITION_TYPE "text/plain; version=0.0.4; charset=utf-8"

/** Types of metrics. */
typedef enum {
    KISS_COUNTER,
    KISS_GAUGE,
    KISS_HISTOGRAM
} kiss_exposition_type;

/** Begins a metric. All its series follow before the next metric begins. `help` has no line break. */
void kiss_exposition_begin(struct printbuf *pb, const char *name, kiss_exposition_type type, const char *help);

/**
 * Labels, `more` after those of `labels`, in `p`: name="value",name="value". Values are escaped: backslash, quote, line
 * break; in one that is not UTF-8 every byte that is not ASCII becomes U+FFFD.
 *
 * @param more name and value in turn, ended by NULL; a name has letters and underscores only
 */
const char *kiss_exposition_labels(apr_pool_t *p, const char *labels, const char *const *more);

/** A series of the metric `name`: of a histogram with a suffix. `labels` may be "". */
void kiss_exposition_number(struct printbuf *pb, const char *name, const char *suffix, const char *labels,
                            apr_uint64_t value);

/** The same, with microseconds that are written as seconds, exactly. */
void kiss_exposition_seconds(struct printbuf *pb, const char *name, const char *suffix, const char *labels,
                             apr_uint64_t microseconds);

/** Microseconds as decimal seconds without trailing zeros: 2500 is 0.0025. In `p`. */
const char *kiss_exposition_time(apr_pool_t *p, apr_uint64_t microseconds);

#endif
