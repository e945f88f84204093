/* SPDX-License-Identifier: Apache-2.0 */
/**
 * shared_table - a table of fixed size in shared memory: small texts by an id, each with the time at which it was true.
 * Of two times the later one stays.
 *
 * There is no lock. Each entry contains a digest of itself: one that was only half written, because its process was
 * killed or because two wrote at the same time, is no entry. Where there is no room, the entry with the earliest time of
 * a few is replaced. Pure, thread-safe, also between processes.
 */
#ifndef KISS_SHARED_TABLE_H
#define KISS_SHARED_TABLE_H

#include <apr.h>

#include "lib/base/crypto.h"

/** Maximum of bytes of a text. */
#define KISS_SHARED_TABLE_TEXT 944

/** A table, as a process sees it. */
typedef struct {
    void *base;                     /**< the memory */
    apr_uint32_t entries;           /**< number of entries */
} kiss_shared_table;

/** An entry as it was read. */
typedef struct {
    apr_int64_t time;               /**< of its text */
    apr_size_t len;                 /**< bytes of the text */
    char text[KISS_SHARED_TABLE_TEXT + 1];  /**< followed by a NUL */
} kiss_shared_table_entry;

/** Bytes of memory for about this number of entries. */
apr_size_t kiss_shared_table_size(apr_uint32_t entries);

/** Describes a table in `base`, which is aligned as for a pointer, and zero when it is used first. */
void kiss_shared_table_init(kiss_shared_table *table, void *base, apr_uint32_t entries);

/**
 * Stores a text, unless the table has one of a later time for this id.
 *
 * @param id   a digest: its first bytes say where the entry is
 * @param text of `len` bytes; one that is too long is stored as an empty one: what is there is not true any more
 */
void kiss_shared_table_put(const kiss_shared_table *table, const unsigned char id[KISS_SHA256_LEN], apr_int64_t time,
                           const char *text, apr_size_t len);

/** Finds the text for an id. @return 1, or 0 when there is none */
int kiss_shared_table_get(kiss_shared_table_entry *entry, const kiss_shared_table *table,
                          const unsigned char id[KISS_SHA256_LEN]);

#endif
