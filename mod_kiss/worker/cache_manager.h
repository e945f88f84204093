/* SPDX-License-Identifier: Apache-2.0 */
/**
 * cache_manager - what is done beside the requests, by a thread in each child: the snapshots are kept within their limits, and
 * lists are built in advance (worker/cache_warmer.h).
 *
 * One child works at a time for each KissCacheDir, whatever servers share it. It holds a lock that the kernel takes back when
 * the child dies; then another one goes on.
 *
 * The kernel tells it of each file that appears (inotify), so what is there exceeds KissCacheSize by no more than what
 * builders finish while it looks through the directory once. Where the kernel cannot tell, it looks once a minute.
 */
#ifndef KISS_CACHE_MANAGER_H
#define KISS_CACHE_MANAGER_H

#include "core/kiss.h"

/**
 * Starts the thread of this child, where the configuration has lists to keep. In child_init, after whatever the thread
 * uses: it is ended before that, when `pchild` is cleaned up.
 */
void kiss_cache_manager_start(server_rec *main_server, apr_pool_t *pchild);

/** The child is about to end, and may serve slow clients until then: its keeper makes room for another child's. */
void kiss_cache_manager_stop(void);

#endif
