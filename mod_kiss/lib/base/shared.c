/* SPDX-License-Identifier: Apache-2.0 */
/**
 * shared - objects with a count of references, each in a pool of its own.
 */
#include "lib/base/shared.h"

#include <apr_atomic.h>

void *kiss_shared_create(apr_size_t size)
{
    apr_pool_t *pool;
    kiss_shared *object;

    if (apr_pool_create_unmanaged_ex(&pool, NULL, NULL) != APR_SUCCESS) {
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
