/* SPDX-License-Identifier: Apache-2.0 */
/**
 * list_states - which states a list has had: a small file for each list and terms, with the ETag of each state and the revisions that
 * it was built from. It finds the kept list that a new one can be made of, and what an ETag stands for when its list is kept no more.
 *
 * It only advises: who reads it compares the ETag with the digest of the revisions, and the log of changes decides. So a line that
 * is lost, cut short or altered costs a whole build. Thread-safe, also between processes.
 */
#ifndef KISS_LIST_STATES_H
#define KISS_LIST_STATES_H

#include <apr_file_io.h>
#include <apr_tables.h>

/** How the name of such a file ends, in the folder of kept lists (lib/file/cache_file.h). */
#define KISS_STATES_SUFFIX ".states"

/** Most revisions of a state. */
#define KISS_STATES_REVISIONS 8

/** A state of a list. */
typedef struct {
    const char *tag;                                /**< its ETag */
    int count;                                      /**< of revisions */
    const char *revision[KISS_STATES_REVISIONS];    /**< numbers as text, in an order that the writer knows */
} kiss_list_state;

/**
 * Reads the states of a list: an array of kiss_list_state in `p`, the newest last; lines that are none are left out.
 *
 * @return APR_SUCCESS, also where there is no file; why it cannot be read
 */
apr_status_t kiss_states_read(apr_array_header_t **states, const char *path, apr_pool_t *p);

/** Adds a state. A file that has grown long forgets its older half. @return APR_SUCCESS, or why it cannot be written */
apr_status_t kiss_states_add(const char *path, const kiss_list_state *state, apr_pool_t *p);

#endif
