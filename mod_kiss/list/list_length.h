/* SPDX-License-Identifier: Apache-2.0 */
/**
 * list_length - remembers which lists of this child are long, to read them at once in the way that suits their length.
 *
 * It is a hint: both ways give the same rows. A wrong one, of a list that has grown or become short, costs time once.
 */
#ifndef KISS_LIST_LENGTH_H
#define KISS_LIST_LENGTH_H

#include "core/kiss.h"

/** How long a list was when it was last read. */
typedef enum {
    KISS_LENGTH_UNKNOWN,
    KISS_LENGTH_SHORT,
    KISS_LENGTH_LONG
} kiss_length;

/**
 * The number under which the length of a list is remembered.
 *
 * @param db the database of the list
 * @param rows what is read from it
 * @param args the `n` values that select the caller's rows
 */
apr_uint32_t kiss_list_length_key(const void *db, const void *rows, const char *const *args, int n);

/** The remembered length. Thread-safe. */
kiss_length kiss_list_length_get(apr_uint32_t key);

/** Remembers a length; KISS_LENGTH_UNKNOWN forgets it. Thread-safe. */
void kiss_list_length_set(apr_uint32_t key, kiss_length length);

#endif
