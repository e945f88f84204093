/* SPDX-License-Identifier: Apache-2.0 */
/* Unit test of kiss_patch and kiss_rows_seek(): a list that was patched through a random history is, byte for byte, the
   list that is
 * written whole. */
#include <stdlib.h>
#include <string.h>

#include <apr_strings.h>
#include <zlib.h>

#include "lib/base/json_text.h"
#include "lib/file/list_patch.h"
#include "lib/file/list_rows.h"
#include "unit.h"

#define MOST 3000                       /* SKUs that there can be */
#define ROW 6000                        /* most bytes of a row */

/** A SKU, and what it has in the list: `rows` of them, of which `version` tells the text. */
typedef struct {
    kiss_value sku;
    int rows;
    int version;
} entry;

static entry entries[MOST];
static int size;

static int by_sku(const void *a, const void *b)
{
    return kiss_rows_order(&((const entry *)a)->sku, &((const entry *)b)->sku);
}

/**
 * Makes n SKUs in their order: with prefixes of each other, quotes, backslashes, control characters, letters beyond ASCII.
 */
static void make_skus(int n)
{
    static const char *const odd[] = { "", "\"", "\\", "\\\"", "\n", "\x01", "\x7f", "\xc3\x9c", "\xf0\x9f\x98\x80", "/",
                                       "u0041", "{", "},", "]" };
    int i;

    memset(entries, 0, sizeof(entries));
    for (i = 0, size = n; i < n; i++) {
        const char *text = apr_psprintf(pool, "%s%d%s", odd[dice(14)], i % 7 ? i : i / 7, odd[dice(14)]);

        entries[i].sku.data = text = apr_pstrcat(pool, text, i % 5 ? "" : odd[dice(14)], apr_itoa(pool, i), NULL);
        entries[i].sku.len = strlen(text);
    }
    qsort(entries, (size_t)n, sizeof(entry), by_sku);
}

/** Appends one row. Its SKU is the first member in every other list, as in /products, or stands behind others. */
static void add_row(struct printbuf *pb, const entry *e, int row, int wide)
{
    static char filler[ROW];
    apr_size_t replaced = 0;

    memset(filler, 'x', sizeof(filler));
    sprintbuf(pb, "{%s\"SKU\":", wide ? "" : "\"Name\":\"\\\"SKU\\\":\\\"no\",");
    kiss_json_text_string(pb, e->sku.data, e->sku.len, &replaced);
    sprintbuf(pb, ",\"Row\":%d,\"Version\":%d,\"Text\":\"%.*s\"}", row, e->version, wide ? (e->version * 37 + row) % ROW
              : e->version % 3, filler);
}

static void add_rows(struct printbuf *pb, const entry *e, int wide)
{
    int i;

    for (i = 0; i < e->rows; i++) {
        kiss_json_text_raw(pb, ",\n", i ? 2 : 0);
        add_row(pb, e, i, wide);
    }
}

/** The list as it is written whole. */
static struct printbuf *write_whole(int wide, apr_pool_t *p)
{
    struct printbuf *pb = kiss_json_text_buffer(p);
    int i, n = 0;

    kiss_json_text_raw(pb, "[", 1);
    for (i = 0; i < size; i++) {
        kiss_json_text_raw(pb, ",\n", n && entries[i].rows ? 2 : 0);
        add_rows(pb, &entries[i], wide);
        n += entries[i].rows;
    }
    kiss_json_text_raw(pb, "]", 1);
    return pb;
}

/** Changes one entry in `one_in`, and puts it; now and then one that has not changed. */
static apr_status_t change_some(kiss_patch *patch, int one_in, int wide, apr_pool_t *p)
{
    struct printbuf *pb = kiss_json_text_buffer(p);
    apr_status_t rv = APR_SUCCESS;
    int i;

    for (i = 0; i < size && rv == APR_SUCCESS; i++) {
        kiss_value rows;

        if (dice((apr_uint32_t)one_in)) {
            continue;
        }
        entries[i].rows = dice(3) ? 1 : (int)dice(4);
        entries[i].version += (int)dice(2);
        printbuf_reset(pb);
        add_rows(pb, &entries[i], wide);
        rows.data = pb->buf;
        rows.len = (apr_size_t)pb->bpos;
        rv = kiss_patch_put(patch, &entries[i].sku, &rows);
    }
    return rv;
}

/** Everything that was written to a spool, as text. */
static struct printbuf *content(kiss_spool *spool, apr_pool_t *p)
{
    struct printbuf *pb = kiss_json_text_buffer(p);
    apr_off_t start = 0;

    kiss_spool_flush(spool, 1);
    apr_file_seek(spool->file, APR_SET, &start);
    apr_file_read_full(spool->file, kiss_json_text_room(pb, (apr_size_t)spool->size), (apr_size_t)spool->size, NULL);
    pb->bpos = (int)spool->size;
    return pb;
}

