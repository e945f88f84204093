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
#include <string.h>

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
        atexit(apr_terminate);          /* what targets keep from one input to the next is no leak */
        apr_pool_create(&pool, NULL);
    }
    return pool;
}

/** The bytes of an input that were not used yet, for targets that need several values. */
typedef struct {
    const char *at;
    size_t left;
} fuzz_bytes;

/** The next byte; 0 at the end. */
static inline unsigned fuzz_byte(fuzz_bytes *b)
{
    return b->left ? (b->left--, (unsigned char)*b->at++) : 0;
}

/** The next text: a byte with its length, then no more bytes than that. A copy of its own, ended by NUL. */
static inline const char *fuzz_text(fuzz_bytes *b, size_t *len, apr_pool_t *p)
{
    size_t n = fuzz_byte(b);
    char *text;

    n = n < b->left ? n : b->left;
    text = memcpy(apr_palloc(p, n + 1), b->at, n);
    text[n] = '\0';
    b->at += n;
    b->left -= n;
    *len = n;
    return text;
}

#endif
