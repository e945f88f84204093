/* SPDX-License-Identifier: Apache-2.0 */
/**
 * csv - a streaming reader of RFC 4180 files.
 */
#include "csv.h"

#include <string.h>
#include <strings.h>

#include <apr_strings.h>

#include "lib/base/utf8.h"

#define INPUT_SIZE (64 * 1024)
#define END_OF_INPUT (-1)

static const char nul_byte[] = "a NUL byte: is this a text file in UTF-8?";
static const char bad_utf8[] = "not UTF-8: save the file as UTF-8";
static const char lone_cr[] = "a carriage return without a line feed stands outside quotes";
static const char stray_quote[] = "a quote inside a cell without quotes: put the cell in quotes and double the quote";
static const char after_quote[] = "text after the closing quote: a quote inside a cell in quotes is written twice";
static const char unclosed[] = "the quote that opens here is never closed";

/** What may separate cells; in the order in which a header without any of them is judged. */
static const char delimiters[] = ",;\t|";
static const char *const delimiter_names[] = {"commas", "semicolons", "tabs", "vertical bars"};

#define DELIMITERS ((int)sizeof(delimiters) - 1)

struct csv_reader {
    apr_pool_t *pool;
    csv_source *source;
    void *ctx;
    unsigned char in[INPUT_SIZE];   /* bytes as they came */
    apr_size_t in_len, in_pos;
    int ended;                      /* the source has no more, or failed */
    int unended;                    /* the last record ended with the input, not with a line end */
    char *text;                     /* the cells of the record, each with a NUL */
    apr_size_t len, size;
    csv_cell *cells;                /* `text` fields are set when the record is complete: `text` moves as it grows */
    apr_size_t *starts;             /* offset of each cell in `text` */
    int ncells, room;
    long line;
    int delimiter;                  /* 0 before it is known */
    int width;                      /* cells of the header; 0 before it was read */
    const char *failure;
    long failure_line;
    char message[96];               /* csv_row.error */
};

csv_reader *csv_open(csv_source *source, void *ctx, apr_pool_t *p)
{
    csv_reader *r = apr_pcalloc(p, sizeof(*r));

    r->pool = p;
    r->source = source;
    r->ctx = ctx;
    r->size = 4096;
    r->text = apr_palloc(p, r->size);
    r->room = 64;
    r->cells = apr_palloc(p, sizeof(*r->cells) * r->room);
    r->starts = apr_palloc(p, sizeof(*r->starts) * r->room);
    r->line = 1;
    return r;
}

static void fail(csv_reader *r, long line, const char *sentence)
{
    if (!r->failure) {
        r->failure = sentence;
        r->failure_line = line;
    }
    r->ended = 1;
    r->in_pos = r->in_len;
}

/** Reads more bytes, after the first `kept` ones. @return 0 when there are none */
static int fill(csv_reader *r, apr_size_t kept)
{
    apr_size_t len = sizeof(r->in) - kept;
    apr_status_t rv;

    if (r->ended) {
        return 0;
    }
    rv = r->source(r->ctx, (char *)r->in + kept, &len);
    if (rv != APR_SUCCESS || len == 0) {
        if (rv != APR_SUCCESS && !APR_STATUS_IS_EOF(rv)) {
            fail(r, r->line, apr_psprintf(r->pool, "cannot read: %pm", &rv));
        }
        r->ended = 1;
        return 0;
    }
    r->in_pos = 0;
    r->in_len = kept + len;
    return 1;
}

static inline int next_byte(csv_reader *r)
{
    return r->in_pos < r->in_len || fill(r, 0) ? r->in[r->in_pos++] : END_OF_INPUT;
}

static inline int peek_byte(csv_reader *r)
{
    return r->in_pos < r->in_len || fill(r, 0) ? r->in[r->in_pos] : END_OF_INPUT;
}

/** Doubles the text buffer; the old one stays in the pool, so all together take less than twice the largest. */
static int grow_text(csv_reader *r)
{
    char *larger;

    if (r->size >= CSV_RECORD_MAX) {
        fail(r, r->ncells ? r->cells[r->ncells - 1].line : r->line,
             "a record of more than 16 MiB begins here: is a closing quote missing?");
        return 0;
    }
    larger = apr_palloc(r->pool, r->size * 2);
    memcpy(larger, r->text, r->len);
    r->text = larger;
    r->size *= 2;
    return 1;
}

static inline void put(csv_reader *r, int c)
{
    if (r->len < r->size || grow_text(r)) {
        r->text[r->len++] = (char)c;
    }
}

static void blame(csv_cell *cell, long line, const char *error)
{
    if (!cell->error) {
        cell->error = error;
        cell->error_line = line;
    }
}

static csv_cell *new_cell(csv_reader *r)
{
    csv_cell *cell;

    if (r->ncells == r->room) {
        csv_cell *cells = apr_palloc(r->pool, sizeof(*cells) * r->room * 2);
        apr_size_t *starts = apr_palloc(r->pool, sizeof(*starts) * r->room * 2);

        memcpy(cells, r->cells, sizeof(*cells) * r->room);
        memcpy(starts, r->starts, sizeof(*starts) * r->room);
        r->cells = cells;
        r->starts = starts;
        r->room *= 2;
    }
    cell = &r->cells[r->ncells];
    r->starts[r->ncells++] = r->len;
    memset(cell, 0, sizeof(*cell));
    cell->line = r->line;
    return cell;
}

