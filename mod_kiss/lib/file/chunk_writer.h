/* SPDX-License-Identifier: Apache-2.0 */
/**
 * chunk_writer - builds the chunk index of a list (lib/file/chunk_index.h) while it is written row by row, or copied
 * from an earlier version of it. It uses the rows as they were written, so the chunks do not depend on how a list was
 * built.
 *
 * Not thread-safe: a writer belongs to one thread.
 */
#ifndef KISS_CHUNK_WRITER_H
#define KISS_CHUNK_WRITER_H

#include "lib/file/chunk_index.h"
#include "lib/file/list_rows.h"
#include "lib/file/spool.h"

/** The chunks of a list that is being written. */
typedef struct kiss_chunks kiss_chunks;

/**
 * Starts with the first byte of a list.
 *
 * @param spool linkable and empty; its `chunks` are set, and published to its readers (spool->progress)
 * @param format of the list; it exists as long as `chunks`
 * @return APR_SUCCESS, APR_ENOMEM, or APR_EGENERAL without random bytes
 */
apr_status_t kiss_chunks_begin(kiss_chunks **chunks, kiss_spool *spool, const kiss_row_format *format, apr_pool_t *p);

/**
 * Adds a row that was appended to the buffer of the spool; to be called before the spool is flushed. Rows of the same
 * SKU that were appended with it need no call of their own.
 *
 * @param at where in the buffer it starts, with the separator before it
 * @return APR_SUCCESS; APR_EGENERAL when it has no SKU, or must not follow here; APR_ENOMEM
 */
apr_status_t kiss_chunks_row(kiss_chunks *chunks, int at);

/** An earlier version of the list, with its chunks. */
typedef struct {
    kiss_list_text text;
    const apr_array_header_t *chunks;   /**< of kiss_chunk; NULL where they are unknown: then each row is parsed */
} kiss_chunked;

/**
 * Appends rows of an earlier version of the list, with a separator before them: complete chunks without parsing them,
 * the rows before and after them one by one. A spool that refers to a base (kiss_spool_refer_to()) refers to what is there.
 *
 * @param old      the same at each call
 * @param from, to where they start and end in its text: no less than `to` of the last call
 * @param last     1 when no row follows
 * @return APR_SUCCESS; APR_EGENERAL when these are no rows; APR_ENOMEM, or the error of writing the spool
 */
apr_status_t kiss_chunks_run(kiss_chunks *chunks, const kiss_chunked *old, apr_off_t from, apr_off_t to, int last);

/** Ends the last chunk; to be called before the end of the list is appended. */
void kiss_chunks_end(kiss_chunks *chunks);

#endif
