/* SPDX-License-Identifier: Apache-2.0 */
/**
 * atomic - APR's atomic operations once more, compiled with the thread sanitizer and loaded in front of APR (t/sanitizer/run).
 *
 * APR itself is built without, so that the sanitizer does not see that an atomic operation orders what comes before and
 * after it: each object that is handed from thread to thread by one would be reported. These do the same, with the compiler's
 * builtins, as APR does.
 */
#include <apr_atomic.h>

apr_uint32_t apr_atomic_read32(volatile apr_uint32_t *mem)
{
    return __atomic_load_n(mem, __ATOMIC_SEQ_CST);
}

void apr_atomic_set32(volatile apr_uint32_t *mem, apr_uint32_t val)
{
    __atomic_store_n(mem, val, __ATOMIC_SEQ_CST);
}

apr_uint32_t apr_atomic_add32(volatile apr_uint32_t *mem, apr_uint32_t val)
{
    return __atomic_fetch_add(mem, val, __ATOMIC_SEQ_CST);
}

void apr_atomic_sub32(volatile apr_uint32_t *mem, apr_uint32_t val)
{
    __atomic_fetch_sub(mem, val, __ATOMIC_SEQ_CST);
}

apr_uint32_t apr_atomic_inc32(volatile apr_uint32_t *mem)
{
    return __atomic_fetch_add(mem, 1, __ATOMIC_SEQ_CST);
}

int apr_atomic_dec32(volatile apr_uint32_t *mem)
{
    return __atomic_sub_fetch(mem, 1, __ATOMIC_SEQ_CST) != 0;
}

apr_uint32_t apr_atomic_cas32(volatile apr_uint32_t *mem, apr_uint32_t with, apr_uint32_t cmp)
{
    __atomic_compare_exchange_n(mem, &cmp, with, 0, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
    return cmp;
}

apr_uint32_t apr_atomic_xchg32(volatile apr_uint32_t *mem, apr_uint32_t val)
{
    return __atomic_exchange_n(mem, val, __ATOMIC_SEQ_CST);
}

void *apr_atomic_casptr(volatile void **mem, void *with, const void *cmp)
{
    volatile void *seen = (volatile void *)cmp;

    __atomic_compare_exchange_n(mem, &seen, (volatile void *)with, 0, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
    return (void *)seen;
}

void *apr_atomic_xchgptr(volatile void **mem, void *with)
{
    return (void *)__atomic_exchange_n(mem, (volatile void *)with, __ATOMIC_SEQ_CST);
}
