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
#include <apr_tables.h>
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
    apr_off_t cut;              /**< bytes before the piece that is being written (kiss_spool_cut()) */
    apr_uint32_t checksum;      /**< CRC-32 of these */
    apr_uint32_t piece;         /**< CRC-32 of the piece, without those bytes in the buffer that were not looked at yet */
    int summed;                 /**< bytes in the buffer that were */
    apr_array_header_t *chunks; /**< of kiss_chunk: of what it consists (lib/file/chunk_index.h); or NULL */
    int told;                   /**< of how many of them `growing` was told: of those that are written */
    apr_off_t told_end;         /**< where these end */
    kiss_progress *progress;      /**< is told what can be read of the file, and its chunks; or NULL */
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

/**
 * Ends a piece of a linkable spool; another one begins.
 *
 * @param at  how much of the buffer belongs to it; no less than at the last call, unless the buffer was written since
 * @param len receives its bytes
 * @return their CRC-32
 */
apr_uint32_t kiss_spool_cut(kiss_spool *spool, int at, apr_off_t *len);

/** Appends a piece whose CRC-32 is known, to a linkable spool of which all was cut off. */
apr_status_t kiss_spool_copy(kiss_spool *spool, const char *data, apr_size_t len, apr_uint32_t checksum);

/** CRC-32 of all that was written to the file of a linkable spool. */
apr_uint32_t kiss_spool_checksum(const kiss_spool *spool);

/** Writes the buffer to the file if it is large enough to be worth it. To be called after each row. */
apr_status_t kiss_spool_flush(kiss_spool *spool, int all);

#endif
