/* SPDX-License-Identifier: Apache-2.0 */
/**
 * palloc - each piece of a pool as a piece of its own, so that the sanitizer sees the first byte behind its end. In a
 * real pool pieces lie side by side and nobody would notice. `t/fuzz/run` includes this in front of every source.
 */
#ifndef PALLOC_H
#define PALLOC_H

#include <stdlib.h>
#include <string.h>

#include <apr_pools.h>
#include <apr_strings.h>

static inline apr_status_t palloc_free(void *piece)
{
    free(piece);
    return APR_SUCCESS;
}

static inline void *palloc_piece(apr_pool_t *p, apr_size_t n)
{
    void *piece = malloc(n);

    if (!piece) {
        abort();
    }
    apr_pool_cleanup_register(p, piece, palloc_free, apr_pool_cleanup_null);
    return piece;
}

/** A copy of `n` bytes, with a NUL after them when `end` is 1. */
static inline void *palloc_copy(apr_pool_t *p, const void *from, apr_size_t n, int end)
{
    char *piece = palloc_piece(p, n + (end ? 1 : 0));

    memcpy(piece, from, n);
    if (end) {
        piece[n] = '\0';
    }
    return piece;
}

/** A copy of a text; NULL of NULL. */
static inline char *palloc_text(apr_pool_t *p, const char *from)
{
    return from ? palloc_copy(p, from, strlen(from), 1) : NULL;
}

#undef apr_palloc
#define apr_palloc palloc_piece
#define apr_pmemdup(p, from, n) (palloc_copy(p, from, n, 0))
#define apr_pstrmemdup(p, from, n) ((char *)palloc_copy(p, from, n, 1))
#define apr_pstrdup palloc_text

#endif
