/* SPDX-License-Identifier: Apache-2.0 */
/*
 * nometrics - for LD_PRELOAD of httpd: of shared memory of more than a megabyte the second one cannot be had, so mod_kiss
 * counts nothing (KISS0650) and serves all the same. The first one is that of its limits.
 */
#define _GNU_SOURCE
#include <dlfcn.h>

#include <apr_shm.h>

#define LARGE (1024 * 1024)

APR_DECLARE(apr_status_t) apr_shm_create(apr_shm_t **m, apr_size_t size, const char *name, apr_pool_t *p)
{
    static int large;
    apr_status_t (*next)(apr_shm_t **, apr_size_t, const char *, apr_pool_t *);

    *(void **)&next = dlsym(RTLD_NEXT, "apr_shm_create");
    return size > LARGE && large++ ? APR_ENOMEM : next(m, size, name, p);
}
