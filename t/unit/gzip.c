/* SPDX-License-Identifier: Apache-2.0 */
/* Unit test: compressed lists. Whatever is there to copy from, and however slowly the list comes, the bytes are the same,
   and gunzip
 * gives the list back. */
#include <stdlib.h>
#include <string.h>

#include <apr_strings.h>
#include <apr_thread_proc.h>
#include <zlib.h>

#include "lib/base/json_text.h"
#include "lib/file/chunk_writer.h"
#include "lib/file/gzip.h"
#include "lib/file/list_patch.h"
#include "unit.h"

#define MOST 600                        /* SKUs */

/** A list with its chunks, and the same compressed. */
typedef struct {
    kiss_spool *spool;
    kiss_value text;
    kiss_spool *packed_spool;
    kiss_value packed;
} list;

static int version[MOST];               /* of each SKU's row; 0 when it has none */

/** All that was written to a spool, or that it refers to. */
static kiss_value content(kiss_spool *spool, apr_pool_t *p)
{
    const kiss_stored stored = kiss_spool_stored(spool);
    char *text = apr_palloc(p, (apr_size_t)stored.size + 1);
    kiss_value v = { text, 0 };
    apr_off_t offset, n;
    apr_file_t *file;

    while ((apr_off_t)v.len < stored.size && (n = kiss_extent_find(&stored, (apr_off_t)v.len, &file, &offset)) > 0
           && apr_file_seek(file, APR_SET, &offset) == APR_SUCCESS
           && apr_file_read_full(file, text + v.len, (apr_size_t)n, NULL) == APR_SUCCESS) {
        v.len += (apr_size_t)n;
    }
    return v;
}

static int is_same(const kiss_value *a, const kiss_value *b)
{
    return a->len == b->len && memcmp(a->data, b->data, a->len) == 0;
}

/** A row: now and then one that does not fit in a buffer, or cannot be compressed. */
static void add_row(struct printbuf *pb, int i)
{
    apr_uint32_t state = (apr_uint32_t)(i * 1000 + version[i]);
    int n = i % 197 == 5 ? 150000 : 100 + i * 7 % 900;

    sprintbuf(pb, "{\"SKU\":\"S%05d\",\"Version\":%d,\"Text\":\"", i, version[i]);
    for (; n > 0; n--) {
        state = state * 1664525 + 1013904223;
        kiss_json_text_raw(pb, i % 197 == 6
                ? &"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"[state >> 26] : &"abcd"[state >> 30],
                    1);
    }
    kiss_json_text_raw(pb, "\"}", 2);
}

/** The list as it is now. `progress` is told of it, or NULL. */
static kiss_spool *write_list(kiss_progress *progress, apr_pool_t *p)
{
    kiss_chunks *chunks;
    kiss_spool *spool;
    int i, rows = 0;

    kiss_spool_create_linkable(&spool, "/tmp", p);
    kiss_chunks_begin(&chunks, spool, &kiss_row_format_json, p);
    spool->progress = progress;
    for (i = 0; i < MOST; i++) {
        int at = spool->buffer->bpos;

        if (version[i]) {
            kiss_json_text_raw(spool->buffer, rows ? ",\n" : "[", rows ? 2 : 1);
            rows++;
            add_row(spool->buffer, i);
            kiss_chunks_row(chunks, at);
            kiss_spool_flush(spool, progress && dice(8) == 0);
        }
    }
    kiss_chunks_end(chunks);
    kiss_json_text_raw(spool->buffer, rows ? "]" : "[]", rows ? 1 : 2);
    kiss_spool_flush(spool, 1);
    return spool;
}

/** A whole file, with its chunks. */
static kiss_progress *whole(kiss_spool *spool, apr_pool_t *p)
{
    kiss_progress *progress;
    int i;

    kiss_progress_create(&progress, p);
    for (i = 0; spool->chunks && i < spool->chunks->nelts; i++) {
        kiss_progress_add_chunk(progress, &APR_ARRAY_IDX(spool->chunks, i, kiss_chunk));
    }
    kiss_progress_advance(progress, spool->file, spool->size);
    kiss_progress_end(progress, APR_SUCCESS);
    return progress;
}

static int refers;                      /* 1: what is compressed refers to an earlier state */

