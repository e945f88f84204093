/* SPDX-License-Identifier: Apache-2.0 */
/** write_bulk - many rows of an admin client in one request and one transaction: all of them, or none. */
#ifndef KISS_WRITE_BULK_H
#define KISS_WRITE_BULK_H

#include "core/kiss.h"

/** Writes the rows of a body: a JSON array, or an object a line (NDJSON). @return NULL; 400, 408, 413, 500, 503 */
const kiss_error *kiss_write_bulk_run(kiss_req *k, int *status);

#endif
