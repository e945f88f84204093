/* SPDX-License-Identifier: Apache-2.0 */
/**
 * ctl_file - small files, read whole.
 */
#ifndef CTL_FILE_H
#define CTL_FILE_H

#include <apr_file_io.h>

/**
 * Reads a file of at most `most` bytes.
 *
 * @param text receives the bytes and a NUL, in `p`
 * @param len  receives their number; may be NULL
 * @return APR_SUCCESS, EFBIG when it is larger, or another failure
 */
apr_status_t ctl_file_read(const char **text, apr_size_t *len, const char *path, apr_off_t most, apr_pool_t *p);

#endif
