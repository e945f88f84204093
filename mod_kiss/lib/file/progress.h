/* SPDX-License-Identifier: Apache-2.0 */
/**
 * progress - the progress of a file that one thread writes while others read what is already written.
 *
 * The writer publishes how much can be read; it never waits for a reader. Thread-safe.
 */
#ifndef KISS_PROGRESS_H
#define KISS_PROGRESS_H

#include <apr_file_io.h>

#include "lib/file/chunk_index.h"
#include "lib/file/extent.h"

/** The shared state of writer and readers. */
typedef struct kiss_progress kiss_progress;

/** Creates an empty one, in `p`, which must live as long as the threads use it. */
apr_status_t kiss_progress_create(kiss_progress **progress, apr_pool_t *p);

/* --- for the writer --- */

/** Sets the ETag of the file, without the coding; before any of it can be read. */
void kiss_progress_name(kiss_progress *progress, const char *tag);

/** Publishes the first `size` bytes of `file`. */
void kiss_progress_advance(kiss_progress *progress, apr_file_t *file, apr_off_t size);

/** Adds the next chunk of the file; it can be read as soon as its bytes are published. */
void kiss_progress_add_chunk(kiss_progress *progress, const kiss_chunk *chunk);

/**
 * Publishes a list that is complete, with its chunks, and ends.
 *
 * @param stored its files are open as long as the progress is used
 * @param chunks of kiss_chunk; may be NULL
 */
void kiss_progress_complete(kiss_progress *progress, const kiss_stored *stored, const apr_array_header_t *chunks);

/** Ends the file: APR_SUCCESS when it is complete, or why it never will be. */
void kiss_progress_end(kiss_progress *progress, apr_status_t result);

/* --- for readers --- */

/** What can be read of the file. */
typedef struct {
    const char *tag;            /**< ETag without the coding; NULL until it is known */
    kiss_stored stored;         /**< `size` bytes that can be read; the files are open for reading, their positions belong
                                     to others; no file when there are none yet */
    int ended;                  /**< 1 when the writer has ended */
    apr_status_t result;        /**< then: APR_SUCCESS when it is complete */
} kiss_progress_view;

/** As `size` of kiss_progress_wait(): no file is that long, so it waits for the end. */
#define KISS_PROGRESS_WHOLE (APR_INT64_MAX - 1)

/** Waits until more than `size` bytes can be read, or until the end. Bounded by the timeouts of the writer's database. */
kiss_progress_view kiss_progress_wait(kiss_progress *progress, apr_off_t size);

/**
 * Waits until the file's chunk with this number is known, or until the end.
 *
 * @param chunk receives it
 * @return 1; 0 at the end when the file has no more chunks
 */
int kiss_progress_chunk(kiss_progress *progress, int number, kiss_chunk *chunk);

/**
 * Reads at `offset`, waiting until it is written.
 *
 * @param len size of the buffer, and the bytes read
 * @return APR_SUCCESS; APR_EOF at the end of a complete file; the reason when it is not complete
 */
apr_status_t kiss_progress_read(kiss_progress *progress, apr_off_t offset, char *buffer, apr_size_t *len);

#endif
