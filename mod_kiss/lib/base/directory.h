/* SPDX-License-Identifier: Apache-2.0 */
/**
 * directory - opens and creates directories safely as root where other users own some of them.
 *
 * The owner of a directory can change what a name in it refers to at any moment: when root uses the name again, it may
 * be a symbolic link. So a path is walked from one open directory to the next, a link is followed only where it belongs
 * to root or to the user of this process, a directory is created only where no other user owns any part of the path,
 * and only a directory just created is given to another owner, by its descriptor. Thread-safe.
 */
#ifndef KISS_DIRECTORY_H
#define KISS_DIRECTORY_H

#include <apr_errno.h>
#include <apr_pools.h>

#include <sys/types.h>

/**
 * Opens a directory for reading its names and for *at() calls.
 *
 * @param fd receives the descriptor, closed by exec; the caller closes it
 * @return APR_SUCCESS; ELOOP when a part of the path is a symbolic link of another user; ENOTDIR; ENOENT; else the
 *         error of the system
 */
apr_status_t kiss_directory_open(int *fd, const char *path, apr_pool_t *p);

/**
 * Makes sure that a directory exists that `uid` owns and nobody else can write to. What is missing is created; the
 * owner and the mode of what exists are never changed.
 *
 * @param uid  who must own it; while this process is not root's, that is its own user
 * @param user name of that user, for the text
 * @return NULL, or a sentence in `p` that states what is wrong and who can repair it
 */
const char *kiss_directory_prepare(const char *path, uid_t uid, gid_t gid, const char *user, apr_pool_t *p);

#endif
