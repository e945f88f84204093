/* SPDX-License-Identifier: Apache-2.0 */
/**
 * chunk_writer - notes the chunks of a list (lib/file/chunk_index.h) while it is written, row by row, or taken over from an earlier
 * state of it. It looks at the rows as they were written, so the chunks are the same whichever way a list was made.
 *
 * Not thread-safe: a writer belongs to one thread.
 */
#ifndef KISS_CHUNK_WRITER_H
#define KISS_CHUNK_WRITER_H

#include "lib/file/chunk_index.h"
#include "lib/file/spool.h"

/** The chunks of a list that is being written. */
typedef struct kiss_chunks kiss_chunks;

/**
 * Begins with the first byte of a list.
 *
 * @param spool linkable and empty; its `chunks` are set, and what waits for it (spool->growing) is told of each
 * @return APR_SUCCESS, APR_ENOMEM, or APR_EGENERAL without random bytes
 */
apr_status_t kiss_chunks_begin(kiss_chunks **chunks, kiss_spool *spool, apr_pool_t *p);

/**
 * Notes a row that was appended to the buffer of the spool; to be called before the spool is flushed. Rows of the same SKU that
 * were appended with it need no call of their own.
 *
 * @param at where in the buffer it begins, with the separator that stands before it
 * @return APR_SUCCESS; APR_EGENERAL when it has no SKU, or must not follow here; APR_ENOMEM
 */
apr_status_t kiss_chunks_row(kiss_chunks *chunks, int at);

/** An earlier state of the list, with its chunks. */
typedef struct {
    kiss_value list;
    const apr_array_header_t *chunks;   /**< of kiss_chunk; NULL where they are not known: then each row is looked at */
} kiss_chunked;

/**
 * Appends rows of an earlier state of the list, with a separator before them: whole chunks as they are, without a look at them,
 * what stands before and after those row by row.
 *
 * @param old      the same at each call
 * @param from, to where they begin and end there: no less than `to` of the last call
 * @param last     1 when no row follows
 * @return APR_SUCCESS; APR_EGENERAL when these are no rows; APR_ENOMEM, or why the spool could not be written
 */
apr_status_t kiss_chunks_run(kiss_chunks *chunks, const kiss_chunked *old, apr_size_t from, apr_size_t to, int last);

/** Ends the last chunk; to be called before the end of the list is appended. */
void kiss_chunks_end(kiss_chunks *chunks);

#endif
