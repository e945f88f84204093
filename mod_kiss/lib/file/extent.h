/* SPDX-License-Identifier: Apache-2.0 */
/**
 * extent - lists that are stored in extents: ranges of their own file, and of that of an earlier version, the base. So a
 * list that was derived from another one stores only what is different, and the cost of a change is its size.
 *
 * Each extent consists of complete rows of SKUs, with the separator before the first one; the end of the list belongs to the
 * last one. A base is stored in one piece: extents lead to no third file.
 *
 * Pure, thread-safe.
 */
#ifndef KISS_EXTENT_H
#define KISS_EXTENT_H

#include <apr_file_io.h>
#include <apr_tables.h>

/** A range of a file. Files of cached lists contain the same struct. */
typedef struct {
    apr_uint64_t offset;
    apr_uint64_t length;
    apr_uint64_t in_base;               /**< 1: of the base; 0: of the list's own file */
} kiss_extent;

/** Where the bytes of a list are. */
typedef struct {
    apr_file_t *file;                   /**< its own file */
    apr_off_t size;                     /**< bytes of the list */
    const apr_array_header_t *extents;  /**< of kiss_extent, in the order of the list; NULL: all of it starts `file` */
    apr_file_t *base;                   /**< the file of the base; NULL without extents */
} kiss_stored;

/** Appends a range; one that continues the last one is added to it. */
void kiss_extents_add(apr_array_header_t *extents, int in_base, apr_off_t offset, apr_size_t length);

/** Bytes of a list that are in its own file. */
apr_off_t kiss_extents_own(const apr_array_header_t *extents);

/**
 * Checks and copies extents that were read from a file, which may contain anything.
 *
 * @param extents receives them: an array of kiss_extent in `p`
 * @param count   their number
 * @param data    that many kiss_extent, not aligned
 * @param own     bytes that the list's own file has of it
 * @param size    bytes of the list
 * @return APR_SUCCESS; APR_EMISMATCH when they cannot be those of this list
 */
apr_status_t kiss_extents_take(apr_array_header_t **extents, apr_size_t count, const void *data, apr_off_t own,
                               apr_off_t size, apr_pool_t *p);

/** 1 when all extents of the base are within its `size` bytes. */
int kiss_extents_fit(const apr_array_header_t *extents, apr_off_t size);

/**
 * Finds where the bytes of a list from an offset on are stored.
 *
 * @param at     less than stored->size
 * @param file   receives the file
 * @param offset receives the offset in it
 * @return the number of bytes that follow each other there; 0 when there are none
 */
apr_off_t kiss_extent_find(const kiss_stored *stored, apr_off_t at, apr_file_t **file, apr_off_t *offset);

#endif