static kiss_spool *gzip_of(kiss_progress *source, kiss_gzipped *old, apr_pool_t *p)
{
    kiss_spool *spool;

    if (kiss_spool_create_linkable(&spool, "/tmp", p) != APR_SUCCESS) {
        return NULL;
    }
    if (refers && old) {
        kiss_spool_refer_to(spool, old->stored.base ? old->stored.base : old->stored.file, "base");
    }
    return kiss_gzip(spool, source, old, p) == APR_SUCCESS && kiss_spool_flush(spool, 1) == APR_SUCCESS ? spool : NULL;
}

/** 1 when the checksum of a spool is that of its file. */
static int sum_fits(const kiss_spool *spool)
{
    const apr_off_t own = spool->extents ? kiss_extents_own(spool->extents) : spool->size;
    char *text = apr_palloc(pool, (apr_size_t)own + 1);
    apr_off_t start = 0;

    return apr_file_seek(spool->file, APR_SET, &start) == APR_SUCCESS
           && apr_file_read_full(spool->file, text, (apr_size_t)own, NULL) == APR_SUCCESS
           && kiss_spool_checksum(spool) == crc32(0, (const Bytef *)text, (uInt)own);
}

/** 1 when it is one gzip stream of this text, and nothing follows. */
static int unpacks(const kiss_value *packed, const kiss_value *text)
{
    char *out = malloc(text->len + 1);
    z_stream z;
    int good;

    memset(&z, 0, sizeof(z));
    inflateInit2(&z, 15 + 16);
    z.next_in = (Bytef *)packed->data;
    z.avail_in = (uInt)packed->len;
    z.next_out = (Bytef *)out;
    z.avail_out = (uInt)text->len + 1;
    good = inflate(&z, Z_FINISH) == Z_STREAM_END && z.avail_in == 0 && z.total_out == text->len
           && memcmp(out, text->data, text->len) == 0;
    inflateEnd(&z);
    free(out);
    return good;
}

static int chunks_fit(const list *l)
{
    apr_off_t at = 10;                  /* the head of RFC 1952 */
    int i;

    for (i = 0; i < l->packed_spool->chunks->nelts; i++) {
        const kiss_chunk *c = &APR_ARRAY_IDX(l->packed_spool->chunks, i, kiss_chunk);

        if (c->packed_checksum != crc32(0, (const Bytef *)l->packed.data + at, c->packed)) {
            return 0;
        }
        at += c->packed;
    }
    return l->packed_spool->chunks->nelts == l->spool->chunks->nelts
           && sum_fits(l->packed_spool);
}

/** Compresses a list, copying from `old` or not. @return 1 when all is well */
static int pack(list *l, kiss_gzipped *old, apr_pool_t *p)
{
    l->text = content(l->spool, p);
    l->packed_spool = gzip_of(whole(l->spool, p), old, p);
    if (!l->packed_spool) {
        return 0;
    }
    l->packed = content(l->packed_spool, p);
    return unpacks(&l->packed, &l->text) && chunks_fit(l);
}

/** The list, with other rows for some SKUs, made of its earlier state. */
static kiss_spool *patch_list(const kiss_chunked *old, int one_in, apr_pool_t *p)
{
    struct printbuf *pb = kiss_json_text_buffer(p);
    kiss_patch *patch;
    kiss_spool *spool;
    int i;

    kiss_spool_create_linkable(&spool, "/tmp", p);
    if (kiss_patch_begin(&patch, spool, old, p) != APR_SUCCESS) {
        return NULL;
    }
    for (i = 0; i < MOST; i++) {
        if (dice((apr_uint32_t)one_in) == 0) {
            const char *sku = apr_psprintf(p, "S%05d", i);
            kiss_value key = { sku, strlen(sku) }, rows;

            version[i] = dice(4) ? 1 + (int)dice(100) : 0;
            printbuf_reset(pb);
            if (version[i]) {
                add_row(pb, i);
            }
            rows.data = pb->buf;
            rows.len = (apr_size_t)pb->bpos;
            if (kiss_patch_put(patch, &key, &rows) != APR_SUCCESS) {
                return NULL;
            }
        }
    }
    return kiss_patch_end(patch) == APR_SUCCESS && kiss_spool_flush(spool, 1) == APR_SUCCESS ? spool : NULL;
}

