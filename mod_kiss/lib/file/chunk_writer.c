/* SPDX-License-Identifier: Apache-2.0 */
/**
 * chunk_writer - builds the chunk index of a list while it is written or copied.
 */
#include "lib/file/chunk_writer.h"

#include <string.h>
#include <zlib.h>

#include "lib/base/crypto.h"
#include "lib/base/json_text.h"

struct kiss_chunks {
    kiss_spool *spool;
    const kiss_row_format *format;
    apr_uint64_t id;            /* of the next new chunk */
    apr_off_t rows;             /* where the rows of the last SKU start */
    struct printbuf *head;      /* the start of the last row up to its SKU, and the SKU as it is written */
    apr_size_t sku;             /* offset of the SKU there */
    int is_open;                /* 1 when there are rows after the last chunk */
    int is_own;                 /* 1 when a row of the last SKU was not referred to: no later row of it is */
    int is_last;                /* 1 when the last chunk was the last one of a list: no row can follow */
    int old;                    /* number of chunks of the earlier version that were passed */
    apr_off_t old_end;          /* where these end */
    int piece;                  /* its piece that was read last */
};

apr_status_t kiss_chunks_begin(kiss_chunks **chunks, kiss_spool *spool, const kiss_row_format *format, apr_pool_t *p)
{
    kiss_chunks *c = apr_pcalloc(p, sizeof(*c));
    apr_status_t rv = kiss_crypto_random((unsigned char *)&c->id, sizeof(c->id));

    c->spool = spool;
    c->format = format;
    c->head = kiss_json_text_buffer(p);
    spool->chunks = apr_array_make(p, 256, sizeof(kiss_chunk));
    *chunks = c;
    return rv == APR_SUCCESS && !c->head ? APR_ENOMEM : rv;
}

/** Ends a chunk at an offset in the buffer. */
static void end_chunk(kiss_chunks *c, int at)
{
    kiss_chunk chunk = { .id = c->id++ };
    apr_off_t length;

    chunk.checksum = kiss_spool_cut(c->spool, at, &length);
    chunk.length = (apr_uint32_t)length;
    APR_ARRAY_PUSH(c->spool->chunks, kiss_chunk) = chunk;
    c->is_open = 0;
}

/** Ends the chunk at an offset in the buffer after the rows of the last SKU, if the rule says so. */
static void end_rows(kiss_chunks *c, int at)
{
    apr_off_t end = c->spool->size + at;
    kiss_value sku = { c->head->buf + c->sku, (apr_size_t)c->head->bpos - c->sku };

    if (c->is_open && kiss_chunk_ends(end - c->spool->cut, end - c->rows, &sku)) {
        end_chunk(c, at);
    }
}

/** Finds the SKU of a row. A row that starts as the last one did has it at the same offset. */
static int find_sku(const kiss_chunks *c, kiss_value *sku, const char *row, const char *end)
{
    if (c->format->key_at && c->sku && (apr_size_t)(end - row) > c->sku && memcmp(row, c->head->buf, c->sku) == 0) {
        return c->format->key_at(sku, row + c->sku, end);
    }
    return c->format->find_key(sku, row, end);
}

/** Keeps the start of a row. */
static apr_status_t keep_head(kiss_chunks *c, const char *row, const kiss_value *sku)
{
    c->sku = (apr_size_t)(sku->data - row);
    printbuf_reset(c->head);
    return kiss_json_text_raw(c->head, row, c->sku + sku->len) ? APR_ENOMEM : APR_SUCCESS;
}

/** 1 when a row is of the last SKU. */
static int is_of_last(const kiss_chunks *c, const kiss_value *sku)
{
    return c->is_open && c->sku + sku->len == (apr_size_t)c->head->bpos
           && memcmp(sku->data, c->head->buf + c->sku, sku->len) == 0;
}

/** Adds a row that starts, with its separator, at an offset in the buffer. @param row its text; other rows may follow */
static apr_status_t add_row(kiss_chunks *c, int at, const char *row, const char *end)
{
    kiss_value sku;

    if (c->is_last || row >= end || find_sku(c, &sku, row, end) != 0) {
        return APR_EGENERAL;
    }
    if (is_of_last(c, &sku)) {
        return APR_SUCCESS;
    }
    end_rows(c, at);
    c->is_open = 1;
    c->rows = c->spool->size + at;
    return keep_head(c, row, &sku);
}

apr_status_t kiss_chunks_row(kiss_chunks *c, int at)
{
    const struct printbuf *pb = c->spool->buffer;

    return add_row(c, at, pb->buf + at + (c->spool->size + at ? c->format->separator_len : c->format->begin_len),
                   pb->buf + pb->bpos);
}

void kiss_chunks_end(kiss_chunks *c)
{
    if (c->is_open) {
        end_chunk(c, c->spool->buffer->bpos);
    }
}

/* --- from an earlier version --- */

/** Length of the separator before the row at this offset. */
static apr_off_t separator(const kiss_chunks *c, apr_off_t row)
{
    const apr_off_t first = (apr_off_t)c->format->begin_len;

    return row == first ? first : (apr_off_t)c->format->separator_len;
}

