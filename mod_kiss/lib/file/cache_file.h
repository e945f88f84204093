/* SPDX-License-Identifier: Apache-2.0 */
/**
 * cache_file - the files of cached lists: their format, and their folder. Shared by the module and kissctl.
 *
 * A file contains the bytes of the answer, then a label that describes it for people, then the index of its chunks
 * (lib/file/chunk_index.h), then a trailer with the lengths of all three and a checksum over them. It contains no time.
 * Thread-safe as long as a file is used by one thread.
 */
#ifndef KISS_CACHE_FILE_H
#define KISS_CACHE_FILE_H

#include <apr_file_info.h>
#include <apr_file_io.h>
#include <apr_tables.h>

#include "lib/base/etag.h"
#include "lib/file/chunk_index.h"
#include "lib/file/extent.h"

/** The folder of cache entries below KissCacheDir. */
#define KISS_CACHE_FILE_FOLDER "snapshots"

/** Suffix of file names, after the name of the entry (kiss_cache_file_name()). */
#define KISS_CACHE_FILE_SUFFIX ".json"

/** Characters of the digest of a database's origin. */
#define KISS_CACHE_FILE_ORIGIN 16

/** Maximum length of an entry's name. */
#define KISS_CACHE_FILE_NAME (KISS_CACHE_FILE_ORIGIN + 1 + KISS_ETAG_LEN + 1 + KISS_ETAG_LEN \
                            + sizeof(KISS_ETAG_GZIP) - 1 + KISS_ETAG_DIGEST)

/** The label of a cache entry. "" where it does not depend on a term. */
typedef struct {
    const char *tag;                /**< origin of the database, ETag: the file's name */
    const char *cache_key;          /**< digest of all that it depends on except the data: answers with the same key are
                                         revisions of one list */
    const char *endpoint;           /**< name of the endpoint */
    const char *location;           /**< path of the <Location> */
    const char *coding;             /**< "identity" or "gzip" */
    const char *price_list;         /**< the price list's code */
    const char *discount;           /**< percentage */
    const char *warehouse;          /**< the warehouse's code */
    const char *customer;           /**< customer for whom it was built; customers with equal terms share it */
    const char *base;               /**< the name of the entry that its extents refer to; "" or NULL without extents */
} kiss_cache_file_label;

/** A file whose trailer was read. */
typedef struct {
    apr_off_t size;                 /**< bytes of the answer */
    apr_off_t own;                  /**< bytes of the answer that this file starts with: all, unless it has extents */
    apr_size_t extents;             /**< number of extents */
    apr_size_t label;               /**< bytes of the label */
    apr_size_t chunks;              /**< number of chunks in the index */
    apr_off_t checked;              /**< bytes of answer, label, index and extents */
    apr_uint32_t checksum;          /**< CRC-32 of these */
} kiss_cache_file;

/** A file in the folder. */
typedef struct {
    const char *name;               /**< without the folder */
    apr_off_t size;                 /**< bytes of the whole file */
    apr_time_t built;               /**< when it was written */
    apr_time_t used;                /**< when it was last used, or written */
    int is_entry;                   /**< 0: a file that is being built, a lock, or a foreign file */
    int is_record;                  /**< what is recorded about lists (lib/file/list_states.h, lib/file/list_times.h) */
} kiss_cache_file_entry;

/**
 * The name of a cache entry: ORIGIN@TAG, ORIGIN@TAG-gzipDIGEST, ORIGIN@TAG.BASE or ORIGIN@TAG.BASE-gzipDIGEST. In `p`.
 *
 * @param origin origin of the database
 * @param tag    ETag of the list
 * @param base   NULL, or the ETag of the list that the changes start from
 * @param coding "", or the suffix of a compressed variant
 */
const char *kiss_cache_file_name(const char *origin, const char *tag, const char *base, const char *coding, apr_pool_t *p);

/** What the name of a cache entry says. */
typedef struct {
    const char *origin;             /**< the KISS_CACHE_FILE_ORIGIN characters of its database, in the name; NULL in one of
                                         a former version */
    int is_changes;                 /**< 1: changes from another version; 0: a whole list */
    int is_gzip;                    /**< 1: compressed */
} kiss_cache_file_kind;

/** Reads the name of a file that is an entry. */
kiss_cache_file_kind kiss_cache_file_kind_of(const char *name);

/** The name of a file that is shown to people, without origin and suffix, in `p`. */
const char *kiss_cache_file_shown(const char *file, apr_pool_t *p);

/**
 * Appends label, index and trailer to an answer.
 *
 * @param stored   the answer; its file is open for writing, at its end
 * @param checksum CRC-32 of what the file contains
 * @param label    with the name of the base where there are extents
 * @param chunks   of kiss_chunk: its chunks; NULL where they are unknown
 */
apr_status_t kiss_cache_file_finish(const kiss_stored *stored, apr_uint32_t checksum, const kiss_cache_file_label *label,
                                    const apr_array_header_t *chunks, apr_pool_t *p);

/**
 * Reads the trailer of an open file.
 *
 * @param whole bytes of the whole file
 * @return APR_SUCCESS; APR_EMISMATCH when it is missing or invalid; APR_ENOENT when it is of an older version of mod_kiss
 */
apr_status_t kiss_cache_file_read(kiss_cache_file *f, apr_file_t *file, apr_off_t whole);

/**
 * Reads the whole file and compares its checksum.
 *
 * @param label receives the label, in `p`
 * @return APR_SUCCESS, APR_EMISMATCH, or the error of reading
 */
apr_status_t kiss_cache_file_verify(kiss_cache_file_label *label, const kiss_cache_file *f, apr_file_t *file, apr_pool_t *p);

/** Reads the label alone: its content is verified only by kiss_cache_file_verify(). */
apr_status_t kiss_cache_file_label_read(kiss_cache_file_label *label, const kiss_cache_file *f, apr_file_t *file,
                                        apr_pool_t *p);

/**
 * Reads the index: an array of kiss_chunk in `p`, empty where the file has none. Its content is verified only by
 * kiss_cache_file_verify().
 *
 * @return APR_SUCCESS, APR_EMISMATCH, or the error of reading
 */
apr_status_t kiss_cache_file_chunks_read(apr_array_header_t **chunks, const kiss_cache_file *f, apr_file_t *file,
                                         apr_pool_t *p);

/** Reads the extents, likewise: an array of kiss_extent in `p`. Not for a file without extents. */
apr_status_t kiss_cache_file_extents_read(apr_array_header_t **extents, const kiss_cache_file *f, apr_file_t *file,
                                          apr_pool_t *p);

/**
 * Opens the folder in a KissCacheDir, also as root: a symbolic link of another user is not followed
 * (lib/base/directory.h).
 *
 * @return APR_SUCCESS; ELOOP or ENOTDIR when there is such a link, or no directory; else the error of opening
 */
apr_status_t kiss_cache_file_open_folder(int *fd, const char *cache_dir, apr_pool_t *p);

/**
 * Lists the files of a folder: an array of kiss_cache_file_entry in `p`. Without subfolders and links.
 *
 * @param folder descriptor of the open directory; entries are to be used through it, too: openat(), unlinkat()
 */
apr_status_t kiss_cache_file_scan(apr_array_header_t **entries, int folder, apr_pool_t *p);

/** Sorts by the time of use, the least recently used first. */
void kiss_cache_file_sort(apr_array_header_t *entries);

#endif