/** A list changes; each state is compressed with what the one before has, or an older one, and by itself. */
static void test_history(void)
{
    list state, next, alone;
    kiss_gzipped old = { .chunks = NULL };
    int i, good, same = 0, copied = 0, referred = 0;

    for (i = 0; i < MOST; i++) {
        version[i] = 1;
    }
    state.spool = write_list(NULL, pool);
    good = pack(&state, NULL, pool);
    for (i = 0; i < 16 && good; i++) {
        kiss_piece piece;
        kiss_chunked before = { kiss_list_text_of(&piece, state.text.data, state.text.len, &kiss_row_format_json),
                                state.spool->chunks };

        if (i % 3 == 0) {
            old.stored = kiss_spool_stored(state.packed_spool); /* of a state that is up to three steps away */
            old.chunks = state.packed_spool->chunks;
        }
        next.spool = patch_list(&before, i % 5 == 4 ? 4 : 150, pool);
        alone.spool = write_list(NULL, pool);
        refers = i % 4 != 3;
        good = next.spool && pack(&next, &old, pool) && pack(&alone, NULL, pool);
        copied += old.copied;
        referred += good && next.packed_spool->extents
            && kiss_extents_own(next.packed_spool->extents) < next.packed_spool->size;
        same += good && is_same(&next.text, &alone.text) && is_same(&next.packed, &alone.packed);
        state = next;
    }
    refers = 0;
    okf(good && same == i && copied > 50, "%d states are the same bytes, copied or not (%d chunks were)", same, copied);
    okf(referred > 3, "... %d of them are partly in the file of another", referred);
}

/** Lists that end at once, and what has no chunks. */
static void test_small(void)
{
    kiss_value again;
    list l;
    int i;

    for (i = 0; i < 4; i++) {
        memset(version, 0, sizeof(version));
        version[7] = i > 0;
        version[9] = i > 1;
        version[5] = i > 2;             /* a long row */
        l.spool = write_list(NULL, pool);
        okf(pack(&l, NULL, pool), "a list of %d rows", i);
    }
    l.spool->chunks = NULL;
    okf(gzip_of(whole(l.spool, pool), NULL, pool) != NULL, "what has no chunks is compressed in one piece");
    l.packed_spool = gzip_of(whole(l.spool, pool), NULL, pool);
    l.packed = content(l.packed_spool, pool);
    ok(unpacks(&l.packed, &l.text) && l.packed_spool->chunks->nelts == 0, "... and comes back");
    kiss_spool_create_linkable(&l.packed_spool, "/tmp", pool);
    ok(kiss_gzip_text(l.packed_spool, (char *)l.text.data, l.text.len, pool) == APR_SUCCESS
       && kiss_spool_flush(l.packed_spool, 1) == APR_SUCCESS, "... from memory");
    again = content(l.packed_spool, pool);
    ok(is_same(&again, &l.packed), "... to the same bytes");
}

/** 1 when the list is compressed to the same bytes with this to copy from. */
static int comes_out(const list *l, kiss_gzipped *old)
{
    kiss_spool *spool = gzip_of(whole(l->spool, pool), old, pool);
    kiss_value packed;

    if (!spool) {
        return 0;
    }
    packed = content(spool, pool);
    return is_same(&packed, &l->packed);
}

