/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fuzz target: the CSV reader. The same file in pieces of any size is the same; written again, it is read the same; and
 * what it finds no fault with, libcsv reads as the same cells (where that is installed).
 */
#include "csv.h"

#include <string.h>

#include <apr_strings.h>
#include <apr_tables.h>

#include "fuzz.h"
#include "lib/base/utf8.h"
#ifdef HAVE_LIBCSV
#include "reference/libcsv.h"
#endif

/** A file in memory, delivered in pieces of `step`; its end is APR_EOF or a failure. */
typedef struct {
    const char *at, *end;
    apr_size_t step;
    apr_status_t last;
} memory;

static apr_status_t deliver(void *ctx, char *buf, apr_size_t *len)
{
    memory *m = ctx;
    apr_size_t n = (apr_size_t)(m->end - m->at);

    if (n == 0) {
        return m->last;
    }
    n = n < m->step ? n : m->step;
    n = n < *len ? n : *len;
    memcpy(buf, m->at, n);
    m->at += n;
    *len = n;
    return APR_SUCCESS;
}

static csv_reader *open_memory(memory *m, const char *text, size_t len, apr_size_t step, apr_status_t last, apr_pool_t *p)
{
    *m = (memory){text, text + len, step, last};
    return csv_open(deliver, m, p);
}

static long lines_of(const char *text, size_t len)
{
    long n = 1;
    size_t i;

    for (i = 0; i < len; i++) {
        n += text[i] == '\n';
    }
    return n;
}

/** Lines lie in the file and in the row's order; a cell without a fault, of a row without one, is UTF-8 without NUL. */
static void check_row(const csv_row *row, long *line, long lines)
{
    int i;

    MUST(row->n > 0);
    MUST(row->missing >= 0 && row->missing < row->n);
    for (i = 0; i < row->n; i++) {
        const csv_cell *cell = &row->cells[i];

        MUST(i < row->n - row->missing || cell->len == 0);
        MUST(cell->text[cell->len] == '\0');
        MUST(cell->line >= *line && cell->line <= lines);
        MUST(!cell->error || (cell->error_line >= cell->line && cell->error_line <= lines));
        MUST(row->error || cell->error || strlen(cell->text) == cell->len);
        MUST(row->error || cell->error || kiss_utf8_check(cell->text, cell->len, NULL) == cell->len);
        *line = cell->line;
    }
    MUST(row->line >= row->cells[0].line && row->line <= lines);
    MUST(row->error || row->line == row->cells[0].line);
}

static void same_fault(const char *a, const char *b)
{
    MUST(a == b || (a && b && strcmp(a, b) == 0));
}

static void same_row(const csv_row *a, const csv_row *b)
{
    int i;

    MUST(a->n == b->n && a->line == b->line);
    same_fault(a->error, b->error);
    for (i = 0; i < a->n; i++) {
        const csv_cell *x = &a->cells[i], *y = &b->cells[i];

        MUST(x->len == y->len && memcmp(x->text, y->text, x->len) == 0);
        MUST(x->line == y->line && x->error_line == y->error_line);
        same_fault(x->error, y->error);
    }
}

/** Writes a row with every cell in quotes. @return 1, or 0 when it has a fault, or cells that the file does not have */
static int write_row(char **to, const csv_row *row)
{
    char *start = *to;
    int i;
    size_t k;

    if (row->missing) {
        return 0;
    }
    for (i = 0; i < row->n; i++) {
        *(*to)++ = '"';
        for (k = 0; k < row->cells[i].len; k++) {
            if ((*(*to)++ = row->cells[i].text[k]) == '"') {
                *(*to)++ = '"';
            }
        }
        memcpy(*to, i + 1 < row->n ? "\"," : "\"\n", 2);
        *to += 2;
        if (row->error || row->cells[i].error) {
            *to = start;
            return 0;
        }
    }
    return 1;
}

/** Reads the file whole and in small pieces. @return how many of its rows have no fault; they are written to `again` */
static int check_pieces(const char *text, size_t len, apr_size_t step, char **again, apr_pool_t *p)
{
    memory whole, pieces;
    csv_reader *a = open_memory(&whole, text, len, len + 1, APR_EOF, p);
    csv_reader *b = open_memory(&pieces, text, len, step, APR_EOF, p);
    const long lines = lines_of(text, len);
    csv_row row, other;
    int good = 0, rows = 0, width = 0, sep = 0;
    csv_status status;
    long line = 1;

    while ((status = csv_next(a, &row)) == CSV_ROW) {
        check_row(&row, &line, lines);
        width = rows++ == 0 ? row.n : width;
        MUST(row.error || row.n == width);
        MUST(csv_next(b, &other) == CSV_ROW);
        same_row(&row, &other);
        /* Without its header it is another file, and a header that looks like a line "sep=;" would be taken for one. */
        sep |= rows == 1 && row.n == 1 && strncasecmp(row.cells[0].text, "sep=", 4) == 0;
        good += !sep && (rows == 1 || good > 0) && write_row(again, &row);
    }
    /* A header that may be read in two ways is refused before anything is delivered. */
    MUST(status == CSV_END || rows == 0);
    MUST(csv_next(a, &row) == status && csv_next(b, &other) == status);
    return good;
}

