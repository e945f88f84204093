/* SPDX-License-Identifier: Apache-2.0 */
/**
 * notify_state - the revisions that lists depend on, as they are, and as each target knows them. Single-threaded.
 *
 * The file has a line for each target: its URL, then the revisions. It is replaced whole, and locked while a run lasts.
 */
#ifndef NOTIFY_STATE_H
#define NOTIFY_STATE_H

#include <apr_file_io.h>
#include <apr_hash.h>

#include "ctl.h"

/** Datasets whose revisions decide on ETags, for all scopes together. */
#define NOTIFY_DATASETS 6

/** The highest revision of each; 0: there is none. */
typedef struct {
    apr_uint64_t n[NOTIFY_DATASETS];
} notify_revisions;

/** What the targets know. */
typedef struct {
    const char *path;
    apr_hash_t *known;                  /**< URL to notify_revisions */
    apr_file_t *lock;
} notify_state;

/** The revisions in the database, in one statement. @return CTL_OK or CTL_FAILED */
int notify_state_now(ctl *c, notify_revisions *now);

/** The lists whose ETags have changed for some customer, as the members of a JSON array; NULL when there are none. */
const char *notify_state_changed(ctl *c, const notify_revisions *now, const notify_revisions *before);

/** Locks and reads the file; one that is not there is empty. @return CTL_OK, or CTL_FAILED after a message */
int notify_state_open(ctl *c, notify_state *state, const char *path);

/** Writes the file. @return as above */
int notify_state_save(ctl *c, const notify_state *state);

#endif
