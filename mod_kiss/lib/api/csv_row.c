/* SPDX-License-Identifier: Apache-2.0 */
/**
 * csv_row - writes the rows of a SKU as one record of CSV.
 */
#include "lib/api/csv_row.h"

#include <string.h>

#include <apr_strings.h>

#include "lib/base/json_text.h"
#include "lib/base/value.h"

/** A member of a row. */
typedef struct {
    kiss_value name, value;
} member;

/** The first row of a SKU, and all of them. */
typedef struct {
    member member[KISS_MAX_COLUMNS];
    int members;
    int next;                   /* the member after the last one that was found: columns mostly have the same order */
    kiss_value rows;
} record;

/* --- JSON --- */

/** @param at after the opening quote. @return at the closing one, or NULL */
static const char *end_of_string(const char *at, const char *end)
{
    const char *start = at, *quote = at, *before;

    /* Quotes within it are escaped; texts may be long. */
    while (quote < end && (quote = memchr(quote, '"', (apr_size_t)(end - quote)))) {
        for (before = quote; before > start && before[-1] == '\\'; before--) {
            continue;
        }
        if ((quote - before) % 2 == 0) {
            return quote;
        }
        quote++;
    }
    return NULL;
}

/** @return after the value that starts here, or NULL */
static const char *end_of_value(const char *at, const char *end)
{
    int depth = 0;

    do {
        if (at < end && *at == '"') {
            at = end_of_string(at + 1, end);
        }
        else if (at < end && (*at == '{' || *at == '[')) {
            depth++;
        }
        else if (at < end && (*at == '}' || *at == ']')) {
            depth--;
        }
        else if (!depth) {
            while (at < end && *at != ',' && *at != '}' && *at != ']') {
                at++;
            }
            return at;
        }
        at = at && at < end ? at + 1 : NULL;
    } while (at && depth > 0);
    return depth == 0 ? at : NULL;
}

/** Reads a member. @param at after `{` or `,`. @return after it, or NULL */
static const char *read_member(member *m, const char *at, const char *end)
{
    const char *last = at < end && *at == '"' ? end_of_string(at + 1, end) : NULL;

    if (!last || end - last < 2 || last[1] != ':') {
        return NULL;
    }
    m->name.data = at + 1;
    m->name.len = (apr_size_t)(last - at) - 1;
    m->value.data = last + 2;
    at = end_of_value(last + 2, end);
    m->value.len = at ? (apr_size_t)(at - m->value.data) : 0;
    return at;
}

/** The next object of some that are joined. @return after it, NULL when there is none */
static const char *next_object(kiss_value *object, const char *at, const char *end)
{
    const char *last;

    while (at < end && *at != '{') {
        at++;
    }
    last = at < end ? end_of_value(at, end) : NULL;
    object->data = at;
    object->len = last ? (apr_size_t)(last - at) : 0;
    return last;
}

static int is_name(const kiss_value *name, const char *text)
{
    return strlen(text) == name->len && memcmp(text, name->data, name->len) == 0;
}

/** Finds a member of an element. @return 0, or -1 */
static int find_member(kiss_value *value, const kiss_value *object, const char *name)
{
    const char *at = object->data, *end = at + object->len;
    member m;

    while (at && at < end && *at != '}') {
        at = read_member(&m, at + 1, end);
        if (at && is_name(&m.name, name)) {
            *value = m.value;
            return 0;
        }
    }
    return -1;
}

/** Reads the first row. @return 0, or -1 */
static int read_record(record *r, const char *rows, apr_size_t len)
{
    const char *at, *end;
    kiss_value first;

    r->members = r->next = 0;
    r->rows.data = rows;
    r->rows.len = len;
    if (!next_object(&first, rows, rows + len)) {
        return -1;
    }
    at = first.data;
    end = at + first.len;
    while (at && at < end && *at == (r->members ? ',' : '{') && r->members < KISS_MAX_COLUMNS) {
        at = read_member(&r->member[r->members++], at + 1, end);
    }
    return at && at < end && *at == '}' ? 0 : -1;
}

