/* SPDX-License-Identifier: Apache-2.0 */
/** db_types - what the units of the database have in common: what they hand out, and what can come of asking it. */
#ifndef KISS_DB_TYPES_H
#define KISS_DB_TYPES_H

#include "core/kiss.h"

/** One connection; the statements that it prepared stay with it. */
typedef struct kiss_db_conn kiss_db_conn;

/** Bytes of the digest that kiss_db_origin() gives, and the characters that it has. */
#define KISS_DB_ORIGIN_BYTES 12
#define KISS_DB_ORIGIN       16

/** Outcome of whatever asks the database. */
typedef enum {
    KISS_DB_OK = 0,
    KISS_DB_BUSY,           /**< no connection became free within the configured wait, or the server is at a limit */
    KISS_DB_AWAY,           /**< the server cannot be reached, hangs, cannot serve, or ended the connection */
    KISS_DB_REFUSED,        /**< the connection is not as it must be: schema version, character set, timeouts */
    KISS_DB_AGAIN,          /**< a deadlock, or a key that another transaction has just taken: roll back, do it again */
    KISS_DB_FAILED          /**< a statement failed, or a caller's function did; it is in the log */
} kiss_db_status;

#endif
