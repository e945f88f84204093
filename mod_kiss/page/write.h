/* SPDX-License-Identifier: Apache-2.0 */
/**
 * write - answers the admin endpoints: reads, creates, replaces and removes what a row of the API describes (kiss_writeset),
 * each in one transaction by the account of KissAdminDatabase.
 */
#ifndef KISS_WRITE_H
#define KISS_WRITE_H

#include "core/kiss.h"

/** Answers a request of an admin client. @return NULL; 304 is in `status`; 400, 404, 408, 409, 412, 413, 500, 503 */
const kiss_error *kiss_write_run(kiss_req *k, int *status);

#endif
