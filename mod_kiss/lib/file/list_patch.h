/* SPDX-License-Identifier: Apache-2.0 */
/**
 * list_patch - builds a list from an earlier version: the rows of some SKUs are replaced, inserted or removed, and the
 * rows between them are copied in long runs without parsing. The result has the same bytes as a list that was built
 * completely.
 *
 * Pure. Not thread-safe: a patch belongs to one thread.
 */
#ifndef KISS_LIST_PATCH_H
#define KISS_LIST_PATCH_H

#include "lib/base/value.h"
#include "lib/file/chunk_writer.h"
#include "lib/file/spool.h"

/** A list that is being built from another one. */
typedef struct kiss_patch kiss_patch;

/**
 * Starts at the first row.
 *
 * @param out receives the list and its chunks; linkable and empty
 * @param old the list as written by list/list_reader.h, and its chunks; it must exist until the end
 * @param p   owns the patch
 * @return APR_SUCCESS; APR_EGENERAL when `old` is no such list
 */
apr_status_t kiss_patch_begin(kiss_patch **patch, kiss_spool *out, const kiss_chunked *old, apr_pool_t *p);

/**
 * Sets the current rows of a SKU. To be called in the order of the SKUs by code point, once for each.
 *
 * @param sku  as plain text
 * @param rows "{...}", or "{...},\n{...}", in the format of `old`; with length 0 when it has none any more, or never had any
 * @return APR_SUCCESS; APR_EGENERAL when `old` is no such list; the error of writing `out`
 */
apr_status_t kiss_patch_put(kiss_patch *patch, const kiss_value *sku, const kiss_value *rows);

/** Copies the remaining rows, and ends the list. @return as kiss_patch_put() */
apr_status_t kiss_patch_end(kiss_patch *patch);

#endif
