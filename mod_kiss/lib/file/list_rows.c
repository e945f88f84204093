/* SPDX-License-Identifier: Apache-2.0 */
/**
 * list_rows - walks through the text of a list SKU by SKU, or searches it.
 */
#include "lib/file/list_rows.h"

#include <string.h>

/* Below this length a list is walked, not halved; also the first step of a search, whose steps are doubled. */
#define NEAR 512

/* Size of the part by which the number of rows is estimated. */
#define PART (64 * 1024)

/* --- pieces --- */

kiss_list_text kiss_list_text_of(kiss_piece *piece, const char *data, apr_size_t len, const kiss_row_format *format)
{
    const kiss_piece whole = { .data = data, .len = len };
    const kiss_list_text list = { piece, 1, format };

    *piece = whole;
    return list;
}

apr_off_t kiss_list_text_size(const kiss_list_text *list)
{
    const kiss_piece *last = &list->pieces[list->count - 1];

    return last->start + (apr_off_t)last->len;
}

/* --- SKUs --- */

int kiss_rows_order(const kiss_value *a, const kiss_value *b)
{
    int order = memcmp(a->data, b->data, a->len < b->len ? a->len : b->len);

    return order ? order : (a->len > b->len) - (a->len < b->len);
}

/* --- walk --- */

/** Finds the end of the row that starts here, and the next one. @return NULL when there is no row */
static const char *end_of_row(const kiss_row_format *f, const char *row, const char *end, const char **next)
{
    const char *feed = kiss_row_format_feed(f, row, end);
    const char *last = feed ? feed + 1 - f->separator_len : end;    /* at the separator, or after the row */

    if (last - row < 2 || (f->first && (*row != f->first || last[-1] != f->last))
        || (feed && (memcmp(last, f->separator, f->separator_len) != 0 || feed + 1 == end
                     || (f->first && feed[1] != f->first)))) {
        return NULL;
    }
    *next = feed ? feed + 1 : last;
    return last;
}

int kiss_rows_of_piece(const char **from, const char **to, const kiss_list_text *list, int piece)
{
    const kiss_piece *p = &list->pieces[piece];
    const kiss_row_format *f = list->format;
    const char *before = piece ? f->separator : f->begin;
    apr_size_t n = piece ? f->separator_len : f->begin_len, tail = piece == list->count - 1 ? f->end_len : 0;

    *from = *to = p->data + p->len;
    if (list->count == 1 && p->len == strlen(f->empty) && memcmp(p->data, f->empty, p->len) == 0) {
        return 0;
    }
    if (p->len < tail || memcmp(p->data + p->len - tail, f->end, tail) != 0) {
        return -1;
    }
    *to -= tail;
    if (tail && piece && p->len == tail) {
        *from = *to;
        return 0;                       /* no row, only the end of the list */
    }
    *from = p->data + n;
    /* A list without rows is written as `empty`, and in no other way. */
    return p->len < n + tail || memcmp(p->data, before, n) != 0 || (list->count == 1 && p->len == n + tail) ? -1 : 0;
}

/** Starts with the rows of a piece. */
static int enter_piece(kiss_row_group *g, int piece)
{
    g->piece = piece;
    return kiss_rows_of_piece(&g->rest, &g->end, g->list, piece);
}

/** 1 when the piece after that of a SKU begins with a row of it, too: then it is no list, since this must not be. */
static int is_divided(const kiss_row_group *g)
{
    const char *from, *to;
    kiss_value key;

    if (!g->len || g->rest < g->end || g->piece + 1 == g->list->count) {
        return 0;
    }
    return kiss_rows_of_piece(&from, &to, g->list, g->piece + 1) != 0
           || (from < to && (g->list->format->find_key(&key, from, to) != 0
                             || (key.len == g->key.len && memcmp(key.data, g->key.data, key.len) == 0)));
}

int kiss_rows_next(kiss_row_group *g)
{
    const kiss_row_format *f = g->list->format;
    const char *at, *next, *row_end;
    char buffer[KISS_ROWS_KEY];
    kiss_value key, plain;

    while (g->rest == g->end && g->piece + 1 < g->list->count) {
        if (enter_piece(g, g->piece + 1) != 0) {
            return -1;
        }
    }
    g->rows = at = next = g->rest;
    g->len = 0;
    while (at < g->end) {
        row_end = end_of_row(f, at, g->end, &next);
        if (!row_end || f->find_key(&key, at, row_end) != 0 || f->plain_key(&plain, buffer, &key) != 0) {
            return -1;
        }
        if (g->len && (key.len != g->key.len || memcmp(key.data, g->key.data, key.len) != 0)) {
            break;
        }
        g->key = key;
        g->len = (apr_size_t)(row_end - g->rows);
        g->rest = at = next;
    }
    return is_divided(g) ? -1 : 0;
}

