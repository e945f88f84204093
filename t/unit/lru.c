/* SPDX-License-Identifier: Apache-2.0 */
/* Unit test: what is found again and what is not, which entry makes room, that references are counted right, and that
   nothing is
 * allocated after the start. */
#include <malloc.h>
#include <string.h>

#include "lib/base/lru.h"
#include "unit.h"

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
    got = 0;
    ok(kiss_lru_get(lru, &key, NULL, 99, &got) && got == 10, "where any state will do");
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
    ok(get(lru, 5) == -1 && get(lru, 3) == 1 && get(lru, 4) == 1,
       "what is heavier than all is not kept and drives nothing out");
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

void unit_lru(void)
{
    test_order();
    test_many();
    test_state_and_time();
    test_weight();
    test_references();
    test_no_allocation();
}
