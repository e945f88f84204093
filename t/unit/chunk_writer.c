/* SPDX-License-Identifier: Apache-2.0 */
/* Unit test: chunks as a list is written. How they are taken over is list_patch's test. */
#include <string.h>

#include <apr_strings.h>
#include <zlib.h>

#include "lib/base/json_text.h"
#include "lib/file/chunk_writer.h"
#include "unit.h"

static kiss_chunks *begin(kiss_spool **spool)
{
    kiss_chunks *chunks;

    return kiss_spool_create_linkable(spool, "/tmp", pool) == APR_SUCCESS
           && kiss_chunks_begin(&chunks, *spool, &kiss_row_format_json, pool) == APR_SUCCESS ? chunks : NULL;
}

/** Appends a row. @return what kiss_chunks_row() says of it */
static apr_status_t add(kiss_chunks *chunks, kiss_spool *spool, const char *row)
{
    int at = spool->buffer->bpos;

    kiss_json_text_raw(spool->buffer, spool->size + at ? ",\n" : "[", spool->size + at ? 2 : 1);
    kiss_json_text_raw(spool->buffer, row, strlen(row));
    return kiss_chunks_row(chunks, at);
}

static char *row_of(const char *before, const char *sku, int bytes)
{
    char *filler = apr_palloc(pool, (apr_size_t)bytes + 1);

    memset(filler, 'x', (apr_size_t)bytes);
    filler[bytes] = '\0';
    return apr_psprintf(pool, "{%s\"SKU\":\"%s\",\"Text\":\"%s\"}", before, sku, filler);
}

static apr_uint32_t length(const kiss_spool *spool, int i)
{
    return APR_ARRAY_IDX(spool->chunks, i, kiss_chunk).length;
}

/** The rows of a SKU stay together, however long they are and whatever stands before it. */
static void test_groups(void)
{
    kiss_spool *spool;
    kiss_chunks *chunks = begin(&spool);
    const char *a = row_of("", "A", 9000), *other = row_of("\"B\":1,", "A", 9000), *b = row_of("", "B", 100);
    int i, wrong = 0;

    for (i = 0; i < 10; i++) {
        wrong += add(chunks, spool, i % 2 ? a : other) != APR_SUCCESS || kiss_spool_flush(spool, i % 3) != APR_SUCCESS;
    }
    wrong += add(chunks, spool, b) != APR_SUCCESS;
    kiss_chunks_end(chunks);
    ok(wrong == 0 && spool->chunks->nelts == 2, "ten long rows of one SKU are one chunk");
    okf(length(spool, 0) == strlen("[") + 9 * strlen(",\n") + 5 * (strlen(a) + strlen(other))
        && length(spool, 1) == strlen(b) + 2,
        "... %u bytes, and one of the next", length(spool, 0));
    ok(APR_ARRAY_IDX(spool->chunks, 0, kiss_chunk).id != APR_ARRAY_IDX(spool->chunks, 1, kiss_chunk).id,
       "... each with its own id");
}

/** What readers learn: nothing before it is written, so that a list that starts again has published nothing. */
static void test_progress(void)
{
    kiss_progress *progress;
    kiss_spool *spool;
    kiss_chunks *chunks = begin(&spool);
    kiss_chunk chunk;
    int i;

    kiss_progress_create(&progress, pool);
    spool->progress = progress;
    for (i = 0; i < 4; i++) {
        add(chunks, spool, row_of("", apr_psprintf(pool, "%d", i), 30000));
    }
    ok(spool->chunks->nelts == 3 && spool->published == 0, "chunks that are not written are not published");
    kiss_spool_flush(spool, 1);
    ok(spool->published == 3 && kiss_progress_chunk(progress, 2, &chunk) && chunk.length == length(spool, 2),
       "... those that are are");
    kiss_chunks_end(chunks);
    kiss_json_text_raw(spool->buffer, "]", 1);
    kiss_spool_flush(spool, 1);
    kiss_progress_end(progress, APR_SUCCESS);
    ok(kiss_progress_chunk(progress, 3, &chunk) && !kiss_progress_chunk(progress, 4, &chunk), "the last one, and no more");
}

static void test_refused(void)
{
    static const char *const bad[] = { "{}", "{\"SKU\":1}", "{\"SKU\":\"a}", "" };
    kiss_spool *spool;
    apr_size_t i;

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        kiss_chunks *chunks = begin(&spool);

        okf(add(chunks, spool, bad[i]) == APR_EGENERAL, "no row: %s", bad[i]);
    }
}

/** Behind the last chunk of an earlier state, which ended with it, no row can follow. */
static void test_end(void)
{
    const char *text = "[{\"SKU\":\"a\"}]";
    kiss_chunk chunk = { 7, 12, 0, 0, 0 };
    kiss_piece piece;
    kiss_chunked old = { kiss_list_text_of(&piece, text, strlen(text), &kiss_row_format_json),
                         apr_array_make(pool, 1, sizeof(kiss_chunk)) };
    kiss_spool *spool;
    kiss_chunks *chunks = begin(&spool);

    chunk.checksum = (apr_uint32_t)crc32(0, (const Bytef *)text, 12);
    *(kiss_chunk *)apr_array_push((apr_array_header_t *)old.chunks) = chunk;
    ok(kiss_chunks_run(chunks, &old, 1, 12, 1) == APR_SUCCESS && spool->chunks->nelts == 1
       && APR_ARRAY_IDX(spool->chunks, 0, kiss_chunk).id == 7 && spool->size == 12, "a chunk is copied with its id");
    ok(add(chunks, spool, "{\"SKU\":\"b\"}") == APR_EGENERAL, "... behind the last nothing follows");
    chunks = begin(&spool);
    ok(kiss_chunks_run(chunks, &old, 1, 12, 0) == APR_SUCCESS && add(chunks, spool, "{\"SKU\":\"b\"}") == APR_SUCCESS,
       "where a row follows it is written again");
    kiss_chunks_end(chunks);
    ok(spool->chunks->nelts == 1 && length(spool, 0) == 12 + 13, "... as a part of a longer one");
}

void unit_chunk_writer(void)
{
    test_groups();
    test_progress();
    test_refused();
    test_end();
}
