/* SPDX-License-Identifier: Apache-2.0 */
/**
 * lists - lists that are made of the bytes of an input: rows in any format, with SKUs that are hard to write, long enough
 * to be divided into chunks. For the targets of what walks, patches and compresses lists.
 */
#ifndef LISTS_H
#define LISTS_H

#include <apr_strings.h>
#include <json-c/printbuf.h>

#include "fuzz.h"
#include "lib/base/json_text.h"
#include "lib/file/list_patch.h"

#define LIST_MOST 24
#define LIST_ROW 16384

/** A SKU, and what it has in the list: `rows` of them (0: none), of about `size` bytes, whose text depends on `version`. */
typedef struct {
    kiss_value sku;
    int rows, size, version;
} list_entry;

/** A list in the order of its SKUs. */
typedef struct {
    list_entry entry[LIST_MOST];
    int n;
    const kiss_row_format *format;
    int is_csv;
} list_model;

static inline int list_order(const void *a, const void *b)
{
    return kiss_rows_order(&((const list_entry *)a)->sku, &((const list_entry *)b)->sku);
}

/** A SKU of up to 8 parts: letters, and what has to be escaped in some format. Not empty. */
static inline kiss_value list_sku(fuzz_bytes *in, apr_pool_t *p)
{
    static const char *const parts[] = { "A", "B", "1", "\"", "\\", ",", "\n", "\x01", "\xc3\x9c", "/", "{", "}", "]", " ",
                                         "\t", "\x7f" };
    unsigned n = fuzz_byte(in) % 8 + 1, i;
    const char *text = "";

    for (i = 0; i < n; i++) {
        text = apr_pstrcat(p, text, parts[fuzz_byte(in) % 16], NULL);
    }
    return (kiss_value){ text, strlen(text) };
}

/** Reads a list: format, number of entries, entries; each SKU is there once. */
static inline void list_read(list_model *list, fuzz_bytes *in, apr_pool_t *p)
{
    const unsigned format = fuzz_byte(in) % 3, n = fuzz_byte(in) % LIST_MOST;
    unsigned i, kept = 0;

    list->is_csv = format == 2;
    list->format = format == 0 ? &kiss_row_format_json : format == 1 ? &kiss_row_format_ndjson
        : kiss_row_format_csv("SKU,T", p);
    for (i = 0; i < n; i++) {
        list_entry *e = &list->entry[i];

        e->sku = list_sku(in, p);
        e->rows = list->is_csv ? 1 : (int)(fuzz_byte(in) % 3 + 1);
        /* Mostly short: what is long enough for chunks takes long. */
        e->size = (int)fuzz_byte(in);
        e->size = e->size < 192 ? e->size : (e->size - 191) * 256;
        e->version = (int)fuzz_byte(in);
    }
    qsort(list->entry, n, sizeof(list_entry), list_order);
    for (i = 0; i < n; i++) {
        if (i == 0 || list_order(&list->entry[i], &list->entry[kept - 1]) != 0) {
            list->entry[kept++] = list->entry[i];
        }
    }
    list->n = (int)kept;
}

static inline void list_raw(struct printbuf *pb, const char *text, apr_size_t n)
{
    MUST(kiss_json_text_raw(pb, text, n) == 0);
}

/** Appends one row. Every fourth text cannot be compressed. */
static inline void list_add_row(struct printbuf *pb, const list_model *list, const list_entry *e, int row)
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    apr_uint32_t state = (apr_uint32_t)(e->version * 1000 + row);
    const char *begin = e->version % 2 ? "{\"A\":\"\\\"SKU\\\":\\\"no\",\"SKU\":" : "{\"SKU\":";
    char filler[LIST_ROW];
    apr_size_t ignored = 0, i;
    int n;

    if (list->is_csv) {
        list_raw(pb, "\"", 1);
        for (i = 0; i < e->sku.len; i++) {
            list_raw(pb, e->sku.data[i] == '"' ? "\"\"" : &e->sku.data[i], e->sku.data[i] == '"' ? 2 : 1);
        }
        list_raw(pb, "\",", 2);
    }
    else {
        list_raw(pb, begin, strlen(begin));
        MUST(kiss_json_text_string(pb, e->sku.data, e->sku.len, &ignored) == 0);
        list_raw(pb, ",\"T\":\"", 6);
    }
    for (n = 0; n < e->size; n++) {
        state = state * 1664525 + 1013904223;
        filler[n] = letters[e->version % 4 ? state >> 30 : state >> 26];
    }
    list_raw(pb, filler, (apr_size_t)n);
    list_raw(pb, "\"}", list->is_csv ? 0 : 2);
}

static inline void list_add_rows(struct printbuf *pb, const list_model *list, const list_entry *e)
{
    int i;

    for (i = 0; i < e->rows; i++) {
        list_raw(pb, list->format->separator, i ? list->format->separator_len : 0);
        list_add_row(pb, list, e, i);
    }
}

