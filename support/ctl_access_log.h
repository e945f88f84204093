/* SPDX-License-Identifier: Apache-2.0 */
/**
 * ctl_access_log - what access logs in the format `kiss` (conf/kiss-site.conf, conf/kss-site.conf) tell of a caller: how
 * often it asked for what, and with what success. Reads line by line; memory does not depend on the length of the log.
 */
#ifndef CTL_ACCESS_LOG_H
#define CTL_ACCESS_LOG_H

#include <apr_tables.h>
#include <apr_time.h>

/** The requests of a caller for one endpoint. */
typedef struct {
    const char *endpoint;               /**< its name, "-" where no endpoint matched */
    apr_int64_t requests;
    apr_int64_t unchanged;              /**< 304 */
    apr_int64_t limited;                /**< 429 */
    apr_int64_t refused;                /**< other 4xx */
    apr_int64_t failed;                 /**< 5xx */
    apr_int64_t bytes;                  /**< of bodies */
    apr_time_t first, last;             /**< of the requests counted */
} ctl_access_row;

/** What was found. */
typedef struct {
    apr_array_header_t *rows;           /**< of ctl_access_row, by first occurrence */
    apr_int64_t lines;                  /**< lines in the format */
    apr_int64_t strange;                /**< others */
    apr_pool_t *pool;
} ctl_access_log;

/** Makes an empty count, in `p`. */
ctl_access_log *ctl_access_log_make(apr_pool_t *p);

/**
 * Counts one line, without its end; changes it.
 *
 * @param caller as the log names callers (note kiss-customer)
 * @param since  older requests are not counted
 */
void ctl_access_log_line(ctl_access_log *u, char *line, const char *caller, apr_time_t since);

/** Counts the lines of a file; "-" is standard input. @return APR_SUCCESS, or why it cannot be read */
apr_status_t ctl_access_log_file(ctl_access_log *u, const char *path, const char *caller, apr_time_t since);

#endif
