/* SPDX-License-Identifier: Apache-2.0 */
/**
 * list_length - a table of words, each with a part of the number of a list and its length.
 */
#include "list/list_length.h"

#include <apr_atomic.h>

#include <string.h>

/* More price lists than this share a word; the last one that was read is remembered. */
#define WORDS 1024

#define LENGTH_BITS 3u

/* Zero at first: nothing is known. Of this process, and as long as it lives. */
static volatile apr_uint32_t word[WORDS];

/** FNV-1a. */
static apr_uint32_t add(apr_uint32_t hash, const void *data, apr_size_t len)
{
    const unsigned char *s = data;

    while (len--) {
        hash = (hash ^ *s++) * 16777619u;
    }
    return hash;
}

apr_uint32_t kiss_list_length_key(const void *db, const void *rows, const char *const *args, int n)
{
    apr_uint32_t hash = add(add(2166136261u, &db, sizeof(db)), &rows, sizeof(rows));
    int i;

    for (i = 0; i < n; i++) {
        hash = add(hash, args[i], strlen(args[i]) + 1);
    }
    return hash;
}

kiss_length kiss_list_length_get(apr_uint32_t key)
{
    const apr_uint32_t found = apr_atomic_read32(&word[(key >> 2) % WORDS]);

    return (found & ~LENGTH_BITS) == (key & ~LENGTH_BITS) ? (kiss_length)(found & LENGTH_BITS) : KISS_LENGTH_UNKNOWN;
}

void kiss_list_length_set(apr_uint32_t key, kiss_length length)
{
    apr_atomic_set32(&word[(key >> 2) % WORDS], (key & ~LENGTH_BITS) | length);
}
