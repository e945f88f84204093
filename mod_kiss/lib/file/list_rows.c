/* SPDX-License-Identifier: Apache-2.0 */
/**
 * list_rows - walks through the text of a list SKU by SKU, or searches it.
 */
#include "lib/file/list_rows.h"

#include <string.h>

static const char sku_member[] = "\"SKU\":\"";

/* Below this length a list is walked, not halved; also the first step of a search, whose steps are doubled. */
#define NEAR 512

/* Size of the part by which the number of rows is estimated. */
#define PART (64 * 1024)

/* --- pieces --- */

kiss_list_text kiss_list_text_of(kiss_piece *piece, const char *data, apr_size_t len)
{
    const kiss_piece whole = { .data = data, .len = len };
    const kiss_list_text list = { piece, 1 };

    *piece = whole;
    return list;
}

apr_off_t kiss_list_text_size(const kiss_list_text *list)
{
    const kiss_piece *last = &list->pieces[list->count - 1];

    return last->start + (apr_off_t)last->len;
}

/* --- SKUs --- */

/** Decodes an escape of lib/base/json_text.h into a byte. @return where the text continues, or NULL */
static const char *unescape(char *to, const char *at, const char *end)
{
    static const char hex[] = "0123456789abcdef", letter[] = "b\bf\fn\nr\rt\t\"\"\\\\";
    const char *high, *low, *l;

    if (end - at >= 6 && at[1] == 'u' && at[2] == '0' && at[3] == '0' && at[4] && at[5]) {
        high = strchr(hex, at[4]);
        low = strchr(hex, at[5]);
        *to = high && low ? (char)((high - hex) << 4 | (low - hex)) : '\0';
        return high && low && high - hex < 8 ? at + 6 : NULL;
    }
    for (l = letter; end - at >= 2 && *l; l += 2) {
        if (*l == at[1]) {
            *to = l[1];
            return at + 2;
        }
    }
    return NULL;
}

int kiss_rows_key(kiss_value *key, char buffer[KISS_ROWS_KEY], const kiss_value *json)
{
    const char *at = json->data, *end = at + json->len;
    apr_size_t n;

    *key = *json;
    if (!memchr(at, '\\', json->len)) {
        return 0;
    }
    for (n = 0; at && at < end && n < KISS_ROWS_KEY; n++) {
        buffer[n] = *at;
        at = *at == '\\' ? unescape(&buffer[n], at, end) : at + 1;
    }
    key->data = buffer;
    key->len = n;
    return at == end ? 0 : -1;
}

int kiss_rows_order(const kiss_value *a, const kiss_value *b)
{
    int order = memcmp(a->data, b->data, a->len < b->len ? a->len : b->len);

    return order ? order : (a->len > b->len) - (a->len < b->len);
}

/* --- walk --- */

int kiss_rows_key_at(kiss_value *key, const char *at, const char *end)
{
    key->data = at;
    while (at < end && *at != '"') {
        at += *at == '\\' ? 2 : 1;
    }
    key->len = (apr_size_t)(at - key->data);
    return at < end ? 0 : -1;
}

/* Quotes within values are escaped: this text occurs only at the member itself. */
int kiss_rows_find_key(kiss_value *key, const char *row, const char *end)
{
    const char *at = row;

    while ((at = memchr(at, '"', (apr_size_t)(end - at)))
           && ((apr_size_t)(end - at) < sizeof(sku_member) || memcmp(at, sku_member, sizeof(sku_member) - 1) != 0)) {
        at++;
    }
    if (!at) {
        return -1;
    }
    return kiss_rows_key_at(key, at + sizeof(sku_member) - 1, end);
}

/** Finds the end of the row that starts here, and the next one. @return NULL when there is no row */
static const char *end_of_row(const char *row, const char *end, const char **next)
{
    const char *feed = row < end ? memchr(row, '\n', (apr_size_t)(end - row)) : NULL;
    const char *last = feed ? feed - 1 : end;                   /* at ",", or after the row */

    if (last - row < 2 || *row != '{' || last[-1] != '}' || (feed && (*last != ',' || feed + 1 == end || feed[1] != '{'))) {
        return NULL;
    }
    *next = feed ? feed + 1 : last;
    return last;
}

