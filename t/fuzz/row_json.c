/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzz target: the JSON writer. Whatever the bytes, what comes out is JSON in UTF-8 and means the same. */
#include "lib/api/row_json.h"

#include <string.h>

#include <apr_strings.h>
#include <json-c/json.h>

#include "csv.h"
#include "fuzz.h"
#include "lib/base/decimal.h"
#include "lib/base/json_parse.h"
#include "lib/base/json_text.h"
#include "lib/base/utf8.h"

/** What the writer's strings must mean: each byte that is not UTF-8 became U+FFFD. Judged by kissctl's own check. */
static const char *expected_text(const char *text, size_t len, size_t *out_len, size_t *replaced, apr_pool_t *p)
{
    char *out = apr_palloc(p, len * 3 + 1), *to = out;
    size_t i, good;

    *replaced = 0;
    for (i = 0; i < len; i++) {
        good = kiss_utf8_check(text + i, len - i, NULL);
        memcpy(to, text + i, good);
        to += good;
        i += good;
        if (i < len) {
            memcpy(to, "\xef\xbf\xbd", 3);
            to += 3;
            ++*replaced;
        }
    }
    *out_len = (size_t)(to - out);
    return out;
}

/** Reads the buffer as one strict JSON text in UTF-8, with nothing behind it. */
static json_object *parse(struct printbuf *pb, apr_pool_t *p)
{
    json_object *o = kiss_json_parse(pb->buf, (apr_size_t)pb->bpos, 32, p);

    MUST(o != NULL);
    return json_object_get(o);
}

static void same_text(json_object *o, const char *text, size_t len)
{
    MUST(json_object_is_type(o, json_type_string));
    MUST((size_t)json_object_get_string_len(o) == len && memcmp(json_object_get_string(o), text, len) == 0);
}

static void check_string(const char *text, size_t len, apr_pool_t *p)
{
    struct printbuf *pb = printbuf_new();
    apr_size_t replaced = 5, bad, n;
    const char *expected = expected_text(text, len, &n, &bad, p);
    json_object *o;
    int i;

    MUST(kiss_json_text_string(pb, text, len, &replaced) == 0 && replaced == 5 + bad);
    MUST(pb->buf[0] == '"' && pb->buf[pb->bpos - 1] == '"');
    for (i = 0; i < pb->bpos; i++) {
        MUST((unsigned char)pb->buf[i] >= 0x20);
    }
    o = parse(pb, p);
    same_text(o, expected, n);
    json_object_put(o);
    printbuf_free(pb);
}

static void check_term(const char *text, apr_pool_t *p)
{
    kiss_value term = kiss_row_json_term(text, p);
    struct printbuf *pb = printbuf_new();
    apr_size_t ignored = 0;

    MUST(kiss_json_text_string(pb, text, strlen(text), &ignored) == 0);
    MUST(term.len == (size_t)pb->bpos && memcmp(term.data, pb->buf, term.len) == 0);
    printbuf_free(pb);
}

/** The member's number, as fixed point. */
static apr_int64_t number(json_object *row, const char *name)
{
    const char *text = json_object_to_json_string(json_object_object_get(row, name));
    apr_int64_t n = 0;

    MUST(kiss_decimal_parse(&n, text, strlen(text), 18, 4) == KISS_DECIMAL_OK);
    return n;
}

static const kiss_column columns[] = {
    { "Text", KISS_TEXT, "a" }, { "Decimal", KISS_DECIMAL, "b" }, { "Quantity", KISS_QUANTITY, "c" },
    { "Price", KISS_NET_PRICE, "d", .flag = "e" }, { "Flag", KISS_BOOLEAN, "f" }, { "Date", KISS_DATE, "g" },
    { "Term", KISS_TEXT, .term = KISS_TERM_CURRENCY }, { "Rows", KISS_ROWS }, { 0 }
};

/** A row of `text` and of the number n / 10^4, which the database would deliver as a decimal. */
static void check_row(const char *text, size_t len, apr_int64_t n, apr_int64_t discount, apr_pool_t *p)
{
    static const kiss_rowset rows = { .columns = columns };
    char decimal[KISS_DECIMAL_TEXT];
    kiss_value number_value = { decimal, (apr_size_t)kiss_decimal_format(decimal, n, 4) };
    const kiss_value flag = { len % 2 ? "1" : "0", 1 }, text_value = { text, len }, null = { NULL, 0 };
    const kiss_value nested = { "{}", len % 3 ? 2 : 0 };
    const kiss_value values[] = { text_value, number_value, number_value, number_value, flag, flag,
                                  len % 5 ? text_value : null };
    kiss_row_json_terms terms = { .discount = discount };
    struct printbuf *pb = printbuf_new();
    apr_size_t replaced = 0, bad, expected_len;
    const char *column = NULL, *expected = expected_text(text, len, &expected_len, &bad, p);
    apr_int64_t net = n;
    json_object *o;

    terms.fragment[KISS_TERM_CURRENCY] = kiss_row_json_term("\"", p);
    MUST(kiss_row_json_write(pb, kiss_row_json_writer_make(rows.columns, NULL, 0, p), &terms, values, &nested, &replaced,
                             &column) == KISS_ROW_JSON_OK);
    o = parse(pb, p);
    MUST(json_object_is_type(o, json_type_object) && json_object_object_length(o) == 8);
    same_text(json_object_object_get(o, "Text"), expected, expected_len);
    MUST(number(o, "Decimal") == n && number(o, "Quantity") == n);
    MUST(len % 2 == 0 || kiss_decimal_discount(&net, n, discount) == 0);
    MUST(number(o, "Price") == net);
    MUST(json_object_get_boolean(json_object_object_get(o, "Flag")) == (int)(len % 2));
    MUST(len % 5 == 0 ? !json_object_object_get(o, "Date") : replaced == 2 * bad);
    same_text(json_object_object_get(o, "Term"), "\"", 1);
    MUST(json_object_array_length(json_object_object_get(o, "Rows")) == (len % 3 ? 1 : 0));
    json_object_put(o);
    printbuf_free(pb);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    apr_pool_t *p = fuzz_pool();
    const char *text = (const char *)data;
    apr_int64_t n = 0, discount = 0;

    memcpy(&n, data, size < 8 ? size : 8);
    memcpy(&discount, data + size / 2, size - size / 2 < 4 ? size - size / 2 : 4);
    check_string(text, size, p);
    check_term(apr_pstrmemdup(p, text, size), p);
    check_row(text, size, n % 1000000000000, discount % 1000001, p);
    apr_pool_clear(p);
    return 0;
}
