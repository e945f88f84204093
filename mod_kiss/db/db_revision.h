/* SPDX-License-Identifier: Apache-2.0 */
/**
 * db_revision - the state of a database, as one text that is equal while nothing in it has changed: sum, greatest and number of
 * its revisions. They only grow; after a restore they are below what they were, and the next one is beyond all that were given.
 *
 * Requests that wait at the same time share one read, as long as it begins after each of them has arrived: whatever was
 * committed before a request came is seen by it, and under load the read costs a share of a query instead of one.
 */
#ifndef KISS_DB_REVISION_H
#define KISS_DB_REVISION_H

#include "db/db.h"

/** Makes what the requests of a child share about one database (k->state), in `p`, which must live as long as the child. */
apr_status_t kiss_db_revision_create(kiss_db_revision **state, apr_pool_t *p);

/**
 * Reads the state by a query that begins after this call, by this request or another one; or, where KissFreshness allows
 * it, takes that of a query that began not longer ago. With k->stop, or without k->state, the read is not shared.
 *
 * @param text receives it, in k->pool
 */
kiss_db_status kiss_db_revision_read(const char **text, kiss_req *k);

#endif
