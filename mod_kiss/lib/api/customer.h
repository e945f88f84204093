/* SPDX-License-Identifier: Apache-2.0 */
/** customer - the Customer API's tables (contract: spec sections 2, 6 to 11). Constant data, no logic. */
#ifndef KISS_CUSTOMER_H
#define KISS_CUSTOMER_H

#include "lib/api/table.h"

extern const kiss_api kiss_customer_api;

#endif
