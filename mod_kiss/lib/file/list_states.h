/* SPDX-License-Identifier: Apache-2.0 */
/**
 * list_states - the earlier versions of a list: a small file for each list and terms, with the ETag of each version and
 * the revisions that it was built from. It finds the cached list that a new one can be built from, and the revisions of
 * an ETag whose list is not cached any more.
 *
 * It is only a hint: its reader compares the ETag with the digest of the revisions, and the log of changes decides. So
 * a line that is lost, truncated or altered only costs a complete build. Thread-safe, also between processes.
 */
#ifndef KISS_LIST_STATES_H
#define KISS_LIST_STATES_H

#include <apr_file_io.h>
#include <apr_tables.h>

/** Suffix of such a file in the folder of cached lists (lib/file/cache_file.h). */
#define KISS_STATES_SUFFIX ".states"

/** Maximum of revisions of a version. */
#define KISS_STATES_REVISIONS 8

/** A version of a list. */
typedef struct {
    const char *tag;                                /**< its ETag */
    int count;                                      /**< number of revisions */
    const char *revision[KISS_STATES_REVISIONS];    /**< numbers as text, in an order that the writer knows */
} kiss_list_state;

/**
 * Reads the versions of a list: an array of kiss_list_state in `p`, the newest last; invalid lines are left out.
 *
 * @return APR_SUCCESS, also where there is no file; the error of reading it
 */
apr_status_t kiss_states_read(apr_array_header_t **states, const char *path, apr_pool_t *p);

/** Adds a version. The older half of a long file is removed. @return APR_SUCCESS, or the error of writing */
apr_status_t kiss_states_add(const char *path, const kiss_list_state *state, apr_pool_t *p);

#endif