/** The list as list/list_reader.h writes it, with its chunks. */
static inline kiss_spool *list_write(const list_model *list, apr_pool_t *p)
{
    const kiss_row_format *f = list->format;
    kiss_chunks *chunks;
    kiss_spool *spool;
    int i, rows = 0;

    MUST(kiss_spool_create_linkable(&spool, "/tmp", p) == APR_SUCCESS);
    MUST(kiss_chunks_begin(&chunks, spool, f, p) == APR_SUCCESS);
    for (i = 0; i < list->n; i++) {
        int at = spool->buffer->bpos;

        if (list->entry[i].rows) {
            list_raw(spool->buffer, rows ? f->separator : f->begin, rows ? f->separator_len : f->begin_len);
            list_add_rows(spool->buffer, list, &list->entry[i]);
            MUST(kiss_chunks_row(chunks, at) == APR_SUCCESS && kiss_spool_flush(spool, 0) == APR_SUCCESS);
            rows = 1;
        }
    }
    kiss_chunks_end(chunks);
    list_raw(spool->buffer, rows ? f->end : f->empty, strlen(rows ? f->end : f->empty));
    MUST(kiss_spool_flush(spool, 1) == APR_SUCCESS);
    return spool;
}

/** All that was written to a spool; a copy with a NUL after it. */
static inline kiss_value list_content(kiss_spool *spool, apr_pool_t *p)
{
    const kiss_stored stored = kiss_spool_stored(spool);
    char *text = apr_palloc(p, (apr_size_t)stored.size + 1);
    kiss_value all = { text, (apr_size_t)stored.size };
    apr_off_t at, offset, n;
    apr_file_t *file;

    for (at = 0; at < stored.size; at += n) {
        n = kiss_extent_find(&stored, at, &file, &offset);
        MUST(n > 0 && apr_file_seek(file, APR_SET, &offset) == APR_SUCCESS);
        MUST(apr_file_read_full(file, text + at, (apr_size_t)n, NULL) == APR_SUCCESS);
    }
    text[all.len] = '\0';
    return all;
}

/** The text of a list with its chunks: in one piece, or (`apart`) each chunk a piece of its own. */
static inline kiss_chunked list_chunked(const kiss_value *text, const apr_array_header_t *chunks,
                                        const kiss_row_format *format, int apart, apr_pool_t *p)
{
    kiss_piece *pieces = apr_pcalloc(p, sizeof(*pieces) * (apr_size_t)((chunks ? chunks->nelts : 0) + 1));
    kiss_chunked made = { .text = kiss_list_text_of(pieces, text->data, text->len, format), .chunks = chunks };
    apr_off_t at = 0;
    int i;

    for (i = 0; apart && chunks && i < chunks->nelts; i++) {
        const apr_size_t n = APR_ARRAY_IDX(chunks, i, kiss_chunk).length;

        /* A copy: a read past the end of a piece is one past the end of an allocation. */
        pieces[i] = (kiss_piece){ .len = i + 1 < chunks->nelts ? n : text->len - (apr_size_t)at, .start = at, .stored = at };
        pieces[i].data = apr_pmemdup(p, text->data + at, pieces[i].len);
        made.text.count = i + 1;
        at += (apr_off_t)n;
    }
    return made;
}

/** Changes some entries as the input says, and makes the list of its earlier state with them. */
static inline kiss_spool *list_change(list_model *list, const kiss_chunked *old, fuzz_bytes *in, apr_pool_t *p)
{
    struct printbuf *pb = kiss_json_text_buffer(p);
    kiss_patch *patch;
    kiss_spool *spool;
    int i;

    MUST(kiss_spool_create_linkable(&spool, "/tmp", p) == APR_SUCCESS);
    MUST(kiss_patch_begin(&patch, spool, old, p) == APR_SUCCESS);
    for (i = 0; i < list->n; i++) {
        list_entry *e = &list->entry[i];
        const unsigned what = fuzz_byte(in);
        kiss_value rows;

        if (what < 128) {
            continue;
        }
        e->rows = (int)(what % (list->is_csv ? 2 : 4));
        e->version += (int)(what >> 2 & 1);
        printbuf_reset(pb);
        list_add_rows(pb, list, e);
        rows = (kiss_value){ pb->buf, (apr_size_t)pb->bpos };
        MUST(kiss_patch_put(patch, &e->sku, &rows) == APR_SUCCESS);
    }
    MUST(kiss_patch_end(patch) == APR_SUCCESS && kiss_spool_flush(spool, 1) == APR_SUCCESS);
    return spool;
}

static inline int list_same(const kiss_value *a, const kiss_value *b)
{
    return a->len == b->len && memcmp(a->data, b->data, a->len) == 0;
}

#endif