static void check_again(const char *text, size_t len, int rows, apr_pool_t *p)
{
    memory m;
    csv_reader *r = open_memory(&m, text, len, 64, APR_EOF, p);
    char *copy = apr_palloc(p, len + 1), *to = copy;
    csv_row row;

    while (csv_next(r, &row) == CSV_ROW) {
        MUST(rows-- > 0 && write_row(&to, &row));
    }
    MUST(rows == 0 && (size_t)(to - copy) == len && memcmp(copy, text, len) == 0);
}

/** A file that cannot be read to its end is a failure, never a shorter file. */
static void check_failure(const char *text, size_t len, apr_size_t step, apr_pool_t *p)
{
    memory m;
    csv_reader *r = open_memory(&m, text, len, step, APR_EACCES, p);
    csv_row row;
    csv_status status;
    long line = 0;

    while ((status = csv_next(r, &row)) == CSV_ROW) {
    }
    MUST(status == CSV_FAILED && csv_failure(r, &line) && line >= 1 && line <= lines_of(text, len));
    MUST(csv_next(r, &row) == CSV_FAILED);
}

/** Any text without NUL, written as a cell in quotes, is that cell. */
static void check_written(const char *text, size_t len, apr_pool_t *p)
{
    char *file = apr_palloc(p, len * 4 + 32), *to = file;      /* two rows; every byte may be a quote */
    csv_cell cells[] = {{.text = text, .len = len}, {.text = "x", .len = 1}};
    csv_row row = {.cells = cells, .n = 2};
    csv_reader *r;
    memory m;
    int i;

    if (memchr(text, '\0', len) || kiss_utf8_check(text, len, NULL) < len) {
        return;
    }
    MUST(write_row(&to, &row) && write_row(&to, &row));
    r = open_memory(&m, file, (size_t)(to - file), len + 16, APR_EOF, p);
    for (i = 0; i < 2; i++) {
        MUST(csv_next(r, &row) == CSV_ROW && !row.error && row.n == 2);
        MUST(row.line == 1 + i * lines_of(text, len));
        MUST(!row.cells[0].error && row.cells[0].len == len && memcmp(row.cells[0].text, text, len) == 0);
        MUST(!row.cells[1].error && strcmp(row.cells[1].text, "x") == 0);
    }
    MUST(csv_next(r, &row) == CSV_END);
}

#ifdef HAVE_LIBCSV

/** The row that libcsv reads, and the reader that it is compared with. */
typedef struct {
    apr_array_header_t *cells;          /* of piece */
    csv_reader *reader;
    apr_pool_t *pool;
    int content;                        /* 1 when a cell has any */
} comparison;

typedef struct {
    const char *text;
    size_t len;
} piece;

static void on_cell(void *ctx, const char *text, size_t len)
{
    comparison *c = ctx;

    APR_ARRAY_PUSH(c->cells, piece) = (piece){ apr_pstrmemdup(c->pool, text, len), len };
    c->content |= len > 0;
}

/** Lines without content are passed over; cells that are too many are empty, cells that are missing as well. */
static void on_row(void *ctx)
{
    comparison *c = ctx;
    csv_row row;
    int i;

    if (c->content) {
        MUST(csv_next(c->reader, &row) == CSV_ROW);
        for (i = 0; i < row.n || i < c->cells->nelts; i++) {
            const piece theirs = i < c->cells->nelts ? APR_ARRAY_IDX(c->cells, i, piece) : (piece){ "", 0 };
            const piece ours = i < row.n ? (piece){ row.cells[i].text, row.cells[i].len } : (piece){ "", 0 };

            MUST(ours.len == theirs.len && memcmp(ours.text, theirs.text, ours.len) == 0);
        }
    }
    c->content = 0;
    apr_array_clear(c->cells);
}

/** A file without a fault is the same to libcsv. */
static void check_libcsv(const char *text, size_t len, apr_pool_t *p)
{
    comparison c = { apr_array_make(p, 8, sizeof(piece)), NULL, p, 0 };
    const libcsv_receiver receiver = { on_cell, on_row, &c };
    memory m;
    csv_reader *r = open_memory(&m, text, len, len + 1, APR_EOF, p);
    csv_status status;
    csv_row row;
    int i, faults = 0;

    while ((status = csv_next(r, &row)) == CSV_ROW) {
        faults += row.error != NULL;
        for (i = 0; i < row.n; i++) {
            faults += row.cells[i].error != NULL;
        }
    }
    if (status != CSV_END || faults || (len > 3 && strncasecmp(text, "sep=", 4) == 0)) {
        return;
    }
    while (len >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0) {          /* libcsv knows no byte order marks */
        text += 3;
        len -= 3;
    }
    c.reader = open_memory(&m, text, len, len + 1, APR_EOF, p);
    MUST(libcsv_read(&receiver, text, len, csv_delimiter(r)));
    MUST(csv_next(c.reader, &row) == CSV_END);
}

#endif

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    apr_pool_t *p = fuzz_pool();
    const char *text = (const char *)data;
    /* At worst every byte is a quote to be doubled, or an empty cell: `"",`. */
    char *again = apr_palloc(p, size * 4 + 4), *to = again;
    int rows = check_pieces(text, size, size % 7 + 1, &to, p);

    check_again(again, (size_t)(to - again), rows, p);
    check_failure(text, size, size % 3 + 1, p);
    check_written(text, size, p);
#ifdef HAVE_LIBCSV
    check_libcsv(text, size, p);
#endif
    apr_pool_clear(p);
    return 0;
}
