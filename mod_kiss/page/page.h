/* SPDX-License-Identifier: Apache-2.0 */
/**
 * page - answers endpoints that return a page of rows or a single record, by their tables; contains nothing about any
 * single endpoint.
 */
#ifndef KISS_PAGE_H
#define KISS_PAGE_H

#include "core/kiss.h"

/**
 * Answers an endpoint with KISS_RUN_PAGE or KISS_RUN_RECORD: parameters, ETag, one query, the envelope with `Data`. The
 * database connection is released before the first byte is sent.
 *
 * @param status receives what the handler returns when the result is NULL
 * @return NULL when the answer was sent, or the error
 */
const kiss_error *kiss_page_run(kiss_req *k, int *status);

#endif
