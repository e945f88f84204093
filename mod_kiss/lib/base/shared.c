/* SPDX-License-Identifier: Apache-2.0 */
/**
 * shared - objects with a count of references, each in a pool of its own.
 */
#include "lib/base/shared.h"

#include <apr_allocator.h>
#include <apr_atomic.h>
#include <apr_thread_mutex.h>

#include "lib/base/once.h"

/* Memory of released objects that is kept for the next ones. */
#define MAX_FREE (1024 * 1024)

/**
 * The allocator of all objects of a process. One for each of them would take its memory from the kernel and give it back,
 * each time: two system calls, and all threads would be interrupted. NULL when there is no memory.
 */
static apr_allocator_t *allocator(void)
{
    static void *found;                     /* a pool */
    apr_thread_mutex_t *mutex;
    apr_pool_t *pool;

    if (!kiss_once_get(&found) && apr_pool_create_unmanaged_ex(&pool, NULL, NULL) == APR_SUCCESS) {
        apr_pool_tag(pool, "kiss_shared_allocator");
        if (apr_thread_mutex_create(&mutex, APR_THREAD_MUTEX_DEFAULT, pool) == APR_SUCCESS) {
            apr_allocator_mutex_set(apr_pool_allocator_get(pool), mutex);
            apr_allocator_max_free_set(apr_pool_allocator_get(pool), MAX_FREE);
            if (kiss_once_set(&found, pool)) {
                return apr_pool_allocator_get(pool);
            }
        }
        apr_pool_destroy(pool);
    }
    pool = kiss_once_get(&found);
    return pool ? apr_pool_allocator_get(pool) : NULL;
}

void *kiss_shared_create(apr_size_t size)
{
    apr_allocator_t *memory = allocator();
    apr_pool_t *pool;
    kiss_shared *object;

    if (!memory || apr_pool_create_unmanaged_ex(&pool, NULL, memory) != APR_SUCCESS) {
        return NULL;
    }
    apr_pool_tag(pool, "kiss_shared");
    object = apr_pcalloc(pool, size);
    object->pool = pool;
    object->references = 1;
    return object;
}

void kiss_shared_release(void *object)
{
    kiss_shared *o = object;

    if (apr_atomic_dec32(&o->references) == 0) {
        apr_pool_destroy(o->pool);
    }
}

static apr_status_t release(void *object)
{
    kiss_shared_release(object);
    return APR_SUCCESS;
}

void kiss_shared_release_with(void *object, apr_pool_t *p)
{
    apr_pool_cleanup_register(p, object, release, apr_pool_cleanup_null);
}

void kiss_shared_hold_value(void *value)
{
    kiss_shared *o = *(kiss_shared **)value;

    apr_atomic_inc32(&o->references);
}

void kiss_shared_release_value(void *value)
{
    kiss_shared_release(*(kiss_shared **)value);
}
