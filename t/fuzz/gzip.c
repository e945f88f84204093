/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fuzz target: compressed lists (lists.h). zlib's inflate reads what was written, and the bytes are the same whether chunks
 * were copied from an earlier state or not.
 */
#include <string.h>

#include <zlib.h>

#include "lists.h"
#include "lib/file/gzip.h"

/** All of a spool that is complete. */
static kiss_progress *whole(kiss_spool *spool, apr_pool_t *p)
{
    const kiss_stored stored = kiss_spool_stored(spool);
    kiss_progress *progress;

    MUST(kiss_progress_create(&progress, p) == APR_SUCCESS);
    kiss_progress_complete(progress, &stored, spool->chunks);
    return progress;
}

static kiss_spool *compress_list(kiss_spool *list, kiss_gzipped *old, int refers, apr_pool_t *p)
{
    kiss_spool *spool;

    MUST(kiss_spool_create_linkable(&spool, "/tmp", p) == APR_SUCCESS);
    if (refers && old) {
        kiss_spool_refer_to(spool, old->stored.base ? old->stored.base : old->stored.file, "base");
    }
    MUST(kiss_gzip(spool, whole(list, p), old, p) == APR_SUCCESS && kiss_spool_flush(spool, 1) == APR_SUCCESS);
    return spool;
}

/** It is one gzip stream of this text, and nothing follows. */
static void check_inflated(const kiss_value *packed, const kiss_value *text, apr_pool_t *p)
{
    char *out = apr_palloc(p, text->len + 1);
    z_stream z;

    memset(&z, 0, sizeof(z));
    MUST(inflateInit2(&z, 15 + 16) == Z_OK);
    z.next_in = (Bytef *)packed->data;
    z.avail_in = (uInt)packed->len;
    z.next_out = (Bytef *)out;
    z.avail_out = (uInt)text->len + 1;
    MUST(inflate(&z, Z_FINISH) == Z_STREAM_END && z.avail_in == 0 && z.total_out == text->len);
    MUST(memcmp(out, text->data, text->len) == 0);
    inflateEnd(&z);
}

/** The index of the compressed list describes its bytes. */
static void check_index(const kiss_spool *packed, const kiss_spool *list, const kiss_value *bytes)
{
    apr_size_t at = 10;                 /* the header of RFC 1952 */
    int i;

    MUST(packed->chunks->nelts == (list->chunks ? list->chunks->nelts : 0));
    for (i = 0; i < packed->chunks->nelts; i++) {
        const kiss_chunk *c = &APR_ARRAY_IDX(packed->chunks, i, kiss_chunk);

        MUST(c->packed && at + c->packed <= bytes->len);
        MUST(c->length == APR_ARRAY_IDX(list->chunks, i, kiss_chunk).length);
        MUST(c->packed_checksum == crc32(0, (const Bytef *)bytes->data + at, c->packed));
        at += c->packed;
    }
    MUST(packed->extents || kiss_spool_checksum(packed) == crc32(0, (const Bytef *)bytes->data, (uInt)bytes->len));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    apr_pool_t *p = fuzz_pool();
    fuzz_bytes in = { (const char *)data, size };
    const unsigned how = fuzz_byte(&in);
    kiss_gzipped old = { .chunks = NULL };
    kiss_spool *spool, *packed, *alone;
    kiss_value text, bytes, expected;
    list_model list;
    int i;

    list_read(&list, &in, p);
    spool = list_write(&list, p);
    for (i = 0; i < 3; i++) {
        kiss_chunked before;

        text = list_content(spool, p);
        packed = compress_list(spool, old.chunks ? &old : NULL, how & 8, p);
        alone = compress_list(spool, NULL, 0, p);
        bytes = list_content(packed, p);
        expected = list_content(alone, p);
        check_inflated(&bytes, &text, p);
        MUST(list_same(&bytes, &expected));
        check_index(packed, spool, &bytes);
        if (i == 0 || how & 4) {
            old = (kiss_gzipped){ .stored = kiss_spool_stored(packed), .chunks = packed->chunks };
        }
        before = list_chunked(&text, spool->chunks, list.format, how & 1, p);
        spool = list_change(&list, &before, &in, p);
        if (how & 2) {
            spool->chunks = NULL;       /* as a list whose chunks are not known */
            break;
        }
    }
    text = list_content(spool, p);
    packed = compress_list(spool, &old, how & 8, p);
    bytes = list_content(packed, p);
    check_inflated(&bytes, &text, p);
    apr_pool_clear(p);
    return 0;
}