/** The list as list/list_reader.h writes it, row by row, with its chunks. */
static kiss_spool *write_spool(int wide, apr_pool_t *p)
{
    kiss_chunks *chunks;
    kiss_spool *spool;
    int i, j, rows = 0;

    if (kiss_spool_create_linkable(&spool, "/tmp", p) != APR_SUCCESS
        || kiss_chunks_begin(&chunks, spool, p) != APR_SUCCESS) {
        return NULL;
    }
    for (i = 0; i < size; i++) {
        for (j = 0; j < entries[i].rows; j++, rows++) {
            int at = spool->buffer->bpos;

            kiss_json_text_raw(spool->buffer, rows ? ",\n" : "[", rows ? 2 : 1);
            add_row(spool->buffer, &entries[i], j, wide);
            if (kiss_chunks_row(chunks, at) != APR_SUCCESS || kiss_spool_flush(spool, 0) != APR_SUCCESS) {
                return NULL;
            }
        }
    }
    kiss_chunks_end(chunks);
    kiss_json_text_raw(spool->buffer, rows ? "]" : "[]", rows ? 1 : 2);
    return kiss_spool_flush(spool, 1) == APR_SUCCESS ? spool : NULL;
}

/** 1 when both lists consist of the same chunks, and these are those of the text. */
static int same_chunks(const kiss_spool *a, const kiss_spool *b, const struct printbuf *text)
{
    apr_size_t at = 0;
    int i;

    for (i = 0; i < a->chunks->nelts && i < b->chunks->nelts; i++) {
        const kiss_chunk *x = &APR_ARRAY_IDX(a->chunks, i, kiss_chunk), *y = &APR_ARRAY_IDX(b->chunks, i, kiss_chunk);

        if (x->length != y->length || x->checksum != y->checksum || memcmp(text->buf + at, i ? ",\n{" : "[{", i ? 3 : 2) != 0
            || x->checksum != crc32(0, (const Bytef *)text->buf + at, x->length)) {
            return 0;
        }
        at += x->length;
    }
    return a->chunks->nelts == b->chunks->nelts && at + (at ? 1 : 2) == (apr_size_t)text->bpos;
}

/** How many chunks of a list are not new. */
static int count_copied(const kiss_spool *new, const kiss_chunked *old)
{
    int i, j, n = 0;

    for (i = 0, j = 0; i < new->chunks->nelts; i++) {
        for (j = 0; old->chunks && j < old->chunks->nelts; j++) {
            n += APR_ARRAY_IDX(new->chunks, i, kiss_chunk).id == APR_ARRAY_IDX(old->chunks, j, kiss_chunk).id;
        }
    }
    return n;
}

/** The text of a list, in pieces that begin and end where its chunks do. */
static kiss_list_text in_pieces(const struct printbuf *list, const apr_array_header_t *all, apr_pool_t *p)
{
    apr_array_header_t *pieces = apr_array_make(p, 1, sizeof(kiss_piece));
    const int one_in = 1 + (int)dice(5), apart = (int)dice(2);
    kiss_list_text text;
    apr_off_t at = 0;
    int i;

    APR_ARRAY_PUSH(pieces, kiss_piece) = (kiss_piece){ .data = list->buf };
    for (i = 0; i < all->nelts; i++) {
        at += APR_ARRAY_IDX(all, i, kiss_chunk).length;
        APR_ARRAY_IDX(pieces, pieces->nelts - 1, kiss_piece).len = (apr_size_t)(list->buf + at
            - APR_ARRAY_IDX(pieces, pieces->nelts - 1, kiss_piece).data);
        if (!dice((apr_uint32_t)one_in) && (apart || i + 1 < all->nelts)) {
            APR_ARRAY_PUSH(pieces, kiss_piece) = (kiss_piece){ .data = list->buf + at, .start = at };
        }
    }
    APR_ARRAY_IDX(pieces, pieces->nelts - 1, kiss_piece).len = (apr_size_t)(list->buf + list->bpos
        - APR_ARRAY_IDX(pieces, pieces->nelts - 1, kiss_piece).data);
    text.pieces = (const kiss_piece *)pieces->elts;
    text.count = pieces->nelts;
    return text;
}

static int copied, chunks;              /* in a history */

/** One step of a history: the list that is patched is the one that is written. @return 1 when it is */
static int step(kiss_chunked *state, int one_in, int wide, apr_pool_t *p)
{
    struct printbuf *now, *patched, *written;
    kiss_spool *spool, *whole;
    kiss_patch *patch;

    if (kiss_spool_create_linkable(&spool, "/tmp", p) != APR_SUCCESS
        || kiss_patch_begin(&patch, spool, state, p) != APR_SUCCESS
        || change_some(patch, one_in, wide, p) != APR_SUCCESS || kiss_patch_end(patch) != APR_SUCCESS
        || !(whole = write_spool(wide, p))) {
        return 0;
    }
    now = write_whole(wide, p);
    patched = content(spool, p);
    written = content(whole, p);
    copied += count_copied(spool, state);
    chunks += spool->chunks->nelts;
    state->chunks = dice(20) ? spool->chunks : NULL;    /* now and then they are not known */
    state->text = in_pieces(patched, spool->chunks, p);
    return patched->bpos == now->bpos && memcmp(patched->buf, now->buf, (size_t)now->bpos) == 0
           && written->bpos == now->bpos && memcmp(written->buf, now->buf, (size_t)now->bpos) == 0
           && same_chunks(spool, whole, now) && kiss_spool_checksum(spool) == kiss_spool_checksum(whole)
           && kiss_spool_checksum(spool) == crc32(0, (const Bytef *)now->buf, (uInt)now->bpos);
}

