/* SPDX-License-Identifier: Apache-2.0 */
/** db_types - types that the units of the database share: connections and the status of each call. */
#ifndef KISS_DB_TYPES_H
#define KISS_DB_TYPES_H

#include "core/kiss.h"

/** A connection with its prepared statements. */
typedef struct kiss_db_conn kiss_db_conn;

/** Bytes of the digest of kiss_db_origin(), and its characters. */
#define KISS_DB_ORIGIN_BYTES 12
#define KISS_DB_ORIGIN       16

/** Status of all calls of the database. */
typedef enum {
    KISS_DB_OK = 0,
    KISS_DB_BUSY,           /**< no connection became free within the configured wait, or the server is at a limit */
    KISS_DB_AWAY,           /**< the server cannot be reached, hangs, cannot serve, or ended the connection */
    KISS_DB_REFUSED,        /**< the connection does not meet the requirements: schema version, character set, timeouts */
    KISS_DB_AGAIN,          /**< a deadlock, or a key that another transaction has just inserted: roll back and retry */
    KISS_DB_FAILED          /**< a statement or a caller's function failed; it is logged */
} kiss_db_status;

#endif
