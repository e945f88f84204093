/* SPDX-License-Identifier: Apache-2.0 */
/* Unit test: readers that wait for different things get them. One that is not woken would wait for ever. */
#include <string.h>

#include <apr_strings.h>
#include <apr_thread_proc.h>

#include "lib/file/progress.h"
#include "unit.h"

#define READERS 24
#define SIZE    4000
#define CHUNKS  200

typedef struct {
    kiss_progress *progress;
    int number;
    int wrong;
} reader;

/** Waits for more and more bytes, or chunks: each reader in steps of its own. */
static void *APR_THREAD_FUNC read_all(apr_thread_t *thread, void *baton)
{
    reader *r = baton;
    apr_off_t at = 0;
    kiss_progress_view view;
    kiss_chunk chunk;
    int i = 0;

    (void)thread;
    if (r->number % 3 == 0) {
        while (kiss_progress_chunk(r->progress, i, &chunk)) {
            r->wrong += chunk.length != (apr_uint32_t)i + 1;
            i++;
        }
        r->wrong += i != CHUNKS;
        return NULL;
    }
    do {
        at += 1 + r->number * r->number * 7;
        view = kiss_progress_wait(r->progress, at);
        r->wrong += !view.ended && view.stored.size <= at;
    } while (!view.ended);
    r->wrong += view.stored.size != SIZE || view.result != APR_ENOSPC;
    return NULL;
}

void unit_progress(void)
{
    apr_thread_t *thread[READERS];
    reader r[READERS];
    kiss_chunk chunk;
    kiss_progress *g = NULL;
    apr_status_t ignored;
    int i, wrong = 0;

    memset(&chunk, 0, sizeof(chunk));
    ok(kiss_progress_create(&g, pool) == APR_SUCCESS, "made");
    ok(kiss_progress_wait(g, -1).stored.size == 0, "what is there needs no waiting");
    for (i = 0; i < READERS; i++) {
        r[i] = (reader){ g, i, 0 };
        wrong += apr_thread_create(&thread[i], NULL, read_all, &r[i], pool) != APR_SUCCESS;
    }
    ok(wrong == 0, "readers");
    for (i = 1; i <= SIZE; i++) {
        if (i % (SIZE / CHUNKS) == 0) {
            chunk.length = (apr_uint32_t)(i / (SIZE / CHUNKS));
            kiss_progress_add_chunk(g, &chunk);
        }
        kiss_progress_advance(g, NULL, i);
    }
    kiss_progress_end(g, APR_ENOSPC);
    for (i = 0; i < READERS; i++) {
        apr_thread_join(&ignored, thread[i]);
        wrong += r[i].wrong;
    }
    ok(wrong == 0, "each has seen what it waited for, and the end");
    ok(kiss_progress_wait(g, KISS_PROGRESS_WHOLE).ended && !kiss_progress_chunk(g, CHUNKS, &chunk), "no one waits after it");
}
