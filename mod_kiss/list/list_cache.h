/* SPDX-License-Identifier: Apache-2.0 */
/**
 * list_cache - whole answers kept as files below KissCacheDir, named by kiss_list_variant_name(): after the place of the
 * database and the ETag that says what they hold. Customers with equal terms share them, processes too. `tag` here is
 * that whole name.
 *
 * The compressed form of an answer is a snapshot of its own, with its own tag.
 *
 * A file appears whole, and says itself what it is, with length and checksum (lib/file/cache_file.h): what is truncated, altered,
 * foreign or under another's name is never sent. Who builds one holds a lock that the kernel takes back when its process
 * dies. worker/cache_manager.h removes what is not used.
 */
#ifndef KISS_LIST_CACHE_H
#define KISS_LIST_CACHE_H

#include <apr_file_info.h>
#include <apr_time.h>

#include "core/kiss.h"
#include "lib/file/cache_file.h"
#include "lib/file/spool.h"

/**
 * Works out what stands behind the ETag of compressed lists. In post_config; until then no list is compressed.
 *
 * @return APR_SUCCESS, or APR_ENOMEM
 */
apr_status_t kiss_list_variant_prepare(apr_pool_t *p);

/** A form of a list. */
typedef struct {
    const char *base;           /**< NULL, or the ETag of the state since which the changes are wanted (lib/file/delta.h) */
    int gzip;                   /**< compressed */
} kiss_list_variant;

/** What stands behind the list's ETag in this form: "" for all that is not compressed. */
const char *kiss_list_variant_coding(const kiss_list_variant *variant);

/**
 * The name of a form of the list with this ETag, under which it is kept (kiss_cache_file_name()). In `p`.
 *
 * What a kept list depends on, all of it: where its database is (kiss_db_origin()), because a copy of a database has the same
 * ETags until the first change, and both may have one KissCacheDir; what the ETag is a digest of (kiss_caller_etag()): API
 * and profile, endpoint, terms, revisions, the form of the rows; the ETag of the base, of which the same holds; the coding,
 * and with it what compressed bytes depend on beside their content (kiss_gzip_digest()).
 */
const char *kiss_list_variant_name(const kiss_list_variant *variant, const kiss_req *k, const char *tag, apr_pool_t *p);

/** A snapshot that is open. */
typedef struct {
    apr_file_t *file;           /**< open for reading */
    apr_off_t size;             /**< bytes of the answer; the file has some more behind them */
    apr_finfo_t info;           /**< of the file: it is sound as long as inode, device, size and mtime are these */
} kiss_list_cache_entry;

/** The directory of the snapshots below `dir`. */
const char *kiss_list_cache_dir(const char *dir, apr_pool_t *p);

/** Makes what a child process remembers of the files that it has checked. In child_init. */
apr_status_t kiss_list_cache_attach(apr_pool_t *pchild);

/**
 * Opens the snapshot with this tag, and notes that it is used. The first time a child sees a file it reads it whole and
 * compares the checksum.
 *
 * @param snapshot receives it; it is closed with `p`
 * @return APR_SUCCESS; APR_ENOENT when there is none, or one of an older version of mod_kiss, which was removed; APR_EMISMATCH
 *         when what was there is damaged or no snapshot: it was removed; else why it cannot be used
 */
apr_status_t kiss_list_cache_open(kiss_list_cache_entry *entry, const char *dir, const char *tag, apr_pool_t *p);

/** Reads the index of an open snapshot: an array of kiss_chunk (lib/file/chunk_index.h) in `p`, empty where it has none. */
apr_status_t kiss_list_cache_chunks(apr_array_header_t **chunks, const kiss_list_cache_entry *entry, apr_pool_t *p);

/** 1 when there is a file for this tag; it may be damaged. */
int kiss_list_cache_exists(const char *dir, const char *tag, apr_pool_t *p);

/**
 * Notes that an open snapshot is used, at most once a minute: in the file's time of access, which it does not leave to the
 * file system (noatime).
 *
 * @param noted belongs to whoever keeps the file open, and is 0 at first
 */
void kiss_list_cache_use(apr_file_t *file, apr_time_t *noted);

/** Logs what is wrong with the result of kiss_list_cache_open(), if anything. @return 1 when there is a snapshot */
int kiss_list_cache_is_sound(apr_status_t opened, const kiss_req *k, const char *tag);

/**
 * Takes the right to build the snapshot with this tag, among all threads and processes that share `dir`; waits for it at
 * most `wait`. It is given back with `p`, or when the process dies.
 *
 * @return APR_SUCCESS, APR_TIMEUP, or why the lock cannot be used
 */
apr_status_t kiss_list_cache_lock(const char *dir, const char *tag, apr_interval_time_t wait, apr_pool_t *p);

/** Makes a spool that can become a snapshot. */
apr_status_t kiss_list_cache_begin(kiss_spool **spool, const char *dir, apr_pool_t *p);

/**
 * Makes a spool the snapshot with the label's tag. The spool can still be sent, also when this fails: then there is only no
 * snapshot, unless spool->buffer is not empty.
 */
apr_status_t kiss_list_cache_publish(kiss_spool *spool, const char *dir, const kiss_cache_file_label *label, apr_pool_t *p);

#endif
