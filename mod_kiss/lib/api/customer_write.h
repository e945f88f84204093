/* SPDX-License-Identifier: Apache-2.0 */
/** customer_write - what admin clients write in the Customer API. Data only. */
#ifndef KISS_CUSTOMER_WRITE_H
#define KISS_CUSTOMER_WRITE_H

#include "lib/api/table.h"

/** A product with its images, accessories, substitutions, compositions and prices. */
extern const kiss_writeset kiss_customer_write_product;

/** The parameter in the path of one. */
extern const kiss_param kiss_customer_write_sku[];

#endif
