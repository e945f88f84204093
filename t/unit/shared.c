/* SPDX-License-Identifier: Apache-2.0 */
/* Unit test: objects that several threads share through an LRU table are whole, and gone when nobody refers to them. */
#include <string.h>

#include <apr_atomic.h>
#include <apr_thread_proc.h>

#include "lib/base/lru.h"
#include "lib/base/shared.h"
#include "unit.h"

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

    (void)thread;
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
    return NULL;
}

void unit_shared(void)
{
    const kiss_lru_type type = { sizeof(int), 0, sizeof(object *), 32, 0, kiss_shared_hold_value,
                                 kiss_shared_release_value };
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
