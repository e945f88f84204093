/* SPDX-License-Identifier: Apache-2.0 */
/**
 * progress - the shared state of writer and readers, with a mutex and a condition.
 */
#include "lib/file/progress.h"

#include <apr_portable.h>
#include <apr_thread_cond.h>
#include <apr_thread_mutex.h>

#include <errno.h>
#include <unistd.h>

#include "lib/base/deferred_signal.h"

struct kiss_progress {
    apr_thread_mutex_t *mutex;
    apr_thread_cond_t *more;
    kiss_progress_view grown;
    apr_array_header_t *chunks;     /* of kiss_chunk */
    apr_off_t wanted;               /* a reader waits for more bytes than that; NOBODY: none waits for bytes */
    int wanted_chunk;               /* 1 when a reader waits for the next chunk */
};

/* Readers are woken only when one of them has what it waits for: waking a thread costs more than writing a piece. */
#define NOBODY APR_INT64_MAX

/** Wakes the readers. Those who have to wait on say so again. */
static void wake(kiss_progress *g)
{
    g->wanted = NOBODY;
    g->wanted_chunk = 0;
    apr_thread_cond_broadcast(g->more);
}

apr_status_t kiss_progress_create(kiss_progress **progress, apr_pool_t *p)
{
    kiss_progress *g = apr_pcalloc(p, sizeof(*g));
    apr_status_t rv = apr_thread_mutex_create(&g->mutex, APR_THREAD_MUTEX_DEFAULT, p);

    if (rv == APR_SUCCESS) {
        rv = apr_thread_cond_create(&g->more, p);
    }
    g->wanted = NOBODY;
    g->chunks = apr_array_make(p, 0, sizeof(kiss_chunk));
    *progress = g;
    return rv;
}

void kiss_progress_name(kiss_progress *g, const char *tag)
{
    apr_thread_mutex_lock(g->mutex);
    g->grown.tag = tag;
    apr_thread_mutex_unlock(g->mutex);
}

void kiss_progress_advance(kiss_progress *g, apr_file_t *file, apr_off_t size)
{
    apr_thread_mutex_lock(g->mutex);
    g->grown.stored.file = file;
    g->grown.stored.size = size;
    if (size > g->wanted) {
        wake(g);
    }
    apr_thread_mutex_unlock(g->mutex);
}

void kiss_progress_add_chunk(kiss_progress *g, const kiss_chunk *chunk)
{
    apr_thread_mutex_lock(g->mutex);
    APR_ARRAY_PUSH(g->chunks, kiss_chunk) = *chunk;
    if (g->wanted_chunk) {
        wake(g);
    }
    apr_thread_mutex_unlock(g->mutex);
}

void kiss_progress_complete(kiss_progress *g, const kiss_stored *stored, const apr_array_header_t *chunks)
{
    apr_thread_mutex_lock(g->mutex);
    if (chunks) {
        apr_array_cat(g->chunks, chunks);
    }
    g->grown.stored = *stored;
    g->grown.ended = 1;
    g->grown.result = APR_SUCCESS;
    wake(g);
    apr_thread_mutex_unlock(g->mutex);
}

void kiss_progress_end(kiss_progress *g, apr_status_t result)
{
    apr_thread_mutex_lock(g->mutex);
    g->grown.ended = 1;
    g->grown.result = result;
    wake(g);
    apr_thread_mutex_unlock(g->mutex);
}

kiss_progress_view kiss_progress_wait(kiss_progress *g, apr_off_t size)
{
    kiss_progress_view grown;

    kiss_deferred_signal_begin();       /* also called while httpd sends, after the handler has returned */
    apr_thread_mutex_lock(g->mutex);
    while (!g->grown.ended && g->grown.stored.size <= size) {
        g->wanted = size < g->wanted ? size : g->wanted;
        apr_thread_cond_wait(g->more, g->mutex);
    }
    grown = g->grown;
    apr_thread_mutex_unlock(g->mutex);
    kiss_deferred_signal_end();
    return grown;
}

int kiss_progress_chunk(kiss_progress *g, int number, kiss_chunk *chunk)
{
    int known;

    kiss_deferred_signal_begin();
    apr_thread_mutex_lock(g->mutex);
    while (!g->grown.ended && g->chunks->nelts <= number) {
        g->wanted_chunk = 1;
        apr_thread_cond_wait(g->more, g->mutex);
    }
    known = g->chunks->nelts > number;
    if (known) {
        *chunk = APR_ARRAY_IDX(g->chunks, number, kiss_chunk);
    }
    apr_thread_mutex_unlock(g->mutex);
    kiss_deferred_signal_end();
    return known;
}

apr_status_t kiss_progress_read(kiss_progress *g, apr_off_t offset, char *buffer, apr_size_t *len)
{
    kiss_progress_view grown = kiss_progress_wait(g, offset);
    apr_file_t *file;
    apr_os_file_t fd;
    apr_off_t at, most;
    apr_status_t rv;
    ssize_t n;

    if (grown.stored.size <= offset) {
        return grown.result == APR_SUCCESS ? APR_EOF : grown.result;
    }
    most = kiss_extent_find(&grown.stored, offset, &file, &at);
    rv = most ? apr_os_file_get(&fd, file) : APR_EGENERAL;
    if (rv != APR_SUCCESS) {
        return rv;
    }
    if (most < (apr_off_t)*len) {
        *len = (apr_size_t)most;
    }
    /* Reads at an offset: the position of the file belongs to the writer. */
    do {
        n = pread(fd, buffer, *len, at);
    } while (n < 0 && errno == EINTR);
    if (n <= 0) {
        return n < 0 ? errno : EIO;     /* shorter than what was written */
    }
    *len = (apr_size_t)n;
    return APR_SUCCESS;
}