/** Finds a member of the first row. @return it, or NULL */
static const kiss_value *find(record *r, const char *name)
{
    int i;

    for (i = 0; i < r->members; i++) {
        const member *m = &r->member[(r->next + i) % r->members];

        if (is_name(&m->name, name)) {
            r->next = (int)(m - r->member) + 1;
            return &m->value;
        }
    }
    return NULL;
}

/* --- cells --- */

/** A character of a text; `comma` replaces commas in what is joined. The SKU remains as it is, as far as possible. */
static int put_decoded(struct printbuf *cell, const char *c, int is_sku, const char *comma)
{
    if (*c == ',' && comma) {
        return kiss_json_text_raw(cell, comma, strlen(comma));
    }
    if (is_sku || (*c && *c != '\r')) {
        return kiss_json_text_raw(cell, c, 1);
    }
    return *c ? kiss_json_text_raw(cell, "\n", 1) : kiss_json_text_raw(cell, "\xef\xbf\xbd", 3);
}

/** The end of the part of a text that needs no decoding, nor another comma. */
static const char *end_of_plain(const char *at, const char *end, const char *comma)
{
    const char *escape = memchr(at, '\\', (apr_size_t)(end - at));

    end = escape ? escape : end;
    escape = comma ? memchr(at, ',', (apr_size_t)(end - at)) : NULL;
    return escape ? escape : end;
}

/** 1 when a line feed follows; in a SKU, which keeps its other carriage returns, also after more of these. */
static int is_before_feed(const char *at, const char *end, int is_sku)
{
    while (is_sku && end - at >= 2 && at[0] == '\\' && at[1] == 'r') {
        at += 2;
    }
    return end - at >= 2 && at[0] == '\\' && at[1] == 'n';
}

/** Appends a value to the cell. */
static int put_value(struct printbuf *cell, const kiss_value *value, int is_sku, const char *comma)
{
    const char *at = value->data, *end = at + value->len, *plain;

    if (!value->len || *at != '"') {
        return value->len == 4 && memcmp(at, "null", 4) == 0 ? 0 : kiss_json_text_raw(cell, at, value->len);
    }
    end--;
    for (at++; at < end;) {
        char c = *at;

        plain = at;
        at = end_of_plain(at, end, comma);
        if (at > plain) {
            if (kiss_json_text_raw(cell, plain, (apr_size_t)(at - plain))) {
                return -1;
            }
            continue;
        }
        at = c == '\\' ? kiss_json_text_unescape(&c, at, end) : at + 1;
        if (!at) {
            return -1;
        }
        /* CR LF is one line break. */
        if (c == '\r' && is_before_feed(at, end, is_sku)) {
            continue;
        }
        if (put_decoded(cell, &c, is_sku, comma)) {
            return -1;
        }
    }
    return 0;
}

/** Appends a value of one element, with that of a second member before it, if the column has one. */
static int put_element(struct printbuf *cell, const kiss_csv_column *c, const kiss_value *element)
{
    kiss_value value;

    if (c->with && (find_member(&value, element, c->with) || put_value(cell, &value, 0, c->comma)
                    || kiss_json_text_raw(cell, c->joint, strlen(c->joint)))) {
        return -1;
    }
    return find_member(&value, element, c->member) || put_value(cell, &value, 0, c->comma);
}

/** The cell of a column that is made of the rows of a SKU, or of an array of its first row. */
static int put_elements(struct printbuf *cell, const kiss_csv_column *c, record *r)
{
    const kiss_value *all = c->array ? find(r, c->array) : &r->rows;
    const char *at = all ? all->data : NULL, *end = all ? at + all->len : NULL;
    kiss_value element;
    int i, written = 0;

    for (i = 0; at && (at = next_object(&element, at, end)); i++) {
        if (i == 0 && c->pick == KISS_CELL_REST) {
            continue;
        }
        if ((written++ && kiss_json_text_raw(cell, c->separator, strlen(c->separator))) || put_element(cell, c, &element)) {
            return -1;
        }
        if (c->pick == KISS_CELL_FIRST) {
            break;
        }
    }
    return all ? 0 : -1;
}

