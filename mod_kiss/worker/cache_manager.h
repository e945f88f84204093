/* SPDX-License-Identifier: Apache-2.0 */
/**
 * cache_manager - a background thread in each child that keeps the cached lists within their limits and builds lists in
 * advance (worker/cache_warmer.h).
 *
 * For each KissCacheDir one child is active at a time, even if several servers share it. It holds a lock that the
 * kernel releases when the child dies; then another one takes over.
 *
 * The kernel reports each new file (inotify), so the content exceeds KissCacheSize by no more than what jobs complete
 * during one scan of the directory. Where the kernel does not report them, the directory is scanned once a minute.
 */
#ifndef KISS_CACHE_MANAGER_H
#define KISS_CACHE_MANAGER_H

#include "core/kiss.h"

/**
 * Starts the thread of this child, where the configuration has lists to cache. In child_init, after all that the thread
 * uses was created: the thread is joined before that is destroyed, when `pchild` is cleaned up.
 */
void kiss_cache_manager_start(server_rec *main_server, apr_pool_t *pchild);

/**
 * Called before the child ends, which may still serve slow clients for a while: its cache manager releases the lock for
 * that of another child.
 */
void kiss_cache_manager_stop(void);

#endif
