/* SPDX-License-Identifier: Apache-2.0 */
/**
 * list_patch - a list made of an earlier state of itself: the rows of some SKUs are replaced, put in or taken out, and what lies
 * between is copied in long runs without a look at it. The bytes are those of a list that was built whole.
 *
 * Pure. Not thread-safe: a patch belongs to one thread.
 */
#ifndef KISS_LIST_PATCH_H
#define KISS_LIST_PATCH_H

#include "lib/base/value.h"
#include "lib/file/chunk_writer.h"
#include "lib/file/spool.h"

/** A list being made of another one. */
typedef struct kiss_patch kiss_patch;

/**
 * Begins at the first row.
 *
 * @param out receives the list and its chunks; linkable and empty
 * @param old the list as list/list_reader.h made it, and its chunks; it must stay until the end
 * @param p   owns the patch
 * @return APR_SUCCESS; APR_EGENERAL when `old` is no such list
 */
apr_status_t kiss_patch_begin(kiss_patch **patch, kiss_spool *out, const kiss_chunked *old, apr_pool_t *p);

/**
 * Takes the rows that a SKU has now. To be called in the order of the SKUs by code point, once for each.
 *
 * @param sku  as plain text
 * @param rows "{...}", or "{...},\n{...}"; without length when it has none any more, or never had
 * @return APR_SUCCESS; APR_EGENERAL when `old` is no such list; why `out` could not be written
 */
apr_status_t kiss_patch_put(kiss_patch *patch, const kiss_value *sku, const kiss_value *rows);

/** Copies what follows, and ends the list. @return as kiss_patch_put() */
apr_status_t kiss_patch_end(kiss_patch *patch);

#endif
