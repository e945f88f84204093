/* SPDX-License-Identifier: Apache-2.0 */
/* Unit test of kiss_lru and kiss_shared, in TAP: what is found again and what is not, which entry makes room, that references are
 * counted right, that nothing is allocated after the start, and all of it with several threads. */
#include <malloc.h>
#include <stdio.h>
#include <string.h>

#include <apr_atomic.h>
#include <apr_general.h>
#include <apr_thread_proc.h>

#include "lib/base/lru.h"
#include "lib/base/shared.h"

static int count, failures;
static apr_pool_t *pool;

static void ok(int good, const char *what)
{
    printf("%sok %d - %s\n", good ? "" : "not ", ++count, what);
    failures += !good;
}

static int held, released;

static void hold(void *value)
{
    (void)value;
    held++;
}

static void release(void *value)
{
    (void)value;
    released++;
}

static kiss_lru *make(int entries, apr_size_t weight, apr_pool_t *p)
{
    const kiss_lru_type type = { sizeof(int), sizeof(int), sizeof(int), entries, weight, hold, release };
    kiss_lru *lru = NULL;

    held = released = 0;
    return kiss_lru_create(&lru, &type, p) == APR_SUCCESS ? lru : NULL;
}

static void put(kiss_lru *lru, int key, int value)
{
    static const int state;

    kiss_lru_put(lru, &key, &state, 0, 1, &value);
}

/** The value of a key, or -1. */
static int get(kiss_lru *lru, int key)
{
    static const int state;
    int value;

    return kiss_lru_get(lru, &key, &state, 0, &value) ? value : -1;
}

static void test_order(void)
{
    kiss_lru *lru = make(3, 0, pool), *one = make(1, 0, pool);

    ok(lru && get(lru, 1) == -1, "nothing is found in an empty table");
    put(lru, 1, 10);
    put(lru, 2, 20);
    put(lru, 3, 30);
    ok(get(lru, 1) == 10 && get(lru, 2) == 20 && get(lru, 3) == 30, "as many as there is room for");
    get(lru, 1);
    put(lru, 4, 40);
    ok(get(lru, 2) == -1, "the least recently used makes room");
    ok(get(lru, 1) == 10 && get(lru, 3) == 30 && get(lru, 4) == 40, "and no other");
    put(lru, 1, 11);
    ok(get(lru, 1) == 11 && get(lru, 3) == 30 && get(lru, 4) == 40, "a new value takes the place of the old one");
    put(lru, 3, 31);
    put(lru, 5, 50);
    ok(get(lru, 1) == -1 && get(lru, 3) == 31, "keeping is a use");
    put(one, 1, 10);
    put(one, 2, 20);
    ok(get(one, 1) == -1 && get(one, 2) == 20, "a table of one");
}

static void test_many(void)
{
    kiss_lru *lru = make(512, 0, pool);
    int i, good = 0;

    for (i = 0; i < 100000; i++) {
        put(lru, i, 2 * i);
        good += get(lru, i) == 2 * i && get(lru, i - 512) == -1;
    }
    ok(good == 100000, "many keys in turn: each is found, and none that has made room");
    for (i = 100000 - 512, good = 0; i < 100000; i++) {
        good += get(lru, i) == 2 * i;
    }
    ok(good == 512, "all that there is room for are there");
}

static void test_state_and_time(void)
{
    kiss_lru *lru = make(4, 0, pool);
    int key = 1, state = 7, other = 8, value = 10, got = 0;

    kiss_lru_put(lru, &key, &state, 100, 1, &value);
    ok(kiss_lru_get(lru, &key, &state, 99, &got) && got == 10, "found before it expires");
    ok(!kiss_lru_get(lru, &key, &state, 100, &got) && !kiss_lru_get(lru, &key, &state, 101, &got), "not from then on");
    ok(!kiss_lru_get(lru, &key, &other, 99, &got), "not in another state");
    value = 20;
    kiss_lru_put(lru, &key, &other, 0, 1, &value);
    ok(kiss_lru_get(lru, &key, &other, APR_INT64_MAX, &got) && got == 20, "that of the new state, which never expires");
    ok(!kiss_lru_get(lru, &key, &state, 99, &got), "has taken the place of the old one");
}

static void test_weight(void)
{
    kiss_lru *lru = make(100, 10, pool);
    int state = 0, key, value = 1;

    for (key = 1; key <= 3; key++) {
        kiss_lru_put(lru, &key, &state, 0, 3, &value);
    }
    ok(get(lru, 1) == 1 && get(lru, 2) == 1 && get(lru, 3) == 1, "as much weight as there may be");
    kiss_lru_put(lru, &key, &state, 0, 7, &value);
    ok(get(lru, 1) == -1 && get(lru, 2) == -1 && get(lru, 3) == 1 && get(lru, 4) == 1, "as many make room as must");
    key = 5;
    kiss_lru_put(lru, &key, &state, 0, 11, &value);
    ok(get(lru, 5) == -1 && get(lru, 3) == 1 && get(lru, 4) == 1, "what is heavier than all is not kept and drives nothing out");
    kiss_lru_put(lru, &key, &state, 0, 10, &value);
    ok(get(lru, 5) == 1 && get(lru, 3) == -1 && get(lru, 4) == -1, "what is as heavy as all is alone");
    kiss_lru_put(lru, &key, &state, 0, 1, &value);
    for (key = 6; key <= 8; key++) {
        kiss_lru_put(lru, &key, &state, 0, 3, &value);
    }
    ok(get(lru, 5) == 1 && get(lru, 8) == 1, "a replaced value's weight does not count any more");
}

