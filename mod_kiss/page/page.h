/* SPDX-License-Identifier: Apache-2.0 */
/** page - answers an endpoint that is read by pages, or a single record. Knows no single endpoint. */
#ifndef KISS_PAGE_H
#define KISS_PAGE_H

#include "core/kiss.h"

/**
 * Answers an endpoint with KISS_RUN_PAGE or KISS_RUN_RECORD: parameters, ETag, one query, the envelope with `Data`. The
 * database connection goes back before the first byte leaves.
 *
 * @param status receives what the handler returns when the result is NULL
 * @return NULL when the answer was sent, or the error
 */
const kiss_error *kiss_page_run(kiss_req *k, int *status);

#endif
