/* SPDX-License-Identifier: Apache-2.0 */
/**
 * delta - what has changed between two states of a list: RFC 3229 with the instance manipulation "sku-delta".
 *
 * A delta is a JSON object with the rows of SKUs that are new, the rows of SKUs of which any row was altered, as they all are
 * now, and the SKUs that are gone:
 *
 *     {"added":[row,...],"changed":[row,...],"removed":["SKU",...]}
 *
 * Pure, thread-safe.
 */
#ifndef KISS_DELTA_H
#define KISS_DELTA_H

#include "lib/base/value.h"
#include "lib/file/spool.h"

/** The name of the instance manipulation in A-IM and IM. */
#define KISS_DELTA_IM "sku-delta"

/**
 * Compares two states of a list that list/list_reader.h made: one row a line, in the order of their SKUs by code point.
 *
 * @param delta receives the JSON
 * @return APR_SUCCESS; APR_EGENERAL when one of them is not such a list; why `delta` could not be written
 */
apr_status_t kiss_delta_write(kiss_spool *delta, const kiss_value *before, const kiss_value *now);

#endif
