/* SPDX-License-Identifier: Apache-2.0 */
/**
 * small_file - files of a few lines in the folder of cached lists, which several processes read and write. Thread-safe.
 */
#ifndef KISS_SMALL_FILE_H
#define KISS_SMALL_FILE_H

#include <apr_file_io.h>

/**
 * Reads the end of a file: at most its last `max` bytes. Never waits, even if a pipe has this name.
 *
 * @param text receives it in `p`, terminated; "" where there is no file
 * @param note 1: a read is a use of the file; stored at most once a minute, in its time of access
 * @return APR_SUCCESS, or the error of reading it
 */
apr_status_t kiss_small_file_read(char **text, const char *path, apr_size_t max, int note, apr_pool_t *p);

/**
 * Replaces a file at once by one with this text: who reads it sees the old text or the new one.
 *
 * @return APR_SUCCESS, or the error: then the old one is still there
 */
apr_status_t kiss_small_file_replace(const char *path, const char *text, apr_pool_t *p);

/** Stores a use of an open file: sets its time of access, and not that of its change. */
void kiss_small_file_note(apr_file_t *file);

#endif
