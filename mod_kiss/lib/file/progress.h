/* SPDX-License-Identifier: Apache-2.0 */
/**
 * progress - a file that one thread writes while another one reads what is there already.
 *
 * The writer says how much can be read; it never waits for the reader. Thread-safe.
 */
#ifndef KISS_PROGRESS_H
#define KISS_PROGRESS_H

#include <apr_file_io.h>

#include "lib/file/chunk_index.h"

/** What both know of the file. */
typedef struct kiss_progress kiss_progress;

/** Makes one that is empty, in `p`, which must live as long as both threads use it. */
apr_status_t kiss_progress_create(kiss_progress **progress, apr_pool_t *p);

/* --- for the writer --- */

/** Says what the file will hold: its ETag, without the coding; before any of it can be read. */
void kiss_progress_name(kiss_progress *progress, const char *tag);

/** Says that the first `size` bytes of `file` can be read. */
void kiss_progress_advance(kiss_progress *progress, apr_file_t *file, apr_off_t size);

/** Says of which chunk the file goes on to consist; it can be read as soon as that is said of its bytes. */
void kiss_progress_add_chunk(kiss_progress *progress, const kiss_chunk *chunk);

/** Says that nothing more comes: APR_SUCCESS when it is whole, or why it never will be. */
void kiss_progress_end(kiss_progress *progress, apr_status_t result);

/* --- for readers --- */

/** How far it has come. */
typedef struct {
    const char *tag;            /**< ETag without the coding; NULL until it is known */
    apr_file_t *file;           /**< open for reading; its position is the writer's until the end; NULL when it is empty */
    apr_off_t size;             /**< bytes that can be read */
    int ended;                  /**< nothing more comes */
    apr_status_t result;        /**< then: APR_SUCCESS when it is whole */
} kiss_progress_view;

/** As `size` of kiss_progress_wait(): no file is that long, so it waits for the end. */
#define KISS_PROGRESS_WHOLE (APR_INT64_MAX - 1)

/** Waits until more than `size` bytes can be read, or until the end. Bounded: the writer is, by the database's timeouts. */
kiss_progress_view kiss_progress_wait(kiss_progress *progress, apr_off_t size);

/**
 * Waits until the file's chunk with this number is known, or until the end.
 *
 * @param chunk receives it
 * @return 1; 0 at the end when the file has no more chunks
 */
int kiss_progress_chunk(kiss_progress *progress, int number, kiss_chunk *chunk);

/**
 * Reads what stands at `offset`, waiting for it.
 *
 * @param len room in the buffer, and what was read
 * @return APR_SUCCESS; APR_EOF at the end of a whole file; why it is not whole
 */
apr_status_t kiss_progress_read(kiss_progress *progress, apr_off_t offset, char *buffer, apr_size_t *len);

#endif
