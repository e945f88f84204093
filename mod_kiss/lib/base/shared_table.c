/* SPDX-License-Identifier: Apache-2.0 */
/**
 * shared_table - texts in shared memory, found by the first bytes of their ids, verified by a digest.
 */
#include "lib/base/shared_table.h"

#include <stddef.h>
#include <string.h>

/* Entries that an id can be in. */
#define WAYS 8

/* An entry in memory. All of it is read and written as words, each of them at once. */
typedef struct {
    unsigned char id[KISS_SHA256_LEN];
    unsigned char digest[KISS_SHA256_LEN];      /* of all else */
    apr_int64_t time;
    apr_uint64_t len;
    char text[KISS_SHARED_TABLE_TEXT];
} entry;

#define WORDS (sizeof(entry) / sizeof(apr_uint64_t))

/* Copied as words, so that no thread ever reads a part of one. */
typedef union {
    entry e;
    apr_uint64_t word[WORDS];
} cell;

_Static_assert(sizeof(cell) == sizeof(entry) && sizeof(entry) % sizeof(apr_uint64_t) == 0, "an entry is whole words");

static apr_uint32_t rounded(apr_uint32_t entries)
{
    return (entries < WAYS ? WAYS : entries) / WAYS * WAYS;
}

apr_size_t kiss_shared_table_size(apr_uint32_t entries)
{
    return (apr_size_t)rounded(entries) * sizeof(cell);
}

void kiss_shared_table_init(kiss_shared_table *table, void *base, apr_uint32_t entries)
{
    table->base = base;
    table->entries = rounded(entries);
}

/** The entries that this id can be in. */
static cell *set_of(const kiss_shared_table *table, const unsigned char id[KISS_SHA256_LEN])
{
    apr_uint32_t n;

    memcpy(&n, id, sizeof(n));
    return (cell *)table->base + (apr_size_t)(n % (table->entries / WAYS)) * WAYS;
}

static void load(cell *to, const cell *from, apr_size_t words)
{
    apr_size_t i;

    for (i = 0; i < words; i++) {
        to->word[i] = __atomic_load_n(&from->word[i], __ATOMIC_RELAXED);
    }
}

static void store(cell *to, const cell *from)
{
    apr_size_t i;

    for (i = 0; i < WORDS; i++) {
        __atomic_store_n(&to->word[i], from->word[i], __ATOMIC_RELAXED);
    }
}

/** The digest of an entry, of all bytes that can be set. */
static void digest_of(unsigned char digest[KISS_SHA256_LEN], const cell *c)
{
    cell copy = *c;

    memset(copy.e.digest, 0, sizeof(copy.e.digest));
    kiss_crypto_sha256(digest, &copy, sizeof(copy));
}

/** Reads an entry. @return 1 when it is whole and has this id */
static int read_cell(cell *to, const cell *from, const unsigned char id[KISS_SHA256_LEN])
{
    unsigned char digest[KISS_SHA256_LEN];

    load(to, from, sizeof(to->e.id) / sizeof(to->word[0]));
    if (memcmp(to->e.id, id, KISS_SHA256_LEN) != 0) {
        return 0;
    }
    load(to, from, WORDS);
    digest_of(digest, to);
    return memcmp(to->e.id, id, KISS_SHA256_LEN) == 0 && memcmp(to->e.digest, digest, KISS_SHA256_LEN) == 0
           && to->e.len <= KISS_SHARED_TABLE_TEXT;
}

/** The entry to be written: that of this id; else the one with the earliest time, 0 where it was never used. */
static cell *choose(cell *set, const unsigned char id[KISS_SHA256_LEN])
{
    cell *chosen = set, c;
    apr_int64_t earliest = APR_INT64_MAX;
    int i;

    for (i = 0; i < WAYS; i++) {
        load(&c, &set[i], offsetof(entry, text) / sizeof(c.word[0]));
        if (memcmp(c.e.id, id, KISS_SHA256_LEN) == 0) {
            return &set[i];
        }
        if (c.e.time < earliest) {
            earliest = c.e.time;
            chosen = &set[i];
        }
    }
    return chosen;
}

void kiss_shared_table_put(const kiss_shared_table *table, const unsigned char id[KISS_SHA256_LEN], apr_int64_t time,
                           const char *text, apr_size_t len)
{
    cell *to = choose(set_of(table, id), id), c;

    if (read_cell(&c, to, id) && c.e.time > time) {
        return;
    }
    memset(&c, 0, sizeof(c));
    memcpy(c.e.id, id, KISS_SHA256_LEN);
    c.e.time = time;
    c.e.len = len <= KISS_SHARED_TABLE_TEXT ? len : 0;
    memcpy(c.e.text, text, (apr_size_t)c.e.len);
    digest_of(c.e.digest, &c);
    store(to, &c);
}

int kiss_shared_table_get(kiss_shared_table_entry *found, const kiss_shared_table *table,
                          const unsigned char id[KISS_SHA256_LEN])
{
    cell *set = set_of(table, id), c;
    int i;

    for (i = 0; i < WAYS; i++) {
        if (read_cell(&c, &set[i], id)) {
            found->time = c.e.time;
            found->len = (apr_size_t)c.e.len;
            memcpy(found->text, c.e.text, found->len);
            found->text[found->len] = '\0';
            return 1;
        }
    }
    return 0;
}