/** If `c` begins a line end, takes all of it and answers '\n'; other bytes come back as they are. */
static int line_end(csv_reader *r, int c)
{
    if (c == '\r' && peek_byte(r) == '\n') {
        return next_byte(r);
    }
    return c;
}

/** A cell without quotes, from its first byte `c`. @return what ended it: the delimiter, '\n' or END_OF_INPUT */
static int plain_cell(csv_reader *r, csv_cell *cell, int c)
{
    const int delimiter = r->delimiter;

    for (;; c = next_byte(r)) {
        c = line_end(r, c);
        if (c == delimiter || c == '\n' || c == END_OF_INPUT) {
            return c;
        }
        if (c == '"') {
            blame(cell, r->line, stray_quote);
        }
        else if (c == '\r') {
            blame(cell, r->line, lone_cr);
        }
        else if (c == '\0') {
            blame(cell, r->line, nul_byte);
        }
        put(r, c);
    }
}

/** A cell in quotes, after its opening quote. @return as plain_cell() */
static int quoted_cell(csv_reader *r, csv_cell *cell)
{
    int c;

    for (;;) {
        c = next_byte(r);
        if (c == END_OF_INPUT) {
            blame(cell, cell->line, unclosed);
            return c;
        }
        if (c == '"') {
            if (peek_byte(r) != '"') {
                break;
            }
            next_byte(r);
        }
        else if (c == '\n') {
            r->line++;
        }
        else if (c == '\0') {
            blame(cell, r->line, nul_byte);
        }
        put(r, c);
    }
    c = line_end(r, next_byte(r));
    if (c != r->delimiter && c != '\n' && c != END_OF_INPUT) {
        blame(cell, r->line, after_quote);
        c = plain_cell(r, cell, c);
    }
    return c;
}

/** Sets the texts of the finished record and checks their encoding. */
static void finish_cells(csv_reader *r)
{
    int i;

    for (i = 0; i < r->ncells; i++) {
        csv_cell *cell = &r->cells[i];
        apr_size_t end = i + 1 < r->ncells ? r->starts[i + 1] : r->len, good, at;
        long line = cell->line;

        cell->text = r->text + r->starts[i];
        cell->len = end - r->starts[i] - 1;
        good = kiss_utf8_check(cell->text, cell->len, NULL);
        if (good < cell->len) {
            for (at = 0; at < good; at++) {
                line += cell->text[at] == '\n';
            }
            blame(cell, line, bad_utf8);
        }
    }
}

/** Reads more bytes, after those that were not taken yet. @return 0 when there are none, or no room */
static int look_further(csv_reader *r)
{
    apr_size_t kept = r->in_len - r->in_pos;

    memmove(r->in, r->in + r->in_pos, kept);
    r->in_pos = 0;
    r->in_len = kept;
    return kept < sizeof(r->in) && fill(r, kept);
}

/** Passes over byte order marks, however small the pieces in which the source delivers. */
static void skip_boms(csv_reader *r)
{
    while (peek_byte(r) == 0xef) {
        while (r->in_len - r->in_pos < 3 && look_further(r)) {
        }
        if (r->in_len - r->in_pos < 3 || r->in[r->in_pos + 1] != 0xbb || r->in[r->in_pos + 2] != 0xbf) {
            break;
        }
        r->in_pos += 3;
    }
}

/**
 * Counts each delimiter outside quotes in the first line that has a content, without taking any byte: that is the
 * header, or as much of it as the buffer holds.
 *
 * @return bytes up to the end of that line, counted from the next one to be read
 */
static apr_size_t scan_header(csv_reader *r, int counts[DELIMITERS])
{
    int quoted = 0, content = 0;
    apr_size_t n = 0;

    memset(counts, 0, sizeof(*counts) * DELIMITERS);
    for (;; n++) {
        const char *found;
        int c;

        if (r->in_pos + n == r->in_len && !look_further(r)) {
            return n;
        }
        c = r->in[r->in_pos + n];
        found = c ? strchr(delimiters, c) : NULL;
        if (c == '"') {
            quoted = !quoted;
        }
        else if (found) {
            counts[found - delimiters] += !quoted;
        }
        else if (c == '\n' && !quoted && content) {
            return n;
        }
        else if (c == '\n' && !quoted) {
            memset(counts, 0, sizeof(*counts) * DELIMITERS);
        }
        else if (c != ' ' && c != '\r' && c != '\n') {
            content = 1;
        }
    }
}

