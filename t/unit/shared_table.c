/* SPDX-License-Identifier: Apache-2.0 */
/* Unit test: texts in shared memory; the later one stays, and one that is not whole is none. */
#include <string.h>

#include <apr_atomic.h>
#include <apr_strings.h>
#include <apr_thread_proc.h>

#include "lib/base/shared_table.h"
#include "unit.h"

#define ENTRIES 64
#define THREADS 4
#define ROUNDS  4000

static kiss_shared_table table;
static volatile apr_uint32_t found, wrong;

static void put(const char *name, apr_int64_t time, const char *text)
{
    unsigned char id[KISS_SHA256_LEN];

    kiss_crypto_sha256(id, name, strlen(name));
    kiss_shared_table_put(&table, id, time, text, strlen(text));
}

/** "TIME TEXT", or "none" */
static const char *get(const char *name)
{
    unsigned char id[KISS_SHA256_LEN];
    kiss_shared_table_entry e;

    kiss_crypto_sha256(id, name, strlen(name));
    return kiss_shared_table_get(&e, &table, id) ? apr_psprintf(pool, "%" APR_INT64_T_FMT " %s", e.time, e.text) : "none";
}

static void contents(void)
{
    char longest[KISS_SHARED_TABLE_TEXT + 2];

    is(get("a"), "none", "nothing is there");
    put("a", 5, "first");
    is(get("a"), "5 first", "a text");
    put("a", 4, "late");
    is(get("a"), "5 first", "one of an earlier time does not replace it");
    put("a", 5, "again");
    is(get("a"), "5 again", "one of the same time does");
    put("a", 6, "");
    is(get("a"), "6 ", "an empty one");
    is(get("b"), "none", "another id");
    memset(longest, 'x', sizeof(longest));
    longest[KISS_SHARED_TABLE_TEXT] = '\0';
    put("a", 7, longest);
    ok(strcmp(get("a") + 2, longest) == 0, "the longest one");
    longest[KISS_SHARED_TABLE_TEXT] = 'x';
    longest[KISS_SHARED_TABLE_TEXT + 1] = '\0';
    put("a", 8, longest);
    is(get("a"), "8 ", "a longer one is an empty one, and not the one before");
}

/** Each byte of an entry, altered: nothing is found, or another id. */
static void damage(void)
{
    apr_size_t size = kiss_shared_table_size(ENTRIES), i;
    char *memory = table.base;
    int whole = 0, n = 0;

    memset(memory, 0, size);
    put("damaged", 5, "text");
    for (i = 0; i < size; i++) {
        memory[i] ^= 1;
        if (strcmp(get("damaged"), "5 text") == 0) {
            whole++;
        }
        else {
            n += strcmp(get("damaged"), "none") == 0;
        }
        memory[i] ^= 1;
    }
    ok(n == 1024 && whole + n == (int)size, "no byte of an entry can be altered unnoticed");
    is(get("damaged"), "5 text", "it is whole again");
}

static void eviction(void)
{
    const apr_uint32_t n = 4 * ENTRIES;
    int old = 0, new = 0;
    apr_uint32_t i;

    memset(table.base, 0, kiss_shared_table_size(ENTRIES));
    for (i = 0; i < n; i++) {
        put(apr_itoa(pool, (int)i), (apr_int64_t)i + 1, "x");
    }
    for (i = 0; i < n; i++) {
        *(i < n / 2 ? &old : &new) += strcmp(get(apr_itoa(pool, (int)i)), "none") != 0;
    }
    ok(old + new <= ENTRIES && new > ENTRIES / 2, "more than it has room for: the later ones stay");
    ok(new > 4 * old, "the earlier ones go");
}

/** Writes and reads few ids: a text is of its id and whole. */
static void __attribute__((noinline)) put_and_get(int number)
{
    int i;

    for (i = 0; i < ROUNDS; i++) {
        unsigned char id[KISS_SHA256_LEN];
        char letter = (char)('a' + i % 3), text[KISS_SHARED_TABLE_TEXT];
        kiss_shared_table_entry e;
        apr_size_t j;

        kiss_crypto_sha256(id, &letter, 1);
        memset(text, letter, sizeof(text));
        kiss_shared_table_put(&table, id, i + number, text, sizeof(text) - (apr_size_t)i % 7);
        if (kiss_shared_table_get(&e, &table, id)) {
            apr_atomic_inc32(&found);
            for (j = 0; j < e.len && e.text[j] == letter; j++) {
                continue;
            }
            if (j < e.len || e.len < sizeof(text) - 6) {
                apr_atomic_inc32(&wrong);
            }
        }
    }
}

/* The address sanitizer does not know that apr_thread_exit() does not return: no array may be on the stack of its caller. */
static void * APR_THREAD_FUNC work(apr_thread_t *thread, void *number)
{
    put_and_get((int)(apr_size_t)number);
    apr_thread_exit(thread, APR_SUCCESS);
    return NULL;
}

static void threads(void)
{
    apr_thread_t *thread[THREADS];
    apr_status_t rv;
    apr_size_t i;

    memset(table.base, 0, kiss_shared_table_size(ENTRIES));
    for (i = 0; i < THREADS; i++) {
        apr_thread_create(&thread[i], NULL, work, (void *)i, pool);
    }
    for (i = 0; i < THREADS; i++) {
        apr_thread_join(&rv, thread[i]);
    }
    ok(apr_atomic_read32(&wrong) == 0, "what threads find is of its id and whole");
    ok(apr_atomic_read32(&found) > 0, "they do find it");
}

void unit_shared_table(void)
{
    kiss_shared_table_init(&table, apr_pcalloc(pool, kiss_shared_table_size(ENTRIES)), ENTRIES);
    contents();
    damage();
    eviction();
    threads();
}