/** Whether a cell has to be quoted. */
static int needs_quotes(const char *at, apr_size_t len)
{
    static const char special[] = ",\"\n\r";
    apr_size_t i;

    /* A search for one character is faster than a loop, except in short texts. */
    for (i = 0; len > 24 && i < sizeof(special) - 1; i++) {
        if (memchr(at, special[i], len)) {
            return 1;
        }
    }
    for (i = 0; len <= 24 && i < len; i++) {
        if (at[i] == ',' || at[i] == '"' || at[i] == '\n' || at[i] == '\r') {
            return 1;
        }
    }
    return 0;
}

/** Appends the cell, quoted if necessary. */
static int put_cell(struct printbuf *to, const struct printbuf *cell)
{
    const char *at = cell->buf, *end = at + cell->bpos, *quote;

    if (!needs_quotes(at, (apr_size_t)cell->bpos)) {
        return kiss_json_text_raw(to, cell->buf, (apr_size_t)cell->bpos);
    }
    if (kiss_json_text_raw(to, "\"", 1)) {
        return -1;
    }
    for (at = cell->buf; (quote = memchr(at, '"', (apr_size_t)(end - at))); at = quote + 1) {
        if (kiss_json_text_raw(to, at, (apr_size_t)(quote - at) + 1) || kiss_json_text_raw(to, "\"", 1)) {
            return -1;
        }
    }
    return kiss_json_text_raw(to, at, (apr_size_t)(end - at)) || kiss_json_text_raw(to, "\"", 1);
}

int kiss_csv_row_write(struct printbuf *to, const kiss_csv_column *columns, struct printbuf *cell, const char *rows,
                       apr_size_t len)
{
    const kiss_csv_column *c;
    const kiss_value *value;
    record r;
    int failed = read_record(&r, rows, len);

    for (c = columns; c->name && !failed; c++) {
        printbuf_reset(cell);
        if (c->pick != KISS_CELL_VALUE) {
            failed = put_elements(cell, c, &r);
        }
        else {
            value = find(&r, c->member);
            failed = !value || put_value(cell, value, c == columns, NULL);
        }
        failed = failed || (c > columns && kiss_json_text_raw(to, ",", 1)) || put_cell(to, cell);
    }
    return failed ? -1 : 0;
}

/* --- tables --- */

const char *kiss_csv_row_header(const kiss_csv_column *columns, apr_pool_t *p)
{
    const char *text = columns->name;
    const kiss_csv_column *c;

    for (c = columns + 1; c->name; c++) {
        text = apr_pstrcat(p, text, ",", c->name, NULL);
    }
    return text;
}

static const kiss_column *column_of(const kiss_rowset *rows, const char *name)
{
    const kiss_column *c = rows ? rows->columns : NULL;

    while (c && c->name && (!name || strcmp(c->name, name) != 0)) {
        c++;
    }
    return c && c->name ? c : NULL;
}

const char *kiss_csv_row_check(const kiss_csv_column *columns, const kiss_rowset *rows, apr_pool_t *p)
{
    const kiss_csv_column *c;

    for (c = columns; c->name; c++) {
        const kiss_column *array = c->array ? column_of(rows, c->array) : NULL;
        const kiss_rowset *of = c->array ? (array ? array->rows : NULL) : rows;

        if (!column_of(of, c->member) || (c->with && (!column_of(of, c->with) || !c->joint))
            || (c->pick == KISS_CELL_VALUE) != (!c->array && !c->separator)
            || (c->pick > KISS_CELL_FIRST && !c->separator)) {
            return apr_psprintf(p, "CSV column %s does not fit its rows", c->name);
        }
    }
    return columns->name && strcmp(columns->name, "SKU") == 0 && columns->pick == KISS_CELL_VALUE ? NULL
           : "the first CSV column must be the SKU";
}
