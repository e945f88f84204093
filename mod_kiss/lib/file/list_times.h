/* SPDX-License-Identifier: Apache-2.0 */
/**
 * list_times - since when a customer has been given the present state of a list: a small file for each customer and list,
 * with the ETag that each variant of it (format, coding) has, and the second at which this host first gave it.
 *
 * The times of one file are all different, and each is later than those before it: also when the clock was set back, when
 * two states follow each other within a second, or when an earlier state returns. So a time identifies the bytes that
 * it was given with, as an ETag does, as long as the file exists; without it, as long as the clock runs forward.
 * Thread-safe; who records a time holds a lock that keeps others from it.
 */
#ifndef KISS_LIST_TIMES_H
#define KISS_LIST_TIMES_H

#include <apr_file_io.h>

/** Suffix of such a file in the folder of cached lists (lib/file/cache_file.h). */
#define KISS_TIMES_SUFFIX ".times"

/** A state of a variant of a list. */
typedef struct {
    const char *format;         /**< name of its endpoint */
    const char *coding;         /**< "identity" or "gzip" */
    const char *tag;            /**< its ETag, with the suffix of the coding */
} kiss_list_given;

/**
 * Finds since when a variant has this ETag.
 *
 * @param since receives seconds since 1970; 0 where it has another one, or none
 * @return APR_SUCCESS, or the error of reading the file
 */
apr_status_t kiss_times_find(apr_int64_t *since, const char *path, const kiss_list_given *given, apr_pool_t *p);

/**
 * The same; records that it has this ETag from now on, where it has not. To be called with the lock of the file.
 *
 * @param since receives seconds since 1970: `now`, or a later time, where that was given already
 * @param now   seconds since 1970
 * @return APR_SUCCESS, or the error of reading or writing the file
 */
apr_status_t kiss_times_record(apr_int64_t *since, const char *path, const kiss_list_given *given, apr_int64_t now,
                               apr_pool_t *p);

#endif
