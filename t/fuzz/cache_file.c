/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzz target: the files of kept answers. */
#include <stdio.h>
#include <string.h>

#include <apr_portable.h>
#include <apr_strings.h>
#include <zlib.h>

#include "fuzz.h"
#include "lib/file/cache_file.h"

/** An empty file that is gone when it is closed. */
static apr_file_t *empty_file(FILE **f, apr_pool_t *p)
{
    apr_os_file_t fd;
    apr_file_t *file;

    *f = tmpfile();
    MUST(*f);
    fd = fileno(*f);
    MUST(apr_os_file_put(&file, &fd, APR_FOPEN_READ | APR_FOPEN_WRITE, p) == APR_SUCCESS);
    return file;
}

static apr_off_t size_of(apr_file_t *file)
{
    apr_off_t end = 0;

    MUST(apr_file_seek(file, APR_END, &end) == APR_SUCCESS);
    return end;
}

/** A label has texts only, each in its line. */
static void check_label(const kiss_cache_file_label *l)
{
    const char *texts[] = { l->tag, l->cache_key, l->endpoint, l->location, l->coding, l->price_list, l->discount,
                            l->warehouse,
                            l->customer };
    size_t i;

    for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        MUST(texts[i] && !strchr(texts[i], '\n'));
    }
}

/** All chunks are within the list. */
static void check_chunks(const apr_array_header_t *chunks, const kiss_cache_file *f)
{
    apr_off_t total = 0;
    int i;

    MUST(chunks->nelts == (int)f->chunks);
    for (i = 0; i < chunks->nelts; i++) {
        const kiss_chunk *c = &APR_ARRAY_IDX(chunks, i, kiss_chunk);

        MUST(c->length > 0);
        total += c->packed ? c->packed : c->length;
    }
    MUST(total <= f->size);
}

/** Every byte of the list is found, and its own ones are in the file. */
static void check_extents(const apr_array_header_t *extents, const kiss_cache_file *f, apr_file_t *file)
{
    const kiss_stored stored = { file, f->size, extents, NULL };
    apr_off_t at, n, offset, own = 0;
    apr_file_t *of;

    for (at = 0; at < f->size; at += n) {
        n = kiss_extent_find(&stored, at, &of, &offset);
        MUST(n > 0 && n <= f->size - at && offset >= 0);
        MUST(of == NULL || offset + n <= f->own);
        own += of ? n : 0;
    }
    MUST(own == f->own && kiss_extents_own(extents) == own);
}

/** What is read from any file keeps the promises of the header. */
static void read_any(const uint8_t *data, size_t size, apr_pool_t *p)
{
    kiss_cache_file_label label;
    apr_array_header_t *chunks, *extents;
    kiss_cache_file f;
    FILE *owner;
    apr_file_t *file = empty_file(&owner, p);

    MUST(apr_file_write_full(file, data, size, NULL) == APR_SUCCESS);
    if (kiss_cache_file_read(&f, file, (apr_off_t)size) == APR_SUCCESS) {
        MUST(f.own >= 0 && f.own <= f.checked && f.checked < (apr_off_t)size);
        MUST(f.own <= f.size && (f.extents || f.own == f.size));
        if (f.extents && kiss_cache_file_extents_read(&extents, &f, file, p) == APR_SUCCESS) {
            check_extents(extents, &f, file);
        }
        if (kiss_cache_file_label_read(&label, &f, file, p) == APR_SUCCESS) {
            check_label(&label);
        }
        if (kiss_cache_file_verify(&label, &f, file, p) == APR_SUCCESS) {
            MUST(crc32(0, data, (uInt)f.checked) == f.checksum);
            check_label(&label);
            if (kiss_cache_file_chunks_read(&chunks, &f, file, p) == APR_SUCCESS) {
                check_chunks(chunks, &f);
            }
        }
    }
    fclose(owner);
}

/** A text as a label keeps it. */
static int is_kept(const char *kept, const char *text)
{
    size_t i, n = strlen(text) < 256 ? strlen(text) : 256;

    for (i = 0; i < n; i++) {
        unsigned char c = (unsigned char)text[i];

        if (kept[i] != (c < 0x20 || c == 0x7f ? '?' : text[i])) {
            return 0;
        }
    }
    return kept[n] == '\0';
}

/** Chunks of as many bytes as the list has, by what its bytes are. */
static apr_array_header_t *make_chunks(const char *list, size_t len, apr_pool_t *p)
{
    apr_array_header_t *chunks = apr_array_make(p, 1, sizeof(kiss_chunk));
    size_t at, n;

    for (at = 0; at < len; at += n) {
        n = (unsigned char)list[at] % 64 + 1;
        n = n < len - at ? n : len - at;
        APR_ARRAY_PUSH(chunks, kiss_chunk) = (kiss_chunk){ .id = at, .length = (apr_uint32_t)n,
                                                           .checksum = (apr_uint32_t)~at };
    }
    return chunks;
}

/** What was written is read again, whatever the texts are; one byte altered is noticed. */
static void write_and_read(const char *text, size_t answer, apr_pool_t *p)
{
    kiss_cache_file_label label = { .tag = text, .cache_key = text, .endpoint = "prices", .location = text, .coding = "gzip",
                                  .price_list = text, .discount = "", .warehouse = "x", .customer = text }, again;
    const char *body = apr_pstrmemdup(p, text, strlen(text) < answer ? strlen(text) : answer);
    size_t len = strlen(body);
    apr_array_header_t *chunks = make_chunks(body, len, p), *same;
    kiss_cache_file f;
    FILE *owner;
    apr_file_t *file = empty_file(&owner, p);
    const kiss_stored stored = { file, (apr_off_t)len, NULL, NULL };
    apr_off_t whole, at;
    char c;

    MUST(apr_file_write_full(file, body, len, NULL) == APR_SUCCESS);
    MUST(kiss_cache_file_finish(&stored, (apr_uint32_t)crc32(0, (const Bytef *)body, (uInt)len), &label, chunks, p)
         == APR_SUCCESS);
    whole = size_of(file);
    MUST(kiss_cache_file_read(&f, file, whole) == APR_SUCCESS && f.size == (apr_off_t)len);
    MUST(kiss_cache_file_verify(&again, &f, file, p) == APR_SUCCESS);
    MUST(kiss_cache_file_chunks_read(&same, &f, file, p) == APR_SUCCESS && same->nelts == chunks->nelts
         && memcmp(same->elts, chunks->elts, (size_t)chunks->nelts * sizeof(kiss_chunk)) == 0);
    MUST(is_kept(again.tag, text) && is_kept(again.location, text) && is_kept(again.customer, text));
    MUST(strcmp(again.coding, "gzip") == 0 && strcmp(again.discount, "") == 0);
    at = (apr_off_t)(answer % (size_t)f.checked);
    MUST(apr_file_seek(file, APR_SET, &at) == APR_SUCCESS && apr_file_getc(&c, file) == APR_SUCCESS);
    at = (apr_off_t)(answer % (size_t)f.checked);
    c = (char)(c ^ 1);
    MUST(apr_file_seek(file, APR_SET, &at) == APR_SUCCESS && apr_file_putc(c, file) == APR_SUCCESS);
    MUST(kiss_cache_file_verify(&again, &f, file, p) == APR_EMISMATCH);
    fclose(owner);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    apr_pool_t *p = fuzz_pool();

    read_any(data, size, p);
    write_and_read(apr_pstrmemdup(p, (const char *)data, size), size ? data[size - 1] : 0, p);
    apr_pool_clear(p);
    return 0;
}
