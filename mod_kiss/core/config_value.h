/* SPDX-License-Identifier: Apache-2.0 */
/** config_value - parsers of the values of directives: numbers, times, and the key=value pairs of KissDatabase. */
#ifndef KISS_CONFIG_VALUE_H
#define KISS_CONFIG_VALUE_H

#include "core/config.h"

/** A whole number from `low` to `high`, digits only ("5m" is not 5). @return NULL or a sentence in `p` */
const char *kiss_config_number(apr_int64_t *value, const char *text, apr_int64_t low, apr_int64_t high, apr_pool_t *p);

/**
 * A time from `low` to `high`: a number of seconds, or a number followed by ms, s, mi, min, h or d. `value` is
 * unchanged when it is refused. @return NULL or a sentence in `p`
 */
const char *kiss_config_time(apr_interval_time_t *value, const char *text, apr_interval_time_t low, apr_interval_time_t high,
                             apr_pool_t *p);

/**
 * A date, or a moment, to the second: what lib/base/date.h reads, in UTC without a zone, from 1970.
 *
 * @return NULL or a sentence in `p`
 */
const char *kiss_config_moment(apr_time_t *value, const char *text, apr_pool_t *p);

/** Checks the address of a document: http or https, what a header can hold between < and >. @return as above */
const char *kiss_config_url(const char *text, apr_pool_t *p);

/**
 * Reads the arguments of KissDatabase, including the password file.
 *
 * @param database receives everything but its server; texts live in `p`
 * @return NULL or a sentence in `p`
 */
const char *kiss_config_database_read(kiss_database_conf *database, const char *args, apr_pool_t *p);

#endif
