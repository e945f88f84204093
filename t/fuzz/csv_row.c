/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fuzz target: records of CSV. Any bytes as the rows of a SKU; and texts as JSON, whose record kissctl's own reader of CSV
 * reads again.
 */
#include "lib/api/csv_row.h"

#include <string.h>

#include <apr_strings.h>
#include <json-c/json.h>

#include "csv.h"
#include "fuzz.h"
#include "lib/base/json_text.h"
#include "lib/base/utf8.h"

static const kiss_csv_column columns[] = {
    { "SKU", "SKU" },
    { "Text", "T" },
    { "First", "X", KISS_CELL_FIRST, .array = "A" },
    { "Rest", "X", KISS_CELL_REST, .array = "A", .separator = ",", .comma = "%2C" },
    { "All", "X", KISS_CELL_ALL, .array = "A", .separator = "; ", .with = "N", .joint = ":" },
    { "Rows", "T", KISS_CELL_ALL, .separator = "|" },
    { 0 }
};

/** The record of some rows; NULL when these are none. */
static const char *record(const char *rows, size_t len, size_t *n, apr_pool_t *p)
{
    struct printbuf *to = kiss_json_text_buffer(p), *cell = kiss_json_text_buffer(p);

    if (kiss_csv_row_write(to, columns, cell, rows, len) != 0) {
        return NULL;
    }
    *n = (size_t)to->bpos;
    return apr_pstrmemdup(p, to->buf, *n);
}

typedef struct {
    const char *at;
    size_t left;
} memory;

static apr_status_t deliver(void *ctx, char *buf, apr_size_t *len)
{
    memory *m = ctx;

    if (!m->left) {
        return APR_EOF;
    }
    *len = m->left < *len ? m->left : *len;
    memcpy(buf, m->at, *len);
    m->at += *len;
    m->left -= *len;
    return APR_SUCCESS;
}

/** A text as a cell has it: line breaks are line feeds, NUL is U+FFFD. The SKU keeps what CR is before no LF. */
static const char *cell_of(const char *text, size_t len, int is_sku, apr_pool_t *p)
{
    char *out = apr_palloc(p, len * 3 + 1), *to = out;
    size_t i;

    for (i = 0; i < len; i++) {
        size_t next = i + 1;

        while (is_sku && next < len && text[next] == '\r') {
            next++;
        }
        if (text[i] == '\r' && next < len && text[next] == '\n') {
            continue;
        }
        if (!text[i] && !is_sku) {
            memcpy(to, "\xef\xbf\xbd", 3);
            to += 3;
        }
        else {
            *to++ = text[i] == '\r' && !is_sku ? '\n' : text[i];
        }
    }
    *to = '\0';
    return out;
}

/** Replaces commas, as in a cell of joined texts. */
static const char *without_commas(const char *text, apr_pool_t *p)
{
    const char *out = "", *comma;

    while ((comma = strchr(text, ','))) {
        out = apr_pstrcat(p, out, apr_pstrmemdup(p, text, (size_t)(comma - text)), "%2C", NULL);
        text = comma + 1;
    }
    return apr_pstrcat(p, out, text, NULL);
}

/** A text that is UTF-8, or its beginning. */
static const char *text_of(fuzz_bytes *in, size_t *len, apr_pool_t *p)
{
    const char *text = fuzz_text(in, len, p);

    *len = kiss_utf8_check(text, *len, NULL);
    return apr_pstrmemdup(p, text, *len);
}

/** What a reader of CSV reads of a record is what the JSON said. */
static void check_texts(fuzz_bytes *in, apr_pool_t *p)
{
    struct printbuf *json = kiss_json_text_buffer(p);
    const char *text[5], *cells[5], *header = kiss_csv_row_header(columns, p), *made, *rest, *all;
    const char *const before[] = { "{\"SKU\":", ",\"T\":", ",\"A\":[{\"N\":1,\"X\":", "},{\"N\":2,\"X\":",
                                   "},{\"N\":3,\"X\":" };
    size_t len[5], n, ignored = 0;
    csv_reader *reader;
    memory m;
    csv_row row;
    int i;

    for (i = 0; i < 5; i++) {
        text[i] = text_of(in, &len[i], p);
        len[i] = i ? len[i] : strlen(text[i]);          /* a SKU has no NUL */
        cells[i] = cell_of(text[i], len[i], i == 0, p);
        MUST(kiss_json_text_raw(json, before[i], strlen(before[i])) == 0);
        MUST(kiss_json_text_string(json, text[i], len[i], &ignored) == 0);
    }
    MUST(kiss_json_text_raw(json, "}]}", 3) == 0);
    made = record(json->buf, (size_t)json->bpos, &n, p);
    MUST(made && !strstr(made, "\r\n") && strlen(made) == n);
    made = apr_pstrcat(p, header, "\r\n", made, "\r\n", NULL);
    m = (memory){ made, strlen(made) };
    reader = csv_open(deliver, &m, p);
    MUST(csv_next(reader, &row) == CSV_ROW && row.n == 6 && csv_next(reader, &row) == CSV_ROW);
    MUST(row.n == 6 && !row.error);
    MUST(strcmp(row.cells[0].text, cells[0]) == 0 && strcmp(row.cells[1].text, cells[1]) == 0);
    MUST(strcmp(row.cells[2].text, cells[2]) == 0 && strcmp(row.cells[5].text, cells[1]) == 0);
    rest = apr_pstrcat(p, without_commas(cells[3], p), ",", without_commas(cells[4], p), NULL);
    all = apr_pstrcat(p, "1:", cells[2], "; 2:", cells[3], "; 3:", cells[4], NULL);
    MUST(strcmp(row.cells[3].text, rest) == 0 && strcmp(row.cells[4].text, all) == 0);
    MUST(csv_next(reader, &row) == CSV_END);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    apr_pool_t *p = fuzz_pool();
    fuzz_bytes in = { (const char *)data, size };
    size_t n;

    (void)record((const char *)data, size, &n, p);
    check_texts(&in, p);
    apr_pool_clear(p);
    return 0;
}
