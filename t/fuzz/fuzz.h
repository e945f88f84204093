/* SPDX-License-Identifier: Apache-2.0 */
/**
 * fuzz - what the fuzz targets share.
 *
 * A target is LLVMFuzzerTestOneInput(): it gives the bytes to one parser and says with MUST() what has to hold. It keeps
 * nothing between two calls, so every input can be replayed alone.
 */
#ifndef FUZZ_H
#define FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <apr_general.h>
#include <apr_pools.h>

/** One input. @return 0 */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/** Stops at once if a promise is broken: the fuzzer then keeps the input, and a replay does not end with 0. */
#define MUST(promise) \
    ((promise) ? (void)0 : (fprintf(stderr, "%s:%d: broken: %s\n", __FILE__, __LINE__, #promise), abort()))

/** The pool for one input; the target clears it at its end, so that nothing looks like a leak. */
static inline apr_pool_t *fuzz_pool(void)
{
    static apr_pool_t *pool;

    if (!pool) {
        apr_initialize();
        apr_pool_create(&pool, NULL);
    }
    return pool;
}

#endif
