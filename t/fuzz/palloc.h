/* SPDX-License-Identifier: Apache-2.0 */
/**
 * palloc - each piece of a pool as a piece of its own, so that the sanitizer sees the first byte behind its end. In a
 * real pool pieces lie side by side and nobody would notice. `t/fuzz/run` includes this in front of every source.
 */
#ifndef PALLOC_H
#define PALLOC_H

#include <stdlib.h>

#include <apr_pools.h>

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

#undef apr_palloc
#define apr_palloc palloc_piece

#endif