static void test_references(void)
{
    apr_pool_t *p;
    kiss_lru *lru;
    int i;

    apr_pool_create(&p, pool);
    lru = make(3, 0, p);
    for (i = 0; i < 5; i++) {
        put(lru, i, i);
    }
    ok(held == 5 && released == 2, "held by the table while they are in it");
    get(lru, 4);
    get(lru, 0);
    ok(held == 6 && released == 2, "and by who finds one");
    put(lru, 4, 7);
    ok(held == 7 && released == 3, "released when replaced");
    apr_pool_destroy(p);
    ok(held == 7 && released == 6, "released with the table");
}

static void test_no_allocation(void)
{
    kiss_lru *lru = make(64, 1000, pool);
    struct mallinfo2 before = mallinfo2(), after;
    int i;

    for (i = 0; i < 100000; i++) {
        put(lru, i, i);
        get(lru, i - 20);
    }
    after = mallinfo2();
    ok(before.uordblks == after.uordblks && before.hblkhd == after.hblkhd, "nothing is allocated after the start");
}

/* --- shared objects, and threads --- */

#define THREADS 8
#define ROUNDS 20000

typedef struct {
    kiss_shared shared;
    int key;
    char text[100];                 /* all of one letter */
} object;

static volatile apr_uint32_t alive, wrong, found;
static kiss_lru *objects;

static apr_status_t gone(void *unused)
{
    (void)unused;
    apr_atomic_dec32(&alive);
    return APR_SUCCESS;
}

static object *make_object(int key)
{
    object *o = kiss_shared_create(sizeof(*o));

    o->key = key;
    memset(o->text, 'a' + key % 26, sizeof(o->text));
    apr_pool_cleanup_register(o->shared.pool, NULL, gone, apr_pool_cleanup_null);
    apr_atomic_inc32(&alive);
    return o;
}

static int is_whole(const object *o, int key)
{
    apr_size_t i = 0;

    while (i < sizeof(o->text) && o->text[i] == 'a' + key % 26) {
        i++;
    }
    return o->key == key && i == sizeof(o->text);
}

/** Asks for few keys, keeps what is not there, and holds on to what it found for a while. */
static void * APR_THREAD_FUNC work(apr_thread_t *thread, void *number)
{
    unsigned random = (unsigned)(apr_size_t)number * 7919 + 1;
    apr_pool_t *p;
    int i;

    apr_pool_create_unmanaged_ex(&p, NULL, NULL);
    for (i = 0; i < ROUNDS; i++) {
        int key;
        object *o;

        random = random * 1103515245u + 12345;
        key = (int)(random >> 16) % 48;
        if (kiss_lru_get(objects, &key, NULL, 0, &o)) {
            apr_atomic_inc32(&found);
        }
        else {
            o = make_object(key);
            kiss_lru_put(objects, &key, NULL, 0, 1, &o);
        }
        kiss_shared_release_with(o, p);
        if (!is_whole(o, key)) {
            apr_atomic_inc32(&wrong);
        }
        if (i % 16 == 0) {
            apr_pool_clear(p);
        }
    }
    apr_pool_destroy(p);
    apr_thread_exit(thread, APR_SUCCESS);
    return NULL;
}

static void test_threads(void)
{
    const kiss_lru_type type = { sizeof(int), 0, sizeof(object *), 32, 0, kiss_shared_hold_value, kiss_shared_release_value };
    apr_thread_t *thread[THREADS];
    apr_status_t rv;
    apr_pool_t *p;
    apr_size_t i;
    int started = 0;

    apr_pool_create(&p, pool);
    ok(kiss_lru_create(&objects, &type, p) == APR_SUCCESS, "a table of shared objects");
    for (i = 0; i < THREADS; i++) {
        started += apr_thread_create(&thread[i], NULL, work, (void *)i, pool) == APR_SUCCESS;
    }
    ok(started == THREADS, "threads started");
    for (i = 0; i < THREADS; i++) {
        apr_thread_join(&rv, thread[i]);
    }
    ok(apr_atomic_read32(&wrong) == 0, "what threads find is of its key and whole");
    ok(apr_atomic_read32(&found) > THREADS * ROUNDS / 4, "they do find it");
    ok(apr_atomic_read32(&alive) == 32, "what no thread and no entry refers to is gone");
    apr_pool_destroy(p);
    ok(apr_atomic_read32(&alive) == 0, "and all with the table");
}

int main(void)
{
    apr_initialize();
    apr_pool_create(&pool, NULL);
    test_order();
    test_many();
    test_state_and_time();
    test_weight();
    test_references();
    test_no_allocation();
    test_threads();
    printf("1..%d\n", count);
    apr_pool_destroy(pool);
    apr_terminate();
    return failures != 0;
}
