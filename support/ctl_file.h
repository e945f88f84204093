/* SPDX-License-Identifier: Apache-2.0 */
/**
 * ctl_file - small files, read and made whole.
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

/**
 * Makes a file that is not there: whole and on the disk, or not at all. Its owner is the caller, its mode `perms`; until it
 * is complete nobody else can read it. A file, folder or link that is there is never replaced.
 *
 * @return APR_SUCCESS, EEXIST when something has the name already, or another failure
 */
apr_status_t ctl_file_make(const char *path, const char *text, apr_fileperms_t perms, apr_pool_t *p);

#endif
