/* SPDX-License-Identifier: Apache-2.0 */
/** write_repeat - requests of admin clients that are repeated with the same Idempotency-Key. */
#ifndef KISS_WRITE_REPEAT_H
#define KISS_WRITE_REPEAT_H

#include "db/db.h"

/** Digest of a request: method, path and body. Hexadecimal, in k->pool. */
const char *kiss_write_repeat_hash(const kiss_req *k, const char *body, apr_size_t len);

/**
 * Finds an earlier request of the same client with this key, inside the transaction.
 *
 * @param status receives that of its answer; 0 when there was none; -1 when it was another request
 * @param key    NULL: there is none
 */
kiss_db_status kiss_write_repeat_find(int *status, kiss_db_conn *conn, const char *key, const char *hash);

/** Notes that the request was done, in its transaction; forgets some of those that are older than a week. */
kiss_db_status kiss_write_repeat_note(kiss_db_conn *conn, const char *key, const char *hash, int status);

#endif
