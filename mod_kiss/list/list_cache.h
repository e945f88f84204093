/* SPDX-License-Identifier: Apache-2.0 */
/**
 * list_cache - the cache of lists: files below KissCacheDir, named by kiss_list_variant_name() after the origin of the
 * database and the ETag that identifies the content. Customers with equal terms share them, and so do processes. `tag`
 * here is that whole name.
 *
 * The compressed variant of a list is a cache entry of its own, with its own tag.
 *
 * A file appears at once as a complete file, and contains a label, its length and a checksum (lib/file/cache_file.h):
 * what is truncated, altered, foreign or renamed is never sent. A job holds a lock that the kernel releases when its
 * process dies. worker/cache_manager.h evicts what is not used.
 */
#ifndef KISS_LIST_CACHE_H
#define KISS_LIST_CACHE_H

#include <apr_file_info.h>
#include <apr_time.h>

#include "core/kiss.h"
#include "lib/file/cache_file.h"
#include "lib/file/spool.h"

/**
 * Computes the suffix of the ETags of compressed lists. In post_config; before that no list is compressed.
 *
 * @return APR_SUCCESS, or APR_ENOMEM
 */
apr_status_t kiss_list_variant_prepare(apr_pool_t *p);

/** A variant of a list. */
typedef struct {
    const char *base;           /**< NULL, or the ETag of the version that the changes start from (lib/file/delta.h) */
    int gzip;                   /**< compressed */
} kiss_list_variant;

/** The suffix of the list's ETag for this variant: "" when it is not compressed. */
const char *kiss_list_variant_coding(const kiss_list_variant *variant);

/**
 * The name of a variant of the list with this ETag, under which it is cached (kiss_cache_file_name()). In `p`.
 *
 * It contains all that a cached list depends on: the origin of its database (kiss_db_origin()), because a copy of a
 * database has the same ETags until the first change, and both may share a KissCacheDir; the ETag, a digest of
 * (kiss_caller_etag()) API and profile, endpoint, terms, revisions, the format of the rows; the ETag of the base,
 * likewise; the coding, and with it a digest of all else that compressed bytes depend on (kiss_gzip_digest()).
 */
const char *kiss_list_variant_name(const kiss_list_variant *variant, const kiss_req *k, const char *tag, apr_pool_t *p);

/**
 * The name of the build lock (kiss_list_cache_lock()) of a variant of k->endpoint's list for k->caller: the same for all its
 * versions, because who has waited can take the one that was built meanwhile. In `p`.
 */
const char *kiss_list_variant_lock(const kiss_list_variant *variant, const kiss_req *k, apr_pool_t *p);

/** An open cache entry. */
typedef struct {
    kiss_stored stored;         /**< the answer; its files are open for reading */
    const char *base;           /**< the tag of the entry that its extents refer to; NULL without extents */
    apr_finfo_t info;           /**< of the file: it is valid as long as inode, device, size and mtime are the same */
    apr_finfo_t base_info;      /**< of the file of the base, likewise */
} kiss_list_cache_entry;

/** The directory of the cache entries below `dir`. */
const char *kiss_list_cache_dir(const char *dir, apr_pool_t *p);

/** Creates the table of checked files of a child process. In child_init. */
apr_status_t kiss_list_cache_attach(apr_pool_t *pchild);

/**
 * Opens the cache entry with this tag, and stores the time of its use. The first time that a child opens a file it
 * reads all of it and compares the checksum.
 *
 * An entry whose extents refer to another one is opened together with that one, and is useless without it.
 *
 * @param entry receives it; it is closed with `p`
 * @return APR_SUCCESS; APR_ENOENT when there is none, or one of an older version of mod_kiss or without its base, which
 *         was removed; APR_EMISMATCH when the file was damaged or no cache entry: it was removed; else the error of
 *         opening it
 */
apr_status_t kiss_list_cache_open(kiss_list_cache_entry *entry, const char *dir, const char *tag, apr_pool_t *p);

/** 1 when a file has the size and time of change that it had when its checksum was verified. */
int kiss_list_cache_is_valid(apr_file_t *file, const apr_finfo_t *valid);

/**
 * 1 when the files of an open entry are valid: what was read from them since they were opened is right. They may have been
 * removed or replaced meanwhile. To be called after the last read, before the result counts.
 */
int kiss_list_cache_is_unaltered(const kiss_list_cache_entry *entry);

/**
 * Reads the chunk index of an open entry: an array of kiss_chunk (lib/file/chunk_index.h) in `p`, empty where it has
 * none.
 */
apr_status_t kiss_list_cache_chunks(apr_array_header_t **chunks, const kiss_list_cache_entry *entry, apr_pool_t *p);

/** 1 when there is a file for this tag; it may be damaged. */
int kiss_list_cache_exists(const char *dir, const char *tag, apr_pool_t *p);

/**
 * Stores the time of use of an open entry, at most once a minute, in the file's time of access, which is set explicitly
 * because of noatime.
 *
 * @param stored the answer; the use of its base is stored, too, as the later one, so that it is not evicted before
 * @param noted  belongs to the owner of the open file, and is 0 initially
 */
void kiss_list_cache_use(const kiss_stored *stored, apr_time_t *noted);

/** Logs errors of kiss_list_cache_open(). @return 1 when there is a valid entry */
int kiss_list_cache_is_sound(apr_status_t opened, const kiss_req *k, const char *tag);

/** Tells whether a wait for a lock is over: called before each pause. @return 1 when it is */
typedef int kiss_list_cache_look(void *baton);

/**
 * Takes the lock of this name (kiss_list_variant_lock()), among all threads and processes that share `dir`; waits for it at
 * most `wait`, in no order. It is released with `p`, or when the process dies.
 *
 * @param look  NULL, or called while another one has it
 * @param baton of `look`
 * @return APR_SUCCESS; APR_TIMEUP; APR_INCOMPLETE when `look` has ended the wait; or the error of the lock
 */
apr_status_t kiss_list_cache_lock(const char *dir, const char *name, apr_interval_time_t wait, kiss_list_cache_look *look,
                                  void *baton, apr_pool_t *p);

/**
 * 1 when a version is to refer to the file of another one instead of containing all bytes: where these are most of it.
 *
 * @param size   its bytes
 * @param own    those that are only in its own file
 * @param pieces number of its extents
 */
int kiss_list_cache_may_refer(const server_rec *s, apr_off_t size, apr_off_t own, int pieces);

/** Creates a spool that can become a cache entry. */
apr_status_t kiss_list_cache_begin(kiss_spool **spool, const char *dir, apr_pool_t *p);

/**
 * Publishes a spool as the cache entry with the label's tag. The spool can still be sent, also when this fails: then it
 * is just not cached, unless spool->buffer is not empty.
 */
apr_status_t kiss_list_cache_publish(kiss_spool *spool, const char *dir, const kiss_cache_file_label *label, apr_pool_t *p);

#endif