/** The piece of the earlier version that has the byte at an offset, which is no less than that of the last call. */
static const kiss_piece *piece_at(kiss_chunks *c, const kiss_chunked *old, apr_off_t at)
{
    const kiss_piece *p = &old->text.pieces[c->piece];

    while (at >= p->start + (apr_off_t)p->len && c->piece + 1 < old->text.count) {
        p = &old->text.pieces[++c->piece];
    }
    return p;
}

/** Takes bytes of complete chunks from the earlier version. @return APR_EGENERAL when it ends before */
static apr_status_t take_bytes(kiss_chunks *c, const kiss_chunked *old, apr_off_t from, apr_off_t to)
{
    apr_status_t rv = APR_SUCCESS;

    while (rv == APR_SUCCESS && from < to) {
        const kiss_piece *p = piece_at(c, old, from);
        const apr_off_t at = from - p->start;
        const apr_size_t len = (apr_size_t)((p->start + (apr_off_t)p->len < to ? p->start + (apr_off_t)p->len : to) - from);

        if (at < 0 || at >= (apr_off_t)p->len) {
            return APR_EGENERAL;
        }
        if (!c->spool->extents) {
            rv = kiss_spool_copy_part(c->spool, p->data + at, len);
        }
        else if (p->in_base) {
            kiss_spool_refer(c->spool, p->stored + at, len);
        }
        else {
            rv = kiss_spool_keep(c->spool, p->data + at, len);
        }
        from += (apr_off_t)len;
    }
    return rv;
}

/** Copies `n` chunks of the earlier version from the current position in it. */
static apr_status_t copy_chunks(kiss_chunks *c, const kiss_chunked *old, int n)
{
    const int copies = !c->spool->extents;
    const apr_off_t start = c->old_end;
    uLong checksum = crc32(0, NULL, 0);
    apr_status_t rv;
    int i;

    for (i = c->old; i < c->old + n; i++) {
        const kiss_chunk *chunk = &APR_ARRAY_IDX(old->chunks, i, kiss_chunk);

        APR_ARRAY_PUSH(c->spool->chunks, kiss_chunk) = *chunk;
        c->old_end += chunk->length;
        if (copies) {                   /* else the checksum is that of the list's own bytes */
            checksum = crc32_combine(checksum, chunk->checksum, (z_off_t)chunk->length);
        }
    }
    c->old += n;
    c->is_last = c->old == old->chunks->nelts;
    rv = take_bytes(c, old, start, c->old_end);
    if (copies && rv == APR_SUCCESS) {
        kiss_spool_copied(c->spool, c->old_end - start, (apr_uint32_t)checksum);
    }
    return rv;
}

/**
 * Number of chunks of the earlier version that can be copied from a row up to `to`: chunks that start here in both
 * versions, and end before `to`. The last one ended with the list, not by the rule: it can only be copied where the new
 * list ends, too.
 */
static int count_chunks(kiss_chunks *c, const kiss_chunked *old, apr_off_t from, apr_off_t to, int last)
{
    apr_off_t end;
    int n = 0, most;

    if (!old->chunks) {
        return 0;
    }
    most = last ? old->chunks->nelts : old->chunks->nelts - 1;
    for (; c->old < most && c->old_end + separator(c, from) < from; c->old++) {
        c->old_end += APR_ARRAY_IDX(old->chunks, c->old, kiss_chunk).length;
    }
    if (c->old >= most || c->old_end + separator(c, from) != from) {
        return 0;
    }
    /* The rows written before are all rows of another SKU. */
    end_rows(c, c->spool->buffer->bpos);
    if (c->is_open || (c->old == 0) != (c->spool->cut == 0)) {
        return 0;
    }
    end = c->old_end;
    while (c->old + n < most && (end += APR_ARRAY_IDX(old->chunks, c->old + n, kiss_chunk).length) <= to) {
        n++;
    }
    return n;
}

/** Appends what precedes a row. @return 0, or -1 when there is no memory */
static int append_separator(const kiss_chunks *c)
{
    const kiss_row_format *f = c->format;
    int first = c->spool->size + c->spool->buffer->bpos == 0;

    return kiss_json_text_raw(c->spool->buffer, first ? f->begin : f->separator, first ? f->begin_len : f->separator_len);
}

/** Length of what precedes a row of the earlier version, if the new list can refer to it there as well; else 0. */
static apr_size_t referable(const kiss_chunks *c, const kiss_piece *p, const char *row)
{
    const apr_off_t at = row - p->data, before = separator(c, p->start + at);
    const int was_first = p->start + at == (apr_off_t)c->format->begin_len;
    const int is_first = c->spool->size + c->spool->buffer->bpos == 0;

    return c->spool->extents && p->in_base && was_first == is_first && before && at >= before ? (apr_size_t)before : 0;
}

