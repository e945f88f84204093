/* SPDX-License-Identifier: Apache-2.0 */
/**
 * list - answers list endpoints, by their tables: preconditions; the list from the cache, or a consistent read into a
 * file that is cached; sending.
 */
#ifndef KISS_LIST_H
#define KISS_LIST_H

#include "core/kiss.h"

/**
 * Answers an endpoint with KISS_RUN_LIST. No database connection is held while the request sends.
 *
 * @param status receives what the handler returns when the result is NULL
 * @return NULL when the answer was sent, or the error
 */
const kiss_error *kiss_list_run(kiss_req *k, int *status);

#endif