int kiss_rows_of_piece(const char **from, const char **to, const kiss_list_text *list, int piece)
{
    const kiss_piece *p = &list->pieces[piece];
    const char *separator = piece ? ",\n" : "[";
    apr_size_t n = strlen(separator), tail = piece == list->count - 1;

    if (p->len < tail || (tail && p->data[p->len - 1] != ']')) {
        return -1;
    }
    *from = p->data;
    *to = p->data + p->len - tail;
    if (tail && piece && p->len == tail) {
        return 0;                       /* no row, only the end of the list */
    }
    *from += n;
    return p->len < n + tail || memcmp(p->data, separator, n) != 0 ? -1 : 0;
}

/** Starts with the rows of a piece. */
static int enter_piece(kiss_row_group *g, int piece)
{
    g->piece = piece;
    return kiss_rows_of_piece(&g->rest, &g->end, g->list, piece);
}

int kiss_rows_next(kiss_row_group *g)
{
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
        row_end = end_of_row(at, g->end, &next);
        if (!row_end || kiss_rows_find_key(&key, at, row_end) != 0 || kiss_rows_key(&plain, buffer, &key) != 0) {
            return -1;
        }
        if (g->len && (key.len != g->key.len || memcmp(key.data, g->key.data, key.len) != 0)) {
            break;
        }
        g->key = key;
        g->len = (apr_size_t)(row_end - g->rows);
        g->rest = at = next;
    }
    return 0;
}

int kiss_rows_first(kiss_row_group *g, const kiss_list_text *list)
{
    memset(g, 0, sizeof(*g));
    g->list = list;
    return enter_piece(g, 0) == 0 ? kiss_rows_next(g) : -1;
}

/* --- search --- */

/** Whether a row precedes a SKU. @return 1, 0, or -1 when it is no row */
static int is_before(const char *row, const char *end, const kiss_value *sku)
{
    char buffer[KISS_ROWS_KEY];
    kiss_value json, key;

    if (*row != '{' || kiss_rows_find_key(&json, row, end) != 0 || kiss_rows_key(&key, buffer, &json) != 0) {
        return -1;
    }
    return kiss_rows_order(&key, sku) < 0;
}

/** Moves one of the bounds to a row between them, the first one after `at`. @return as is_before() */
static int probe(const char **low, const char **high, const char *at, const char *end, const kiss_value *sku)
{
    const char *feed = memchr(at, '\n', (apr_size_t)(*high - at));
    int before;

    if (!feed || feed + 1 >= *high) {
        *high = at;                     /* no row starts between them: the one at this offset was compared, or is the last */
        return 0;
    }
    before = is_before(feed + 1, end, sku);
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

        before = kiss_rows_of_piece(&from, &to, g->list, next) != 0 ? -1 : from < to ? is_before(from, to, sku) : 0;
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
    int before = g->len ? is_before(g->rows, g->end, sku) : 0;

    before = before > 0 ? pass_pieces(g, sku) : before;
    if (before <= 0) {
        return before;
    }
    low = g->rows;
    high = g->end;
    while (before > 0 && (apr_size_t)(high - low) > step) {
        before = probe(&low, &high, low + step, g->end, sku);
        step *= 2;
    }
    while (before >= 0 && high - low > NEAR) {
        before = probe(&low, &high, low + (high - low) / 2, g->end, sku);
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
        before = g->len ? is_before(g->rows, g->end, sku) : 0;
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
    while (at && at < end && (at = memchr(at, '\n', (apr_size_t)(end - at)))) {
        at++;
        n++;
    }
    n += part == p->len && part > 2;            /* the last row has no line feed */
    return part ? (apr_size_t)((double)n * (double)kiss_list_text_size(list) / (double)part) : 0;
}
