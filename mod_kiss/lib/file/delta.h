/* SPDX-License-Identifier: Apache-2.0 */
/**
 * delta - the differences between two versions of a list: RFC 3229 with the instance manipulation "sku-delta".
 *
 * A delta is a JSON object with the rows of SKUs that are new, all current rows of SKUs with any altered row, and the
 * SKUs that were removed:
 *
 *     {"added":[row,...],"changed":[row,...],"removed":["SKU",...]}
 *
 * Pure, thread-safe.
 */
#ifndef KISS_DELTA_H
#define KISS_DELTA_H

#include <apr_tables.h>

#include "lib/base/value.h"
#include "lib/file/list_rows.h"
#include "lib/file/spool.h"

/** The name of the instance manipulation in A-IM and IM. */
#define KISS_DELTA_IM "sku-delta"

/**
 * Compares two versions of a list written by list/list_reader.h: one row a line, in the order of their SKUs by code
 * point.
 *
 * @param delta receives the JSON
 * @return APR_SUCCESS; APR_EGENERAL when one of them is no such list; the error of writing `delta`
 */
apr_status_t kiss_delta_write(kiss_spool *delta, const kiss_list_text *before, const kiss_list_text *now);

/**
 * Writes a delta of some SKUs only: those that may have changed.
 *
 * @param before NULL where that version is unknown: then each SKU with rows counts as changed, each without as removed. The
 *               result of applying it is the same
 * @param skus   of kiss_value, in order, unique
 */
apr_status_t kiss_delta_write_some(kiss_spool *delta, const kiss_list_text *before, const kiss_list_text *now,
                                   const apr_array_header_t *skus);

#endif