/** A line "sep=;", as spreadsheets write and read it, of `len` bytes: sets the delimiter and takes the line. @return 1 */
static int take_sep_line(csv_reader *r, apr_size_t len)
{
    const char *line = (const char *)r->in + r->in_pos;
    apr_size_t end = len;

    if (end > 0 && line[end - 1] == '\r') {
        end--;
    }
    if (end >= 2 && *line == '"' && line[end - 1] == '"') {
        line++;
        end -= 2;
    }
    if (end != 5 || strncasecmp(line, "sep=", 4) != 0 || !line[4] || !strchr(delimiters, line[4])) {
        return 0;
    }
    r->delimiter = (unsigned char)line[4];
    r->in_pos += len;
    r->line += peek_byte(r) == '\n' && next_byte(r) == '\n';
    return 1;
}

/** Before the header: byte order marks, a "sep=" line, and what separates the cells. @return 0 after a failure */
static int begin(csv_reader *r)
{
    int counts[DELIMITERS], i, best = 0, second = -1;
    apr_size_t len;

    skip_boms(r);
    len = scan_header(r, counts);
    if (r->failure) {
        return 0;
    }
    if (take_sep_line(r, len)) {
        skip_boms(r);
        return !r->failure;
    }
    for (i = 1; i < DELIMITERS; i++) {
        if (counts[i] > counts[best]) {
            best = i;
            second = -1;
        }
        else if (counts[i] == counts[best] && counts[i] > 0) {
            second = i;
        }
    }
    if (second >= 0) {
        fail(r, r->line, apr_psprintf(r->pool, "the header has as many %s as %s: which of them separates the cells? Put "
                                      "names that hold one into quotes", delimiter_names[best], delimiter_names[second]));
    }
    r->delimiter = (unsigned char)delimiters[best];
    return !r->failure;
}

/** Reads one record into the reader. @return what ended it, or END_OF_INPUT with no cell when there was none */
static int read_record(csv_reader *r)
{
    int c = peek_byte(r);

    r->ncells = 0;
    r->len = 0;
    if (c == END_OF_INPUT) {
        return c;
    }
    do {
        csv_cell *cell = new_cell(r);

        c = next_byte(r);
        c = c == '"' ? quoted_cell(r, cell) : plain_cell(r, cell, c);
        put(r, '\0');
    } while (c == r->delimiter && !r->failure);
    return c;
}

/** Whether the record has no content at all, nor a fault. */
static int is_blank(const csv_reader *r)
{
    int i;

    if (r->len != (apr_size_t)r->ncells) {
        return 0;
    }
    for (i = 0; i < r->ncells && !r->cells[i].error; i++) {
    }
    return i == r->ncells;
}

/** Adds the empty cells that the record lacks, or drops those that it has too many; more than that is a fault. */
static void fit_to_header(csv_reader *r, csv_row *row)
{
    long line = r->cells[r->ncells - 1].line;
    int i;

    row->missing = 0;
    for (; r->ncells < r->width && !r->failure; row->missing++) {
        new_cell(r)->line = line;
        put(r, '\0');
    }
    for (i = r->width; i < r->ncells; i++) {
        apr_size_t end = i + 1 < r->ncells ? r->starts[i + 1] : r->len;

        if (end - r->starts[i] > 1 || r->cells[i].error) {
            apr_snprintf(r->message, sizeof(r->message), "%d cells where the header has %d", r->ncells, r->width);
            row->error = r->message;
            return;
        }
    }
    if (r->ncells > r->width) {
        r->len = r->starts[r->width];
        r->ncells = r->width;
    }
}

/** How many cells the header has: those without a name at its end do not count. */
static int named_cells(const csv_reader *r)
{
    int n = r->ncells;

    while (n > 1 && !r->cells[n - 1].error && (n < r->ncells ? r->starts[n] : r->len) - r->starts[n - 1] == 1) {
        n--;
    }
    return n;
}

csv_status csv_next(csv_reader *r, csv_row *row)
{
    int end;

    if (r->delimiter == 0 && !begin(r)) {
        return CSV_FAILED;
    }
    do {
        row->line = r->line;
        end = read_record(r);
        if (r->failure) {
            return CSV_FAILED;
        }
        if (r->ncells == 0) {
            return CSV_END;
        }
        r->unended = end == END_OF_INPUT;
        r->line += end == '\n';
    } while (is_blank(r));
    row->error = NULL;
    row->missing = 0;
    if (r->width == 0) {
        r->width = named_cells(r);
        fit_to_header(r, row);
    }
    else if (r->ncells != r->width && r->cells[r->ncells - 1].error == unclosed) {
        /* The quote swallowed the other cells: it is the fault, not their number. */
        row->error = unclosed;
        row->line = r->cells[r->ncells - 1].error_line;
        r->cells[r->ncells - 1].error = NULL;
    }
    else if (r->ncells != r->width) {
        fit_to_header(r, row);
    }
    finish_cells(r);
    row->cells = r->cells;
    row->n = r->ncells;
    return r->failure ? CSV_FAILED : CSV_ROW;
}

char csv_delimiter(const csv_reader *r)
{
    return (char)r->delimiter;
}

int csv_unended(const csv_reader *r)
{
    return r->unended;
}

const char *csv_failure(const csv_reader *r, long *line)
{
    *line = r->failure_line;
    return r->failure;
}
