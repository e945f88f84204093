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

/** The list that was written to a spool, as text. */
static struct printbuf *content(kiss_spool *spool, apr_pool_t *p)
{
    struct printbuf *pb = kiss_json_text_buffer(p);
    kiss_stored stored;
    apr_off_t at, offset, n;
    apr_file_t *file;

    kiss_spool_flush(spool, 1);
    stored = kiss_spool_stored(spool);
    for (at = 0; at < stored.size && (n = kiss_extent_find(&stored, at, &file, &offset)) > 0; at += n) {
        apr_file_seek(file, APR_SET, &offset);
        apr_file_read_full(file, kiss_json_text_room(pb, (apr_size_t)n), (apr_size_t)n, NULL);
        pb->bpos += (int)n;
    }
    return pb;
}

/** The list as list/list_reader.h writes it, row by row, with its chunks. */
static kiss_spool *write_spool(int wide, apr_pool_t *p)
{
    kiss_chunks *chunks;
    kiss_spool *spool;
    int i, j, rows = 0;

    if (kiss_spool_create_linkable(&spool, "/tmp", p) != APR_SUCCESS
        || kiss_chunks_begin(&chunks, spool, &kiss_row_format_json, p) != APR_SUCCESS) {
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

    APR_ARRAY_PUSH(pieces, kiss_piece) = (kiss_piece){ .data = list->buf, .in_base = 1 };
    for (i = 0; i < all->nelts; i++) {
        at += APR_ARRAY_IDX(all, i, kiss_chunk).length;
        APR_ARRAY_IDX(pieces, pieces->nelts - 1, kiss_piece).len = (apr_size_t)(list->buf + at
            - APR_ARRAY_IDX(pieces, pieces->nelts - 1, kiss_piece).data);
        if (!dice((apr_uint32_t)one_in) && (apart || i + 1 < all->nelts)) {
            APR_ARRAY_PUSH(pieces, kiss_piece) = (kiss_piece){ .data = list->buf + at, .start = at, .stored = at,
                                                               .in_base = 1 };
        }
    }
    APR_ARRAY_IDX(pieces, pieces->nelts - 1, kiss_piece).len = (apr_size_t)(list->buf + list->bpos
        - APR_ARRAY_IDX(pieces, pieces->nelts - 1, kiss_piece).data);
    text.pieces = (const kiss_piece *)pieces->elts;
    text.count = pieces->nelts;
    text.format = &kiss_row_format_json;
    return text;
}

/** The same by its extents. */
static kiss_list_text in_extents(const struct printbuf *list, const apr_array_header_t *extents, apr_pool_t *p)
{
    kiss_piece *pieces = apr_pcalloc(p, (apr_size_t)extents->nelts * sizeof(*pieces));
    kiss_list_text text = { pieces, extents->nelts, &kiss_row_format_json };
    apr_off_t start = 0;
    int i;

    for (i = 0; i < extents->nelts; i++) {
        const kiss_extent *e = &APR_ARRAY_IDX(extents, i, kiss_extent);

        pieces[i] = (kiss_piece){ .data = list->buf + start, .len = (apr_size_t)e->length, .start = start,
                                  .stored = (apr_off_t)e->offset, .in_base = (int)e->in_base };
        start += (apr_off_t)e->length;
    }
    return text;
}

static kiss_spool *base;                /* the last one of a history that refers to no other */
static int copied, chunks, referred;    /* in a history */

/** 1 when the file of a spool has what its extents say, and its checksum. */
static int is_own(const kiss_spool *spool, apr_pool_t *p)
{
    const apr_off_t own = kiss_extents_own(spool->extents);
    char *text = apr_palloc(p, (apr_size_t)own + 1);
    apr_array_header_t *same;
    apr_off_t start = 0, end = 0;

    return apr_file_seek(spool->file, APR_SET, &start) == APR_SUCCESS
           && apr_file_read_full(spool->file, text, (apr_size_t)own, NULL) == APR_SUCCESS
           && apr_file_seek(spool->file, APR_END, &end) == APR_SUCCESS && end == own
           && kiss_spool_checksum(spool) == crc32(0, (const Bytef *)text, (uInt)own)
           && kiss_extents_fit(spool->extents, spool->size + (1 << 30))
           && kiss_extents_take(&same, (apr_size_t)spool->extents->nelts, spool->extents->elts, own, spool->size, p)
              == APR_SUCCESS;
}

/** 1 when the text can be walked: the rows of each SKU are in one piece. */
static int is_walkable(const kiss_list_text *text)
{
    kiss_row_group g;
    int rc = kiss_rows_first(&g, text);

    while (rc == 0 && g.len) {
        rc = kiss_rows_next(&g);
    }
    return rc == 0;
}

/** One step of a history: the list that is patched is the one that is written. @return 1 when it is */
static int step(kiss_chunked *state, int one_in, int wide, apr_pool_t *p)
{
    struct printbuf *now, *patched, *written;
    kiss_spool *spool, *whole;
    kiss_patch *patch;
    int refers = base && dice(4);

    if (kiss_spool_create_linkable(&spool, "/tmp", p) != APR_SUCCESS) {
        return 0;
    }
    if (refers) {
        kiss_spool_refer_to(spool, base->file, "base");
    }
    if (kiss_patch_begin(&patch, spool, state, p) != APR_SUCCESS
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
    state->text = refers ? in_extents(patched, spool->extents, p) : in_pieces(patched, spool->chunks, p);
    base = refers ? base : spool;
    referred += refers && spool->extents->nelts > 1;
    return patched->bpos == now->bpos && memcmp(patched->buf, now->buf, (size_t)now->bpos) == 0
           && written->bpos == now->bpos && memcmp(written->buf, now->buf, (size_t)now->bpos) == 0
           && same_chunks(spool, whole, now) && is_walkable(&state->text)
           && kiss_spool_checksum(whole) == crc32(0, (const Bytef *)now->buf, (uInt)now->bpos)
           && (refers ? is_own(spool, p) : kiss_spool_checksum(spool) == kiss_spool_checksum(whole));
}

static void history(int n, int wide, int steps)
{
    kiss_piece none;
    kiss_chunked state = { kiss_list_text_of(&none, "[]", 2, &kiss_row_format_json), NULL };
    apr_pool_t *before = NULL, *of_base = NULL, *now;       /* of the state before, of the base, of this state */
    int i, good = 1;

    make_skus(n);
    copied = chunks = referred = 0;
    base = NULL;
    for (i = 0; i < steps && good; i++) {
        apr_pool_create(&now, pool);
        good = step(&state, 1 + (int)dice(dice(2) ? 4 : (apr_uint32_t)n + 1), wide, now);
        if (before && before != of_base) {
            apr_pool_destroy(before);
        }
        if (good && base->pool == now) {
            if (of_base) {
                apr_pool_destroy(of_base);
            }
            of_base = now;
        }
        before = now;
    }
    ok(good, apr_psprintf(pool, "%d states of %d %s SKUs are patched as they are written (%d of %d chunks copied, %d states refer "
                          "to another)", i, n, wide ? "wide" : "narrow", copied, chunks, referred));
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
                   && (!g.len || (kiss_row_format_json.plain_key(&key, buffer, &g.key) == 0
                                  && kiss_rows_order(&key, &entries[next].sku) == 0));
        }
    }
    ok(good, "whatever is sought is found");
    for (i = j = 0; i < size; i++) {
        j += entries[i].rows;
    }
    okf(kiss_rows_estimate(&text) > (apr_size_t)j / 2 && kiss_rows_estimate(&text) < (apr_size_t)j * 2, "about %d rows", j);
    text = kiss_list_text_of(&piece, "", 0, &kiss_row_format_json);
    ok(kiss_rows_estimate(&text) == 0, "... none in nothing");
    text = kiss_list_text_of(&piece, two, strlen(two), &kiss_row_format_json);
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
        const kiss_list_text text_of = kiss_list_text_of(&piece, apr_pstrdup(pool, bad[i]), strlen(bad[i]),
                                                         &kiss_row_format_json);
        const kiss_chunked list = { text_of, NULL };
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
