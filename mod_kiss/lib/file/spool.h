/* SPDX-License-Identifier: Apache-2.0 */
/**
 * spool - temporary files in which an answer is built. No request knows more than a few buffers of memory of its
 * own, whatever the answer's size.
 *
 * A spool file has no name: it is gone with its last user, a killed child included. Unless it is to become a snapshot.
 */
#ifndef KISS_SPOOL_H
#define KISS_SPOOL_H

#include <apr_file_io.h>
#include <json-c/printbuf.h>

#include "lib/file/progress.h"

/** How the name of a file begins that is being written and has one. */
#define KISS_SPOOL_PREFIX "spool."

/** A file being written through a buffer. */
typedef struct {
    apr_file_t *file;           /**< open for reading and writing; NULL until something is written to it */
    apr_off_t size;             /**< bytes written so far, without those in the buffer */
    struct printbuf *buffer;    /**< what is appended goes here */
    const char *dir;            /**< where the file is made */
    const char *name;           /**< the file's name, while it has one */
    int linkable;               /**< the file can be given a name, and a checksum is kept */
    apr_uint32_t checksum;      /**< CRC-32 of what was written */
    kiss_progress *progress;      /**< is told what can be read of the file; or NULL */
    apr_pool_t *pool;           /**< owns it */
} kiss_spool;

/** Makes an empty spool in directory `dir`; it and its file are closed with `p`. What fits its buffer makes no file. */
apr_status_t kiss_spool_create(kiss_spool **spool, const char *dir, apr_pool_t *p);

/**
 * The same with a file that kiss_spool_link() can give a name. Where the file system knows no such files it has one from
 * the beginning, starting with KISS_SPOOL_PREFIX; it is removed with `p`, but left behind by a process that is killed.
 */
apr_status_t kiss_spool_create_linkable(kiss_spool **spool, const char *dir, apr_pool_t *p);

/** Gives the file a name, under which it outlives the spool. It appears whole. A file that has the name already stays. */
apr_status_t kiss_spool_link(kiss_spool *spool, const char *path);

/** Appends what may be long, without a detour through the buffer. */
apr_status_t kiss_spool_write(kiss_spool *spool, const char *data, apr_size_t len);

/** Writes the buffer to the file if it is large enough to be worth it. To be called after each row. */
apr_status_t kiss_spool_flush(kiss_spool *spool, int all);

#endif
