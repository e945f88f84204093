/* SPDX-License-Identifier: Apache-2.0 */
/**
 * db_revision - the revision of a database: a text that is equal while nothing in the database has changed, made of
 * sum, maximum and number of the revisions of its datasets. These only grow; after a restore they are lower, and the
 * next one is higher than all before.
 *
 * Requests that wait at the same time share one read that starts after each of them has arrived: a request sees all
 * that was committed before it came, and under load it costs a fraction of a query instead of a whole one. Where
 * each connection has a thread of its own, two reads may be in progress, so that a request rarely waits for two of them.
 */
#ifndef KISS_DB_REVISION_H
#define KISS_DB_REVISION_H

#include "core/config.h"
#include "db/db.h"

/** What else is done for the requests that wait for a read, by the thread that reads. */
typedef void kiss_db_revision_also(kiss_req *k);

/**
 * From now on each read that requests share calls `before` its query is sent, and `after` it was answered or has failed,
 * before they go on: so another round trip that they need takes no time of its own, and nobody waits twice. In child_init.
 */
void kiss_db_revision_do_also(kiss_db_revision_also *before, kiss_db_revision_also *after);

/**
 * Creates what the requests of a child share about one database (k->revision), in `p`, which must live as long as the
 * child.
 */
apr_status_t kiss_db_revision_create(kiss_db_revision **revision, const kiss_database_conf *database, apr_pool_t *p);

/**
 * Reads the revision by a query that starts after this call, of this request or another one; or, where KissFreshness
 * allows it, uses the result of an earlier query that is not older. With k->stop, or without k->revision, the read is
 * not shared. Where the rows of the answer were read with their revision (k->postponed.text), that is used.
 *
 * @param text receives it, in k->pool
 */
kiss_db_status kiss_db_revision_read(const char **text, kiss_req *k);

/**
 * Postpones kiss_db_revision_read() until the rows of the answer were read; then it, or kiss_db_revision_cancel(), must be
 * called. While few requests do so, the query that reads the rows reads the revision, too (k->postponed.with_rows is set,
 * and whoever reads them sets k->postponed.text); else a query that starts after that of the rows, and that other requests
 * share.
 *
 * @return 0 when it is not postponed: KissFreshness allows a revision that was read already, or the read is not shared
 */
int kiss_db_revision_postpone(kiss_req *k);

/**
 * Records that a request is answered with what was read before, because the database is away (KissServeStale). That this
 * begins is logged, at most once a minute for each database, and that it ends is logged with the next read.
 */
void kiss_db_revision_note_stale(const kiss_req *k);

/** Ends a postponement without a read, because the database has failed. */
void kiss_db_revision_cancel(kiss_req *k);

#endif
