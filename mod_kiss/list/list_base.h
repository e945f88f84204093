/* SPDX-License-Identifier: Apache-2.0 */
/**
 * list_base - what a list can be derived from instead of being read completely: an earlier version of it that is cached,
 * and the SKUs that have changed since, by the database's log of changes.
 *
 * A base must be in the chain of the log: each change names the revision before it, and the chain that leads back from the
 * current revisions passes those of the base. Smaller numbers are not enough: a restore may have ended the history that
 * they belong to. If the log has a gap, or does not name the SKU of a change, the list is read completely.
 */
#ifndef KISS_LIST_BASE_H
#define KISS_LIST_BASE_H

#include "db/db.h"
#include "lib/file/chunk_writer.h"
#include "list/list_cache_map.h"

/** Maximum of changes in one dataset, which are kept in memory, about 100 bytes each. */
#define KISS_BASE_CHANGES 8192

/** An earlier version of a list. */
typedef struct {
    const char *tag;                /**< its ETag; NULL: there is none that can be used */
    kiss_chunked list;              /**< its text, and its chunks */
    apr_file_t *file;               /**< the file that the new version may refer to */
    const char *file_tag;           /**< the name of that file as a cache entry */
    apr_off_t own;                  /**< bytes of the text that are in another file than that */
    apr_array_header_t *skus;       /**< of kiss_value, each NUL-terminated: the SKUs that have changed since, in order,
                                         unique */
    const unsigned *data;           /**< for each of them, the KISS_DATA_ sets in which it has changed */
    const char *why;                /**< without a base: the reason, for the log */
    kiss_list_cache_map *map;       /**< its text's memory */
} kiss_base;

/**
 * Finds the newest cached version of k->endpoint's list with the caller's terms in the chain of the log.
 *
 * @param base   receives it, in `p`; its files are open as long as k->pool is
 * @param conn   in the transaction in which `caller` was read, with a consistent snapshot
 * @param caller with the current revisions
 */
kiss_db_status kiss_base_find(kiss_base *base, kiss_db_conn *conn, const kiss_req *k, const kiss_caller *caller,
                              apr_pool_t *p);

/** 1 when this is the ETag of a recorded version of k->endpoint's list for k->caller; it may not be cached any more. */
int kiss_base_is_version(const kiss_req *k, const char *tag);

/**
 * Finds the SKUs that have changed between a version of k->endpoint's list and the one with k->caller's revisions. Takes a
 * connection.
 *
 * @param tag ETag of the version
 * @param why receives the reason when they are unknown, for the log
 * @return of kiss_value, in order, unique, in k->pool; NULL when they are unknown
 */
const apr_array_header_t *kiss_base_changes(kiss_req *k, const char *tag, const char **why);

/**
 * The recorded versions of k->endpoint's list for k->caller, the newest last: an array of kiss_list_state in k->pool.
 * They may not be cached any more.
 */
const apr_array_header_t *kiss_base_versions(const kiss_req *k);

/** The tag of the version that was recorded last, in `p`; "" without one. For kiss_base_newer(). */
const char *kiss_base_last(const kiss_req *k, apr_pool_t *p);

/**
 * The versions of k->endpoint's list for k->caller that were recorded after one, and none of whose revisions is older than
 * k->caller's: who asked for these may be given any of them. They may not be cached any more.
 *
 * @param last as returned by kiss_base_last(). Versions that were recorded before are left out, even with larger numbers: a
 *             restore may have ended the history that they belong to
 * @return an array of kiss_list_state in `p`, the newest first
 */
const apr_array_header_t *kiss_base_newer(const kiss_req *k, const char *last, apr_pool_t *p);

/** Records that k->endpoint's list for k->caller is cached under this ETag. A failure only costs a complete read later. */
void kiss_base_record(const kiss_req *k, const char *tag);

#endif
