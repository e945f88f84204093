/* SPDX-License-Identifier: Apache-2.0 */
/** setting - parsers of the texts of a configuration: numbers, times, moments, URLs, key=value pairs. Pure, thread-safe. */
#ifndef KISS_SETTING_H
#define KISS_SETTING_H

#include <apr_pools.h>
#include <apr_time.h>

/* Times in microseconds; named after the units that settings are written with. */
#define KISS_MS(n) ((n) * APR_INT64_C(1000))
#define KISS_S(n)  ((n) * APR_INT64_C(1000000))
#define KISS_MI(n) (KISS_S(n) * 60)
#define KISS_D(n)  (KISS_S(n) * 86400)

/** A whole number from `low` to `high`, digits only ("5m" is not 5). @return NULL or a sentence in `p` */
const char *kiss_setting_number(apr_int64_t *value, const char *text, apr_int64_t low, apr_int64_t high, apr_pool_t *p);

/**
 * A time from `low` to `high`: a number of seconds, or a number followed by ms, s, mi, min, h or d. `value` is
 * unchanged when it is refused. @return NULL or a sentence in `p`
 */
const char *kiss_setting_time(apr_interval_time_t *value, const char *text, apr_interval_time_t low,
                              apr_interval_time_t high, apr_pool_t *p);

/**
 * A date, or a moment, to the second: what lib/base/date.h reads, in UTC without a zone, from 1970.
 *
 * @return NULL or a sentence in `p`
 */
const char *kiss_setting_moment(apr_time_t *value, const char *text, apr_pool_t *p);

/** Checks the address of a document: http or https, what a header can hold between < and >. @return as above */
const char *kiss_setting_url(const char *text, apr_pool_t *p);

/** How words are read: ap_getword_conf(), which unquotes a word and skips what is blank after it. "" at the end. */
typedef char *kiss_setting_word(apr_pool_t *p, const char **args);

/**
 * Reads the next `key=value` of some: the value, or the whole, may be quoted.
 *
 * @param key, value are set when the result is NULL
 * @param args where to continue
 * @param name of what has the settings, for messages
 * @return NULL or a sentence in `p`
 */
const char *kiss_setting_pair(const char **key, const char **value, const char **args, kiss_setting_word *next_word,
                              const char *name, apr_pool_t *p);

#endif
