/* SPDX-License-Identifier: Apache-2.0 */
/** write_list - answers an admin client with a page of objects, in the order of their keys. */
#ifndef KISS_WRITE_LIST_H
#define KISS_WRITE_LIST_H

#include "core/kiss.h"

/** Answers a page. @return NULL; 304 is in `status`; 400, 412, 500, 503 */
const kiss_error *kiss_write_list_run(kiss_req *k, int *status);

#endif
