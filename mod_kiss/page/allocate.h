/* SPDX-License-Identifier: Apache-2.0 */
/** allocate - the endpoint for requests to allocate a part of a payment to an invoice: the only write of the KSS API. */
#ifndef KISS_ALLOCATE_H
#define KISS_ALLOCATE_H

#include "core/kiss.h"

/**
 * Answers an endpoint with KISS_RUN_ALLOCATE: parameters from the query, a form or a JSON body; one transaction in
 * which the payment is locked, so that concurrent requests never allocate more than its available balance; 201 with the
 * request.
 *
 * With the header Idempotency-Key a repeated request gets the same answer, and is not stored twice; when it has been
 * deleted since (with its payment), the answer is 400.
 *
 * @param status receives what the handler returns when the result is NULL
 * @return NULL when the answer was sent, or the error
 */
const kiss_error *kiss_allocate_run(kiss_req *k, int *status);

#endif
