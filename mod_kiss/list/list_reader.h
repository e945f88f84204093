/* SPDX-License-Identifier: Apache-2.0 */
/**
 * list_reader - reads a whole list from the database and writes it as JSON into a spool; or derives it from an earlier
 * version that is cached and from the rows that have changed since. The bytes are the same.
 *
 * Everything is read on one connection in one transaction with a consistent snapshot, row by row: its memory does not
 * depend on the length of the list.
 */
#ifndef KISS_LIST_READER_H
#define KISS_LIST_READER_H

#include "core/kiss.h"
#include "lib/file/spool.h"
#include "list/list_cache_map.h"

/** The result. */
typedef struct {
    kiss_spool *spool;          /**< the JSON; can become a cache entry */
    const char *tag;            /**< its ETag, of the snapshot that was read */
    const kiss_caller *caller;  /**< the customer's record, of the same snapshot */
    const kiss_list_cache_map *base;    /**< the earlier version that it was derived from (list/list_base.h), which its
                                             file may refer to; NULL when it was read completely */
} kiss_list_reader_result;

/**
 * Builds the list of k->endpoint for k->principal, whose record is read again, so that list and record are consistent.
 * Sets k->rows, and k->caller to that record.
 *
 * @param built   receives it, in k->pool
 * @param progress receives the ETag before the first row, and what can be read as it is written; the caller of this
 *                 function ends it
 * @return NULL, or 404, 401, 500, 503
 */
const kiss_error *kiss_list_reader_run(kiss_list_reader_result *built, kiss_req *k, kiss_progress *progress);

#endif
