/* SPDX-License-Identifier: Apache-2.0 */
/**
 * ctl_file - small files, read and made whole.
 */
#ifndef CTL_FILE_H
#define CTL_FILE_H

#include <apr_file_io.h>

/**
 * Opens a regular file for reading, in a folder that may belong to another user: neither waits for somebody who writes to
 * a pipe, nor follows a symbolic link of that user to a file of a third one, as httpd's SymLinksIfOwnerMatch. Links of
 * root and of the caller are followed.
 *
 * @param file receives the file; closed by `p`
 * @return APR_SUCCESS, EINVAL when it is not a regular file, ELOOP when it is such a link, or another failure
 */
apr_status_t ctl_file_open(apr_file_t **file, const char *path, apr_pool_t *p);

/** What a failure of ctl_file_open() is, as the end of a sentence; in `p`. */
const char *ctl_file_failure(apr_status_t rv, apr_pool_t *p);

/**
 * Reads a file, opened by ctl_file_open(), of at most `most` bytes.
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