/** Refers to rows of the earlier version, with what precedes them. */
static void refer_rows(kiss_chunks *c, const kiss_piece *p, const char *row, apr_size_t len, apr_size_t before)
{
    kiss_spool_refer_part(c->spool, p->stored + (row - p->data) - (apr_off_t)before, row - before, len + before);
}

/**
 * 1 when the rows at `row` begin with one of the last SKU, and the list has others of it as its own: they are its own, too,
 * for the rows of a SKU are in one range (kiss_row_group).
 */
static int stays_own(const kiss_chunks *c, const char *row, const char *end)
{
    kiss_value sku;

    return c->is_own && c->is_open && find_sku(c, &sku, row, end) == 0 && is_of_last(c, &sku);
}

/** Appends one row of the earlier version. @return its length; 0 when it is no row, or there is no memory */
static apr_size_t append_row(kiss_chunks *c, const kiss_piece *p, const char *row, const char *end)
{
    const char *feed = kiss_row_format_feed(c->format, row, end);
    const char *to = feed ? feed + 1 - c->format->separator_len : end;
    const apr_size_t len = to > row ? (apr_size_t)(to - row) : 0;
    const apr_size_t before = len && !stays_own(c, row, to) ? referable(c, p, row) : 0;
    const int at = c->spool->buffer->bpos;

    if (!len) {
        return 0;
    }
    c->is_own = !before;
    if (before) {
        if (add_row(c, at, row, to) != APR_SUCCESS) {
            return 0;
        }
        refer_rows(c, p, row, len, before);
        return len;
    }
    return append_separator(c) || kiss_json_text_raw(c->spool->buffer, row, len) || kiss_chunks_row(c, at) != APR_SUCCESS
           ? 0 : len;
}

/**
 * Where the rows of a SKU start such that no chunk can end before: the last ones of these rows. `row` when there are none,
 * or when one has no SKU.
 */
static const char *last_unexamined(const kiss_chunks *c, const char *row, const char *end)
{
    const kiss_row_format *f = c->format;
    apr_off_t open = c->spool->size + c->spool->buffer->bpos - c->spool->cut;
    apr_off_t room = KISS_CHUNK_MIN - (apr_off_t)f->separator_len - open;
    const char *at = room <= 0 ? row : kiss_row_format_last(f, row, room < end - row ? row + room : end);
    const char *before;
    kiss_value sku, other;

    for (; at > row; at = before) {
        before = kiss_row_format_last(f, row, at - f->separator_len);
        if (f->find_key(&sku, at, end) != 0 || f->find_key(&other, before, at) != 0) {
            return row;
        }
        if (sku.len != other.len || memcmp(sku.data, other.data, sku.len) != 0) {
            return at;
        }
    }
    return row;
}

/** Appends the rows of the earlier version that no chunk can end with. @return their length, with a separator after them */
static apr_size_t append_unexamined(kiss_chunks *c, const kiss_piece *p, const char *row, const char *end)
{
    const char *to = last_unexamined(c, row, end);
    const apr_size_t len = (apr_size_t)(to - row), before = referable(c, p, row);
    struct printbuf *pb = c->spool->buffer;
    const int at = pb->bpos;

    if (!len) {
        return 0;
    }
    if (before) {
        refer_rows(c, p, row, len - c->format->separator_len, before);
    }
    else if (append_separator(c) || kiss_json_text_raw(pb, row, len - c->format->separator_len)) {
        pb->bpos = at;                  /* without memory: row by row, from here, with the separator once */
        return 0;
    }
    c->is_open = 1;
    return len;
}

/** Appends the next rows of the earlier version, one at least. @param from where they start; advanced to those after them */
static apr_status_t append_rows(kiss_chunks *c, const kiss_chunked *old, apr_off_t *from, apr_off_t to)
{
    const apr_off_t before = separator(c, *from);
    const kiss_piece *p = piece_at(c, old, *from);
    const apr_off_t at = *from - p->start;
    const char *row = p->data + at, *end = p->data + (to - p->start < (apr_off_t)p->len ? to - p->start : (apr_off_t)p->len);
    const char *is = before == *from ? c->format->begin : c->format->separator;
    apr_size_t len;

    if (at < before || row >= end || memcmp(row - before, is, (size_t)before) != 0) {
        return APR_EGENERAL;
    }
    row += stays_own(c, row, end) ? 0 : append_unexamined(c, p, row, end);
    len = append_row(c, p, row, end);
    *from = p->start + (row - p->data) + (apr_off_t)len + (apr_off_t)c->format->separator_len;
    return len ? kiss_spool_flush(c->spool, 0) : APR_EGENERAL;
}

apr_status_t kiss_chunks_run(kiss_chunks *c, const kiss_chunked *old, apr_off_t from, apr_off_t to, int last)
{
    apr_status_t rv = APR_SUCCESS;

    while (rv == APR_SUCCESS && from < to) {
        int n = count_chunks(c, old, from, to, last);

        if (n) {
            rv = copy_chunks(c, old, n);
            from = c->old_end + (apr_off_t)c->format->separator_len;
        }
        else {
            rv = append_rows(c, old, &from, to);
        }
    }
    return rv;
}
