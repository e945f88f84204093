/* SPDX-License-Identifier: Apache-2.0 */
/**
 * cache_file - the files of kept answers: their form, and the folder that they are in. Known to the module and to kissctl.
 *
 * A file is the answer's bytes, then a label that says for people what it is, then the index of its chunks (lib/file/chunk_index.h),
 * then a trailer with the lengths of all three and a checksum over them. It holds no time. Thread-safe, as far as its arguments are.
 */
#ifndef KISS_CACHE_FILE_H
#define KISS_CACHE_FILE_H

#include <apr_file_info.h>
#include <apr_file_io.h>
#include <apr_tables.h>

#include "lib/base/etag.h"
#include "lib/file/chunk_index.h"

/** The folder of snapshots below KissCacheDir. */
#define KISS_CACHE_FILE_FOLDER "snapshots"

/** How names of files end; the name of the snapshot stands before it (kiss_cache_file_name()). */
#define KISS_CACHE_FILE_SUFFIX ".json"

/** Characters of the digest that says where a database is. */
#define KISS_CACHE_FILE_ORIGIN 16

/** Most characters of a snapshot's name. */
#define KISS_CACHE_FILE_NAME (KISS_CACHE_FILE_ORIGIN + 1 + KISS_ETAG_LEN + 1 + KISS_ETAG_LEN \
                            + sizeof(KISS_ETAG_GZIP) - 1 + KISS_ETAG_DIGEST)

/** What a snapshot is. "" where it does not depend on something. */
typedef struct {
    const char *tag;                /**< place of the database, ETag: the file's name */
    const char *cache_key;              /**< digest of what it depends on beside the data: answers with the same one are of one list */
    const char *endpoint;           /**< name of the endpoint */
    const char *location;           /**< path of the <Location> */
    const char *coding;             /**< "identity" or "gzip" */
    const char *price_list;         /**< the price list's code */
    const char *discount;           /**< percentage */
    const char *warehouse;          /**< the warehouse's code */
    const char *customer;           /**< for whom it was built; customers with equal terms share it */
} kiss_cache_file_label;

/** A file whose trailer was read. */
typedef struct {
    apr_off_t size;                 /**< bytes of the answer */
    apr_size_t label;               /**< bytes of the label */
    apr_size_t chunks;              /**< how many there are in the index */
    apr_off_t checked;              /**< bytes of answer, label and index */
    apr_uint32_t checksum;          /**< CRC-32 of these */
} kiss_cache_file;

/** A file in the folder. */
typedef struct {
    const char *name;               /**< without the folder */
    apr_off_t size;                 /**< bytes of all of the file */
    apr_time_t built;               /**< when it was written */
    apr_time_t used;                /**< when it was last used, or written */
    int is_entry;                /**< 0: something that is being built, a lock, or not ours */
} kiss_cache_file_entry;

/**
 * The name of a snapshot: PLACE@TAG, PLACE@TAG-gzipDIGEST, PLACE@TAG.BASE or PLACE@TAG.BASE-gzipDIGEST. In `p`.
 *
 * @param place  where the database is
 * @param tag    ETag of the list
 * @param base   NULL, or the ETag of the list that this one is told from
 * @param coding "", or what stands behind the ETag of what is compressed
 */
const char *kiss_cache_file_name(const char *origin, const char *tag, const char *base, const char *coding, apr_pool_t *p);

/** What people know a file by: its name without place and suffix, in `p`. */
const char *kiss_cache_file_shown(const char *file, apr_pool_t *p);

/**
 * Puts label, index and trailer behind an answer.
 *
 * @param file     open for writing, at its end
 * @param size     bytes of the answer
 * @param checksum CRC-32 of the answer
 * @param chunks   of kiss_chunk: of what it consists; NULL where that is not known
 */
apr_status_t kiss_cache_file_finish(apr_file_t *file, apr_off_t size, apr_uint32_t checksum, const kiss_cache_file_label *label,
                                  const apr_array_header_t *chunks, apr_pool_t *p);

/**
 * Reads the trailer of an open file.
 *
 * @param whole bytes of all of the file
 * @return APR_SUCCESS; APR_EMISMATCH when it has none that fits; APR_ENOENT when an older version of mod_kiss made it
 */
apr_status_t kiss_cache_file_read(kiss_cache_file *f, apr_file_t *file, apr_off_t whole);

/**
 * Reads all of the file and compares its checksum.
 *
 * @param label receives what the file is, in `p`
 * @return APR_SUCCESS, APR_EMISMATCH, or why it cannot be read
 */
apr_status_t kiss_cache_file_verify(kiss_cache_file_label *label, const kiss_cache_file *f, apr_file_t *file, apr_pool_t *p);

/** Reads the label alone: what it says is only known to be true after kiss_cache_file_verify(). */
apr_status_t kiss_cache_file_label_read(kiss_cache_file_label *label, const kiss_cache_file *f, apr_file_t *file, apr_pool_t *p);

/**
 * Reads the index: an array of kiss_chunk in `p`, empty where the file has none. What it says is only known to be true after
 * kiss_cache_file_verify().
 *
 * @return APR_SUCCESS, APR_EMISMATCH, or why it cannot be read
 */
apr_status_t kiss_cache_file_chunks_read(apr_array_header_t **chunks, const kiss_cache_file *f, apr_file_t *file, apr_pool_t *p);

/**
 * Opens the folder in a KissCacheDir, for root too: a symbolic link of another user is not followed (lib/base/directory.h).
 *
 * @return APR_SUCCESS; ELOOP or ENOTDIR when there is such a link, or no directory; else why not
 */
apr_status_t kiss_cache_file_open_folder(int *fd, const char *cache_dir, apr_pool_t *p);

/**
 * Lists the files of a folder: an array of kiss_cache_file_entry in `p`. Nothing below it, and no links.
 *
 * @param folder descriptor of the open directory; what is done with an entry goes by it, too: openat(), unlinkat()
 */
apr_status_t kiss_cache_file_scan(apr_array_header_t **entries, int folder, apr_pool_t *p);

/** Sorts the longest unused to the front. */
void kiss_cache_file_sort(apr_array_header_t *entries);

#endif