static void history(int n, int wide, int steps)
{
    kiss_piece none;
    kiss_chunked state = { kiss_list_text_of(&none, "[]", 2), NULL };
    apr_pool_t *p[2];                   /* of this state, and of the one before */
    int i, good = 1;

    apr_pool_create(&p[0], pool);
    apr_pool_create(&p[1], pool);
    make_skus(n);
    copied = chunks = 0;
    for (i = 0; i < steps && good; i++) {
        apr_pool_clear(p[i % 2]);
        good = step(&state, 1 + (int)dice(dice(2) ? 4 : (apr_uint32_t)n + 1), wide, p[i % 2]);
    }
    ok(good, apr_psprintf(pool, "%d states of %d %s SKUs are patched as they are written (%d of %d chunks copied)", i, n,
                          wide ? "wide" : "narrow", copied, chunks));
}

/** From every SKU on, every later one is found, also one that is not there. */
static void searching(void)
{
    static const char two[] = "[{\"SKU\":\"a\"},\n{\"SKU\":\"b\"}]";
    struct printbuf *list;
    kiss_list_text text;
    kiss_row_group g;
    kiss_piece piece;
    int i, j, good = 1;

    make_skus(800);
    for (i = 0; i < size; i++) {
        entries[i].rows = (int)dice(3);
        entries[i].version = (int)dice(300);
    }
    list = write_whole(1, pool);
    text = in_pieces(list, write_spool(1, pool)->chunks, pool);
    okf(text.count > 3, "a list in %d pieces", text.count);
    for (i = 0; i < size && good; i += 1 + (int)dice(9)) {
        good = kiss_rows_first(&g, &text) == 0 && kiss_rows_seek(&g, &entries[i].sku) == 0;
        for (j = i; j < size && good; j += 1 + (int)dice(80)) {
            char buffer[KISS_ROWS_KEY];
            kiss_value key;
            int next = j;

            while (next < size && !entries[next].rows) {
                next++;
            }
            good = kiss_rows_seek(&g, &entries[j].sku) == 0 && !g.len == (next == size)
                   && (!g.len || (kiss_rows_key(&key, buffer, &g.key) == 0
                                  && kiss_rows_order(&key, &entries[next].sku) == 0));
        }
    }
    ok(good, "whatever is sought is found");
    for (i = j = 0; i < size; i++) {
        j += entries[i].rows;
    }
    okf(kiss_rows_estimate(&text) > (apr_size_t)j / 2 && kiss_rows_estimate(&text) < (apr_size_t)j * 2, "about %d rows", j);
    text = kiss_list_text_of(&piece, "", 0);
    ok(kiss_rows_estimate(&text) == 0, "... none in nothing");
    text = kiss_list_text_of(&piece, two, strlen(two));
    ok(kiss_rows_estimate(&text) == 2, "... in a short list exactly");
}

/** What is no list is refused, not read beyond its end. */
static void damage(void)
{
    static const char *const bad[] = { "", "[", "]", "{}", "[{}", "[{}]x", "[x]", "[{\"SKU\":\"a}]",
                                       "[{\"SKU\":\"a\"}\n{\"SKU\":\"b\"}]",
                                       "[{\"SKU\":\"a\\q\"}]", "[{\"SKU\":\"a\\u0\"}]", "[{\"SKU\":\"a\"},\n]" };
    apr_size_t i;

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        kiss_piece piece;
        const kiss_chunked list = { kiss_list_text_of(&piece, apr_pstrdup(pool, bad[i]), strlen(bad[i])), NULL };
        const kiss_value sku = { "b", 1 }, none = { NULL, 0 };
        kiss_spool *spool;
        kiss_patch *patch;

        kiss_spool_create_linkable(&spool, "/tmp", pool);
        ok(kiss_patch_begin(&patch, spool, &list, pool) == APR_EGENERAL
           || kiss_patch_put(patch, &sku, &none) == APR_EGENERAL,
           apr_psprintf(pool, "list %d is refused", (int)i));
    }
}

void unit_list_patch(void)
{
    history(0, 0, 3);
    history(1, 0, 60);
    history(2, 1, 100);
    history(5, 0, 300);
    history(40, 1, 300);
    history(MOST, 0, 100);
    history(1000, 1, 40);
    searching();
    damage();
}
