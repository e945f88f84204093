/* SPDX-License-Identifier: Apache-2.0 */
/**
 * list_reader - a whole list, read from the database and written as JSON into a spool.
 *
 * Everything is read on one connection in one transaction that sees one moment of the database, row by row: the memory
 * that it takes does not depend on the length of the list.
 */
#ifndef KISS_LIST_READER_H
#define KISS_LIST_READER_H

#include "core/kiss.h"
#include "lib/file/spool.h"

/** A list that was built. */
typedef struct {
    kiss_spool *spool;          /**< the JSON; can become a snapshot */
    const char *tag;            /**< its ETag: that of the moment that was read */
    const kiss_caller *caller;  /**< the customer's record, of the same moment */
} kiss_list_reader_result;

/**
 * Builds the list of k->endpoint for k->customer, whose record is read again: the answer belongs to one moment. Sets
 * k->rows, and k->caller to the record of that moment.
 *
 * @param built   receives it, in k->pool
 * @param growing is told the ETag before the first row, and what can be read as it is written; its end is the caller's to
 *                tell
 * @return NULL, or 404, 401, 500, 503
 */
const kiss_error *kiss_list_reader_run(kiss_list_reader_result *built, kiss_req *k, kiss_progress *progress);

#endif
