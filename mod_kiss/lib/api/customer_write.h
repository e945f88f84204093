/* SPDX-License-Identifier: Apache-2.0 */
/** customer_write - what admin clients write in the Customer API. Data only. */
#ifndef KISS_CUSTOMER_WRITE_H
#define KISS_CUSTOMER_WRITE_H

#include "lib/api/table.h"

/** A product with its images, accessories, substitutions, compositions and prices. */
extern const kiss_writeset kiss_customer_write_product;

/** The prices of a SKU in a price list. */
extern const kiss_writeset kiss_customer_write_price;

/** The stock of a SKU in a warehouse. */
extern const kiss_writeset kiss_customer_write_stock;

/** The parameters in the paths of one of these, and of a page of them. */
extern const kiss_param kiss_customer_write_sku[], kiss_customer_write_listed[], kiss_customer_write_stored[];
extern const kiss_param kiss_customer_write_page[];

#endif
