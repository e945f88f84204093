/* SPDX-License-Identifier: Apache-2.0 */
/**
 * database_counters - what is counted of each database, apart from requests: the times of its statements, and what
 * KissWarm does.
 *
 * In the segment of core/metrics.h, by all processes, without locks; kept as long as that.
 */
#ifndef KISS_DATABASE_COUNTERS_H
#define KISS_DATABASE_COUNTERS_H

#include "core/config.h"
#include "core/counter.h"

/** Statements that are counted, by their numbers (kiss_statement.number); those above are not. */
#define KISS_COUNTED_STATEMENTS 256

/** Times of a statement, in microseconds: from sending it to its last row. */
typedef struct {
    kiss_counter count, sum;
    kiss_counter longest[2];                /**< of an hour of the clock, even and odd ones: hour << 40 | time */
} kiss_statement_times;

/** Counters of a database. */
struct kiss_database_counters {
    unsigned char id[32];                   /**< digest of what the database and its statements are; zeros: free */
    kiss_counter passes;                    /**< passes of KissWarm that have ended */
    kiss_counter pass_time;                 /**< microseconds spent in passes */
    kiss_counter warmed[KISS_WARMEDS];      /**< lists that they came to, by what was done */
    kiss_statement_times statement[KISS_COUNTED_STATEMENTS];    /**< by number, less one */
};

/** A database that an API is served from. Constant after start. */
typedef struct {
    kiss_database_conf *conf;
    const kiss_plan *plan;                  /**< its statements */
    const char *host;                       /**< name and port of the server that KissDatabase is in */
    int has_lists;                          /**< 1: lists of it are cached */
    int repeated;                           /**< 1: one before it has the same counters: kiss_database_counters_same() */
} kiss_counted_database;

/** 1 when two have the same name, host and API, and so the same counters. */
int kiss_database_counters_same(const kiss_counted_database *a, const kiss_counted_database *b);

/** Size of the memory for `n` databases, which is zero initially. */
apr_size_t kiss_database_counters_size(int n);

/**
 * Finds the counters of these databases in the memory, or takes free ones for them, and sets conf->counters.
 *
 * @param memory of this size
 * @param found  of kiss_counted_database; each conf once
 * @return the number of databases without counters: there is no room for them
 */
int kiss_database_counters_attach(void *memory, int n, const apr_array_header_t *found, apr_pool_t *p);

/**
 * Counts a statement. Thread-safe.
 *
 * @param c      may be NULL
 * @param number of the statement; 0: it is not counted
 * @param start  when it was sent, by kiss_clock_now(): the time until now is counted
 */
void kiss_database_counters_statement(kiss_database_counters *c, int number, apr_int64_t start);

/** The longest time of a statement in this hour and in the one before, in microseconds; 0: none. */
apr_int64_t kiss_database_counters_longest(const kiss_statement_times *times);

#endif