/** What cannot be copied from does no harm. */
static void test_foreign(void)
{
    list l, other;
    kiss_gzipped old;
    apr_array_header_t *chunks;
    apr_off_t at;
    int i;

    for (i = 0; i < MOST; i++) {
        version[i] = 1;
    }
    l.spool = write_list(NULL, pool);
    pack(&l, NULL, pool);
    other.spool = write_list(NULL, pool);
    pack(&other, NULL, pool);
    old.stored = kiss_spool_stored(other.packed_spool);
    old.chunks = other.packed_spool->chunks;
    ok(comes_out(&l, &old), "ids of another writing");
    old.stored = kiss_spool_stored(l.packed_spool);
    old.chunks = l.packed_spool->chunks;
    at = old.stored.size / 2;
    apr_file_seek(old.stored.file, APR_SET, &at);
    apr_file_putc((char)~l.packed.data[at], old.stored.file);
    ok(!comes_out(&l, &old), "what is there is copied, not compressed again");
    apr_file_seek(old.stored.file, APR_SET, &at);
    apr_file_putc(l.packed.data[at], old.stored.file);
    old.stored.size = 1000;
    old.chunks = l.packed_spool->chunks;
    ok(comes_out(&l, &old), "an index of more than there is");
    old.stored.size = l.packed_spool->size;
    chunks = apr_array_copy(pool, l.packed_spool->chunks);
    for (i = 0; i + 1 < chunks->nelts; i += 2) {
        APR_ARRAY_IDX(chunks, i, kiss_chunk).checksum ^= 1;
    }
    old.chunks = chunks;
    ok(comes_out(&l, &old), "chunks that are others");
    old.chunks = l.spool->chunks;
    ok(comes_out(&l, &old), "the index of a list that is not compressed");
}

/* --- while it is written --- */

static apr_pool_t *writers;             /* outlives the thread, as the file of the list must */

static void *APR_THREAD_FUNC writer(apr_thread_t *thread, void *progress)
{
    (void)thread;
    write_list(progress, writers);
    kiss_progress_end(progress, APR_SUCCESS);
    return NULL;
}

/** A list that is compressed while it is written, in pieces of any size, is the same bytes. */
static void test_growing(void)
{
    kiss_progress *progress;
    apr_thread_t *thread;
    apr_status_t ignored;
    kiss_spool *spool;
    kiss_value packed;
    list l;
    int i, good = 1;

    for (i = 0; i < MOST; i++) {
        version[i] = 2;
    }
    l.spool = write_list(NULL, pool);
    pack(&l, NULL, pool);
    for (i = 0; i < 5 && good; i++) {
        apr_pool_create_unmanaged_ex(&writers, NULL, NULL);
        kiss_progress_create(&progress, writers);
        apr_thread_create(&thread, NULL, writer, progress, pool);
        spool = gzip_of(progress, NULL, pool);
        apr_thread_join(&ignored, thread);
        good = spool != NULL;
        if (!good) {
            break;
        }
        packed = content(spool, pool);
        good = is_same(&packed, &l.packed);
        apr_pool_destroy(writers);
    }
    okf(good, "%d lists that grow give the same bytes", i);
}

/** A source that ends with an error, or is shorter than its chunks say, is none. */
static void test_broken(void)
{
    const kiss_chunk chunk = { 1, 100, 0, 0, 0 };
    kiss_progress *progress;
    kiss_spool *source, *spool;

    kiss_spool_create_linkable(&source, "/tmp", pool);
    kiss_json_text_raw(source->buffer, "[{\"SKU\":\"a\"}", 12);
    kiss_spool_flush(source, 1);
    kiss_progress_create(&progress, pool);
    kiss_progress_advance(progress, source->file, source->size);
    kiss_progress_end(progress, APR_ENOSPC);
    kiss_spool_create_linkable(&spool, "/tmp", pool);
    ok(kiss_gzip(spool, progress, NULL, pool) == APR_ENOSPC, "a list that breaks off");
    kiss_progress_create(&progress, pool);
    kiss_progress_add_chunk(progress, &chunk);
    kiss_progress_advance(progress, source->file, source->size);
    kiss_progress_end(progress, APR_SUCCESS);
    kiss_spool_create_linkable(&spool, "/tmp", pool);
    ok(kiss_gzip(spool, progress, NULL, pool) == APR_EGENERAL, "... or is shorter than its chunks");
}

static void test_digest(void)
{
    char one[KISS_ETAG_DIGEST + 1], two[KISS_ETAG_DIGEST + 1];

    ok(kiss_gzip_digest(one, pool) == APR_SUCCESS && kiss_gzip_digest(two, pool) == APR_SUCCESS,
       "what names the compressor");
    is(one, two, "... is always the same");
    ok(strlen(one) == KISS_ETAG_DIGEST && strspn(one, "0123456789abcdef") == KISS_ETAG_DIGEST, "... in hexadecimal digits");
}

void unit_gzip(void)
{
    test_history();
    test_small();
    test_foreign();
    test_growing();
    test_broken();
    test_digest();
}
