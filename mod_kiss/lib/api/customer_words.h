/* SPDX-License-Identifier: Apache-2.0 */
/** customer_words - the words of the Customer API's OpenAPI document. Data only. */
#ifndef KISS_CUSTOMER_WORDS_H
#define KISS_CUSTOMER_WORDS_H

#include "lib/api/table.h"

extern const kiss_words kiss_customer_words;

#endif