int kiss_rows_first(kiss_row_group *g, const kiss_list_text *list)
{
    memset(g, 0, sizeof(*g));
    g->list = list;
    return enter_piece(g, 0) == 0 ? kiss_rows_next(g) : -1;
}

/* --- search --- */

/** Whether a row precedes a SKU. @return 1, 0, or -1 when it is no row */
static int is_before(const kiss_row_format *f, const char *row, const char *end, const kiss_value *sku)
{
    char buffer[KISS_ROWS_KEY];
    kiss_value written, key;

    if ((f->first && *row != f->first) || f->find_key(&written, row, end) != 0
        || f->plain_key(&key, buffer, &written) != 0) {
        return -1;
    }
    return kiss_rows_order(&key, sku) < 0;
}

/** Moves one of the bounds to a row between them, the first one after `at`. @return as is_before() */
static int probe(const kiss_row_format *f, const char **low, const char **high, const char *at, const char *end,
                 const kiss_value *sku)
{
    const char *feed = kiss_row_format_feed(f, at, *high);
    int before;

    if (!feed || feed + 1 >= *high) {
        *high = at;                     /* no row starts between them: the one at this offset was compared, or is the last */
        return 0;
    }
    before = is_before(f, feed + 1, end, sku);
    if (before > 0) {
        *low = feed + 1;
    }
    else {
        *high = at;
    }
    return before;
}

/** Passes pieces, as long as the next one starts with a row that precedes a SKU. @return 1; -1 when there is no row */
static int pass_pieces(kiss_row_group *g, const kiss_value *sku)
{
    int next, before = 1;

    for (next = g->piece + 1; before > 0 && next < g->list->count; next++) {
        const char *from, *to;

        before = kiss_rows_of_piece(&from, &to, g->list, next) != 0 ? -1
            : from < to ? is_before(g->list->format, from, to, sku) : 0;
        if (before > 0) {
            g->piece = next;
            g->rows = from;
            g->end = to;
        }
    }
    return before < 0 ? -1 : 1;
}

int kiss_rows_seek(kiss_row_group *g, const kiss_value *sku)
{
    const char *low, *high;
    apr_size_t step = NEAR;
    int before = g->len ? is_before(g->list->format, g->rows, g->end, sku) : 0;

    before = before > 0 ? pass_pieces(g, sku) : before;
    if (before <= 0) {
        return before;
    }
    low = g->rows;
    high = g->end;
    while (before > 0 && (apr_size_t)(high - low) > step) {
        before = probe(g->list->format, &low, &high, low + step, g->end, sku);
        step *= 2;
    }
    while (before >= 0 && high - low > NEAR) {
        before = probe(g->list->format, &low, &high, low + (high - low) / 2, g->end, sku);
    }
    if (before < 0) {
        return before;
    }
    /* The SKU of the row at `low` precedes the one that is searched, so that none of its rows are skipped. */
    g->rest = low;
    do {
        if (kiss_rows_next(g) != 0) {
            return -1;
        }
        before = g->len ? is_before(g->list->format, g->rows, g->end, sku) : 0;
    } while (before > 0);
    return before;
}

/* --- counting --- */

apr_size_t kiss_rows_estimate(const kiss_list_text *list)
{
    const kiss_piece *p = list->pieces;
    apr_size_t part, n = 0;
    const char *at, *end;
    int i;

    for (i = 1; i < list->count; i++) {
        p = list->pieces[i].len > p->len ? &list->pieces[i] : p;
    }
    part = p->len < PART ? p->len : PART;
    at = p->data + (p->len - part) / 2;
    end = at + part;
    while (at && at < end && (at = kiss_row_format_feed(list->format, at, end))) {
        at++;
        n++;
    }
    n += part == p->len && part > 2;            /* the last row may have no line feed */
    return part ? (apr_size_t)((double)n * (double)kiss_list_text_size(list) / (double)part) : 0;
}
