/* SPDX-License-Identifier: Apache-2.0 */
/**
 * spool - writes temporary files through a buffer, and gives them names.
 */
#include "lib/file/spool.h"

#include <apr_portable.h>
#include <apr_strings.h>

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "lib/base/json_text.h"

/* Bytes of one write; small enough for the processor's cache. */
#define PIECE (64 * 1024)

apr_status_t kiss_spool_create(kiss_spool **spool, const char *dir, apr_pool_t *p)
{
    kiss_spool *s = apr_pcalloc(p, sizeof(*s));

    s->pool = p;
    s->dir = dir;
    s->buffer = kiss_json_text_buffer(p);
    if (!s->buffer) {
        return APR_ENOMEM;
    }
    *spool = s;
    return APR_SUCCESS;
}

static apr_status_t remove_file(void *spool)
{
    kiss_spool *s = spool;

    if (s->name) {
        apr_file_remove(s->name, s->pool);
    }
    return APR_SUCCESS;
}

apr_status_t kiss_spool_create_linkable(kiss_spool **spool, const char *dir, apr_pool_t *p)
{
    apr_status_t rv = kiss_spool_create(spool, dir, p);

    if (rv == APR_SUCCESS) {
        (*spool)->linkable = 1;
        apr_pool_cleanup_register(p, *spool, remove_file, apr_pool_cleanup_null);
    }
    return rv;
}

/** Creates a file without a name that can be given one, where the file system supports that. */
static apr_status_t create_unnamed(kiss_spool *s)
{
    apr_status_t rv;
    int fd = -1;

#ifdef O_TMPFILE
    fd = open(s->dir, O_TMPFILE | O_RDWR | O_CLOEXEC, S_IRUSR | S_IWUSR);
#endif
    if (fd < 0) {
        return APR_ENOTIMPL;
    }
    /* Opened again, because APR would never close a descriptor that it has not opened itself after a filter has set it
     * aside. */
    rv = apr_file_open(&s->file, apr_psprintf(s->pool, "/proc/self/fd/%d", fd),
                       APR_FOPEN_READ | APR_FOPEN_WRITE | APR_FOPEN_BINARY, APR_OS_DEFAULT, s->pool);
    close(fd);
    return rv;
}

/** Creates the file. */
static apr_status_t create_file(kiss_spool *s)
{
    char *name;
    apr_status_t rv;

    if (s->linkable && create_unnamed(s) == APR_SUCCESS) {
        return APR_SUCCESS;
    }
    name = apr_pstrcat(s->pool, s->dir, "/" KISS_SPOOL_PREFIX "XXXXXX", NULL);
    rv = apr_file_mktemp(&s->file, name, APR_FOPEN_CREATE | APR_FOPEN_READ | APR_FOPEN_WRITE | APR_FOPEN_EXCL
                         | APR_FOPEN_BINARY, s->pool);
    if (rv == APR_SUCCESS && s->linkable) {
        s->name = name;
    }
    else if (rv == APR_SUCCESS) {
        apr_file_remove(name, s->pool);
    }
    return rv;
}

apr_status_t kiss_spool_link(kiss_spool *s, const char *path)
{
    apr_os_file_t fd;
    apr_status_t rv;

    if (s->name) {
        rv = apr_file_rename(s->name, path, s->pool);
        s->name = rv == APR_SUCCESS ? NULL : s->name;
        return rv;
    }
    rv = apr_os_file_get(&fd, s->file);
    if (rv == APR_SUCCESS && linkat(AT_FDCWD, apr_psprintf(s->pool, "/proc/self/fd/%d", fd), AT_FDCWD, path,
                                    AT_SYMLINK_FOLLOW) != 0 && errno != EEXIST) {
        rv = errno;
    }
    return rv;
}

/* --- checksums: of pieces, combined into that of the file --- */

/** Adds bytes that are to be written next to the checksum of the piece, and with extents to that of the file. */
static void sum(kiss_spool *s, const char *data, apr_size_t len)
{
    s->piece = s->linkable ? (apr_uint32_t)crc32_z(s->piece, (const Bytef *)data, len) : 0;
    if (s->extents) {
        s->own_checksum = (apr_uint32_t)crc32_z(s->own_checksum, (const Bytef *)data, len);
    }
}

/** Adds the first `at` bytes of the buffer to it. */
static void sum_buffer(kiss_spool *s, int at)
{
    sum(s, s->buffer->buf + s->summed, (apr_size_t)(at - s->summed));
    s->summed = at;
}

/** Ends a piece. */
static void end_piece(kiss_spool *s, apr_off_t len, apr_uint32_t checksum)
{
    if (!s->extents) {
        s->checksum = (apr_uint32_t)crc32_combine(s->checksum, checksum, (z_off_t)len);
    }
    s->cut += len;
    s->piece = 0;
}

apr_uint32_t kiss_spool_cut(kiss_spool *s, int at, apr_off_t *len)
{
    apr_uint32_t checksum;

    sum_buffer(s, at);
    checksum = s->piece;
    *len = s->size + at - s->cut;
    end_piece(s, *len, checksum);
    return checksum;
}

