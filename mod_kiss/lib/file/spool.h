/* SPDX-License-Identifier: Apache-2.0 */
/**
 * spool - temporary files in which an answer is built. A request uses only a few buffers of memory, for answers of any
 * size.
 *
 * A spool file has no name unless it is to become a cache entry: it is removed when its last user ends, even if a child
 * is killed.
 */
#ifndef KISS_SPOOL_H
#define KISS_SPOOL_H

#include <apr_file_io.h>
#include <apr_tables.h>
#include <json-c/printbuf.h>

#include "lib/file/extent.h"
#include "lib/file/progress.h"

/** Prefix of the name of a file that is being written and has a name. */
#define KISS_SPOOL_PREFIX "spool."

/** A file being written through a buffer. */
typedef struct {
    apr_file_t *file;           /**< open for reading and writing; NULL until something is written to it */
    apr_off_t size;             /**< bytes of the answer so far, without those in the buffer */
    struct printbuf *buffer;    /**< receives what is appended */
    const char *dir;            /**< directory of the file */
    const char *name;           /**< the file's name, while it has one */
    int linkable;               /**< 1 when the file can be given a name; then a checksum is computed */
    apr_off_t cut;              /**< bytes before the current piece (kiss_spool_cut()) */
    apr_uint32_t checksum;      /**< CRC-32 of these */
    apr_uint32_t piece;         /**< CRC-32 of the piece, without those bytes in the buffer that were not added yet */
    int summed;                 /**< bytes in the buffer that were added */
    apr_array_header_t *chunks; /**< of kiss_chunk: its chunks (lib/file/chunk_index.h); or NULL */
    apr_array_header_t *extents;    /**< of kiss_extent: where the answer is (kiss_spool_refer()); NULL: in the file */
    apr_off_t own;              /**< with extents: bytes of the file and of the buffer that are among them */
    int noted;                  /**< of these in the buffer */
    apr_uint32_t own_checksum;  /**< CRC-32 of the file, and of the first `summed` bytes of the buffer */
    apr_file_t *base;           /**< the file that these refer to */
    const char *base_name;      /**< its name as a cache entry */
    int published;              /**< number of them that were published to `progress`: those that are written */
    apr_off_t published_end;    /**< where these end */
    kiss_progress *progress;    /**< receives what can be read of the file, and its chunks; or NULL */
    apr_pool_t *pool;           /**< owns it */
} kiss_spool;

/**
 * Creates an empty spool in directory `dir`; it and its file are closed with `p`. There is no file as long as the
 * content fits into the buffer.
 */
apr_status_t kiss_spool_create(kiss_spool **spool, const char *dir, apr_pool_t *p);

/**
 * The same with a file that kiss_spool_link() can give a name. Where the file system does not support that, it has a
 * name from the start, with KISS_SPOOL_PREFIX; it is removed with `p`, but remains when the process is killed.
 */
apr_status_t kiss_spool_create_linkable(kiss_spool **spool, const char *dir, apr_pool_t *p);

/**
 * Gives the file a name, under which it outlives the spool. It appears at once as a complete file. An existing file of
 * that name is not replaced.
 */
apr_status_t kiss_spool_link(kiss_spool *spool, const char *path);

/** Appends data that may be long, without copying it into the buffer. */
apr_status_t kiss_spool_write(kiss_spool *spool, const char *data, apr_size_t len);

/**
 * Ends a piece of a linkable spool and starts another one.
 *
 * @param at  number of bytes in the buffer that belong to it; no less than at the last call, unless the buffer was
 *            written since
 * @param len receives its bytes
 * @return their CRC-32
 */
apr_uint32_t kiss_spool_cut(kiss_spool *spool, int at, apr_off_t *len);

/** Appends a piece whose CRC-32 is known, to a linkable spool whose bytes are all in ended pieces. */
apr_status_t kiss_spool_copy(kiss_spool *spool, const char *data, apr_size_t len, apr_uint32_t checksum);

/** Appends a part of such a piece; after its last part kiss_spool_copied() is to be called. */
apr_status_t kiss_spool_copy_part(kiss_spool *spool, const char *data, apr_size_t len);

/** Ends a piece of `len` bytes whose parts were copied. @param checksum its CRC-32 */
void kiss_spool_copied(kiss_spool *spool, apr_off_t len, apr_uint32_t checksum);

/**
 * Makes a linkable and empty spool one that refers to another file, where kiss_spool_refer() is called. Its progress can
 * only be published when it is complete (kiss_spool_stored()).
 *
 * @param base      open as long as the spool is
 * @param base_name the name of the cache entry
 */
void kiss_spool_refer_to(kiss_spool *spool, apr_file_t *base, const char *base_name);

/** Appends an ended piece: a range of the base. To a spool whose bytes are all in ended pieces. */
void kiss_spool_refer(kiss_spool *spool, apr_off_t offset, apr_size_t len);

/** Appends a range of the base to the current piece. @param data what is there */
void kiss_spool_refer_part(kiss_spool *spool, apr_off_t offset, const char *data, apr_size_t len);

/** Appends an ended piece to a spool that refers to a base: to its own bytes. */
apr_status_t kiss_spool_keep(kiss_spool *spool, const char *data, apr_size_t len);

/** Where the answer is, without what is in the buffer. */
kiss_stored kiss_spool_stored(const kiss_spool *spool);

/** CRC-32 of all that was written to the file of a linkable spool. */
apr_uint32_t kiss_spool_checksum(const kiss_spool *spool);

/** Writes the buffer to the file if it is full enough. To be called after each row. */
apr_status_t kiss_spool_flush(kiss_spool *spool, int all);

#endif
