/* SPDX-License-Identifier: Apache-2.0 */
/** allocate - takes a request to allocate a part of a payment to an invoice: the one write of the KSS API. */
#ifndef KISS_ALLOCATE_H
#define KISS_ALLOCATE_H

#include "core/kiss.h"

/**
 * Answers an endpoint with KISS_RUN_ALLOCATE: parameters from the query, a form or a JSON body; one transaction in which the
 * payment is locked, so that parallel requests never take more than its available balance; 201 with the request.
 *
 * With the header Idempotency-Key the same request again gets the same answer, and is not made twice; when what it made
 * is gone (its payment left the database), that is said by a 400.
 *
 * @param status receives what the handler returns when the result is NULL
 * @return NULL when the answer was sent, or the error
 */
const kiss_error *kiss_allocate_run(kiss_req *k, int *status);

#endif