apr_uint32_t kiss_spool_checksum(const kiss_spool *s)
{
    return s->extents ? s->own_checksum
           : (apr_uint32_t)crc32_combine(s->checksum, s->piece, (z_off_t)(s->size - s->cut));
}

/* --- output --- */

/**
 * Publishes what is written to the readers. A list that is started again before any of it was written has other chunks.
 */
static void publish(kiss_spool *s)
{
    for (; s->chunks && s->published < s->chunks->nelts; s->published++) {
        const kiss_chunk *chunk = &APR_ARRAY_IDX(s->chunks, s->published, kiss_chunk);

        if (s->published_end + chunk->length > s->size) {
            break;
        }
        s->published_end += chunk->length;
        kiss_progress_add_chunk(s->progress, chunk);
    }
    kiss_progress_advance(s->progress, s->file, s->size);
}

/** Adds the first `len` bytes of the buffer, or those that are written without it, to the extents. */
static void note(kiss_spool *s, int len)
{
    if (len > s->noted) {
        kiss_extents_add(s->extents, 0, s->own, (apr_size_t)(len - s->noted));
        s->own += len - s->noted;
        s->noted = len;
    }
}

/** Appends to the file. */
static apr_status_t append(kiss_spool *s, const char *data, apr_size_t len)
{
    apr_status_t rv = s->file ? APR_SUCCESS : create_file(s);

    if (rv == APR_SUCCESS) {
        rv = apr_file_write_full(s->file, data, len, NULL);
    }
    if (rv == APR_SUCCESS && s->extents) {
        note(s, (int)len);
        s->noted = 0;
    }
    if (rv == APR_SUCCESS) {
        s->size += (apr_off_t)len;
    }
    if (rv == APR_SUCCESS && s->progress) {
        publish(s);
    }
    return rv;
}

apr_status_t kiss_spool_flush(kiss_spool *s, int all)
{
    int len = s->buffer->bpos;
    /* Also what is empty needs a file to be given a name. */
    int is_empty = len == 0 && s->linkable && !s->file && !s->extents;
    apr_status_t rv = APR_SUCCESS;

    if ((len > 0 && len >= PIECE) || (all && (len > 0 || is_empty))) {
        sum_buffer(s, len);
        rv = append(s, s->buffer->buf, (apr_size_t)len);
        if (rv == APR_SUCCESS) {
            printbuf_reset(s->buffer);
            s->summed = 0;
        }
    }
    return rv;
}

apr_status_t kiss_spool_write(kiss_spool *s, const char *data, apr_size_t len)
{
    apr_status_t rv;

    if (len < PIECE) {
        return kiss_json_text_raw(s->buffer, data, len) ? APR_ENOMEM : kiss_spool_flush(s, 0);
    }
    rv = kiss_spool_flush(s, 1);
    if (rv == APR_SUCCESS) {
        sum(s, data, len);
        rv = append(s, data, len);
    }
    return rv;
}

apr_status_t kiss_spool_copy_part(kiss_spool *s, const char *data, apr_size_t len)
{
    apr_status_t rv = kiss_spool_flush(s, 1);

    return rv == APR_SUCCESS ? append(s, data, len) : rv;
}

void kiss_spool_copied(kiss_spool *s, apr_off_t len, apr_uint32_t checksum)
{
    end_piece(s, len, checksum);
}

apr_status_t kiss_spool_copy(kiss_spool *s, const char *data, apr_size_t len, apr_uint32_t checksum)
{
    apr_status_t rv = kiss_spool_copy_part(s, data, len);

    if (rv == APR_SUCCESS) {
        kiss_spool_copied(s, (apr_off_t)len, checksum);
    }
    return rv;
}

/* --- references to another file --- */

void kiss_spool_refer_to(kiss_spool *s, apr_file_t *base, const char *base_name)
{
    s->extents = apr_array_make(s->pool, 16, sizeof(kiss_extent));
    s->base = base;
    s->base_name = base_name;
}

/** The bytes before are in the buffer, or written: only where they will be is noted. */
static void refer(kiss_spool *s, apr_off_t offset, apr_size_t len)
{
    sum_buffer(s, s->buffer->bpos);
    note(s, s->buffer->bpos);
    kiss_extents_add(s->extents, 1, offset, len);
    s->size += (apr_off_t)len;
}

void kiss_spool_refer(kiss_spool *s, apr_off_t offset, apr_size_t len)
{
    refer(s, offset, len);
    s->cut += (apr_off_t)len;
}

void kiss_spool_refer_part(kiss_spool *s, apr_off_t offset, const char *data, apr_size_t len)
{
    refer(s, offset, len);
    s->piece = (apr_uint32_t)crc32_z(s->piece, (const Bytef *)data, len);
}

apr_status_t kiss_spool_keep(kiss_spool *s, const char *data, apr_size_t len)
{
    sum_buffer(s, s->buffer->bpos);
    if (kiss_json_text_raw(s->buffer, data, len)) {
        return APR_ENOMEM;
    }
    sum_buffer(s, s->buffer->bpos);
    s->piece = 0;
    s->cut += (apr_off_t)len;
    return kiss_spool_flush(s, 0);
}

kiss_stored kiss_spool_stored(const kiss_spool *s)
{
    const kiss_stored stored = { s->file, s->size, s->extents, s->base };

    return stored;
}
