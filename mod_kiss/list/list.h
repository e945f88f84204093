/* SPDX-License-Identifier: Apache-2.0 */
/**
 * list - answers a list endpoint: conditional request; the list as it was kept, or a consistent read into a file that
 * is kept; send. Knows no single endpoint.
 */
#ifndef KISS_LIST_H
#define KISS_LIST_H

#include "core/kiss.h"

/**
 * Answers an endpoint with KISS_RUN_LIST. The database connection goes back before the first byte leaves.
 *
 * @param status receives what the handler returns when the result is NULL
 * @return NULL when the answer was sent, or the error
 */
const kiss_error *kiss_list_run(kiss_req *k, int *status);

#endif
