/* SPDX-License-Identifier: Apache-2.0 */
/** value - a value of a database's row, without a copy. */
#ifndef KISS_VALUE_H
#define KISS_VALUE_H

#include <apr.h>

/** A value as the database delivered it: text, or NULL. Valid until the next row. */
typedef struct {
    const char *data;       /**< `len` bytes, no NUL needed; NULL is SQL NULL */
    apr_size_t len;         /**< bytes */
} kiss_value;

#endif
