/* SPDX-License-Identifier: Apache-2.0 */
/**
 * list_cache_map - cache entries that this child has mapped into its memory: a cached list is sent without opening,
 * reading or copying a file. The pages belong to the kernel's cache and are shared by all children.
 *
 * Every use checks the open file again: when it was altered since its checksum was verified, or removed, the mapping is
 * released. A mapping lives as long as an answer is being sent from it.
 */
#ifndef KISS_LIST_CACHE_MAP_H
#define KISS_LIST_CACHE_MAP_H

#include <apr_buckets.h>

#include "lib/file/list_rows.h"
#include "list/list_cache.h"

/** A mapped cache entry; its holder has a reference to it. */
typedef struct kiss_list_cache_map kiss_list_cache_map;

/** Creates the table of mapped entries. In child_init. */
apr_status_t kiss_list_cache_map_attach(apr_pool_t *pchild);

/**
 * Finds the mapping of the entry with this tag, maps it if it is not mapped yet. Thread-safe.
 *
 * @param dir  KissCacheDir; lives as long as the child
 * @param tag  its name (kiss_list_variant_name()), which identifies all that its content depends on
 * @param map receives a reference, to be passed to kiss_list_cache_map_insert() or kiss_list_cache_map_release()
 * @return as kiss_list_cache_open(); APR_ENOTIMPL when there is a valid one that cannot be mapped: it can still be opened
 */
apr_status_t kiss_list_cache_map_open(kiss_list_cache_map **map, const char *dir, const char *tag);

/** Bytes of the answer. */
apr_off_t kiss_list_cache_map_size(const kiss_list_cache_map *map);

/** The answer, as long as the reference is held. In one piece, unless it is stored in extents (lib/file/extent.h). */
const kiss_list_text *kiss_list_cache_map_text(const kiss_list_cache_map *map);

/** The file that versions derived from this one can refer to: that of its base, or its own; its position is undefined. */
apr_file_t *kiss_list_cache_map_base(const kiss_list_cache_map *map);

/** The tag of that file. */
const char *kiss_list_cache_map_base_tag(const kiss_list_cache_map *map);

/** As kiss_list_cache_is_unaltered(): what was read from the mapping so far is right. */
int kiss_list_cache_map_is_unaltered(const kiss_list_cache_map *map);

/** Releases a reference. */
void kiss_list_cache_map_release(kiss_list_cache_map *map);

/**
 * Appends the whole answer. The buckets take over the reference, and hold the mapping while filters move, split or copy
 * them.
 */
void kiss_list_cache_map_insert(kiss_list_cache_map *map, apr_bucket_brigade *bb);

/** The file that has the bytes of such a bucket at the offset of its `start`, as long as there is the bucket. */
apr_file_t *kiss_list_cache_map_file(const apr_bucket *e);

/**
 * Releases mappings of removed files, so that their disk space becomes free, and those that were not used for long. For
 * the cache manager: it checks each file.
 */
void kiss_list_cache_map_sweep(void);

#endif
