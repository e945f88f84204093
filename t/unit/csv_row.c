/* SPDX-License-Identifier: Apache-2.0 */
/* Unit test: records of CSV, and what is no row. That they say what the JSON says is a test over the wire. */
#include <string.h>

#include <apr_strings.h>

#include "lib/api/csv_row.h"
#include "lib/base/json_text.h"
#include "lib/file/row_format.h"
#include "unit.h"

static const kiss_csv_column columns[] = {
    { "SKU", "SKU" },
    { "Text", "T" },
    { "First", "X", KISS_CELL_FIRST, .array = "A" },
    { "Rest", "X", KISS_CELL_REST, .array = "A", .separator = ",", .comma = "%2C" },
    { "All", "X", KISS_CELL_ALL, .array = "A", .separator = "; ", .with = "N", .joint = ":" },
    { "Rows", "T", KISS_CELL_ALL, .separator = "|" },
    { 0 }
};

static const char *record(const char *rows)
{
    struct printbuf *to = kiss_json_text_buffer(pool), *cell = kiss_json_text_buffer(pool);

    return kiss_csv_row_write(to, columns, cell, rows, strlen(rows)) == 0
           ? apr_pstrmemdup(pool, to->buf, (apr_size_t)to->bpos) : "refused";
}

static void gives(const char *rows, const char *expected)
{
    const char *got = record(rows);

    okf(strcmp(got, expected) == 0, "%s: %s", rows, got);
}

static void test_keys(void)
{
    static const char *const skus[] = { "A", "A,B", "\"", "\"\"", "A\"B", "\",\"", "A\nB", "A\rB", "", "\"\n" };
    const kiss_row_format *f = kiss_row_format_csv("SKU", pool);
    apr_size_t i, ignored = 0;

    for (i = 0; i < sizeof(skus) / sizeof(skus[0]); i++) {
        struct printbuf *json = kiss_json_text_buffer(pool);
        const char *row;
        char buffer[KISS_ROWS_KEY];
        kiss_value key, plain;

        kiss_json_text_raw(json, "{\"SKU\":", 7);
        kiss_json_text_string(json, skus[i], strlen(skus[i]), &ignored);
        kiss_json_text_raw(json, ",\"T\":1,\"A\":[]}", 14);
        row = record(apr_pstrmemdup(pool, json->buf, (apr_size_t)json->bpos));
        okf(f->find_key(&key, row, row + strlen(row)) == 0 && f->plain_key(&plain, buffer, &key) == 0
            && plain.len == strlen(skus[i]) && memcmp(plain.data, skus[i], plain.len) == 0, "the SKU of %s", row);
    }
}

void unit_csv_row(void)
{
    static const char *const bad[] = {
        "", "{", "{}", "{\"SKU\"", "{\"SKU\":", "{\"SKU\":\"", "{\"SKU\":\"a\"", "{\"SKU\":\"a\"}", "{\"SKU\":\"a\\", "[]",
        "{\"SKU\":\"a\",\"T\":1,\"A\":[{]}",
        "{\"SKU\":\"a\",\"T\":1,\"A\":[{\"X\"}]}",
        "{\"SKU\":\"a\",\"T\":\"\\q\",\"A\":[]}",
        "{\"SKU\":\"a\",\"T\":1,\"A\":[{\"X\":1}]}",
        "{\"SKU\":\"a\",\"T\":1,\"A\":[{\"N\":1}]}",
        "{\"SKU\":\"a\" \"T\":1,\"A\":[]}"
    };
    apr_size_t i;

    gives("{\"SKU\":\"001\",\"T\":null,\"A\":[]}", "001,,,,,");
    gives("{\"SKU\":\"a\",\"T\":1.50,\"A\":[]}", "a,1.50,,,,1.50");
    gives("{\"T\":\"\",\"A\":[],\"SKU\":\"a\"}", "a,,,,,");
    gives("{\"SKU\":\"a\",\"T\":\"x,y\",\"A\":[{\"X\":\"1,2\",\"N\":0}]}", "a,\"x,y\",\"1,2\",,\"0:1,2\",\"x,y\"");
    gives("{\"SKU\":\"a\",\"T\":\"\\\"\\r\\n\\r\\r\\nb\\rc\\n\","
       "\"A\":[{\"N\":1,\"X\":\"p\"},{\"N\":2,\"X\":\"q,r\"},{\"N\":3,\"X\":\"s\"}]}",
       "a,\"\"\"\n\n\nb\nc\n\",p,\"q%2Cr,s\",\"1:p; 2:q,r; 3:s\",\"\"\"\n\n\nb\nc\n\"");
    gives("{\"SKU\":\"\\ra\\r\\r\\nb\\r\",\"T\":\"\\r\\r\\n\",\"A\":[]}", "\"\ra\nb\r\",\"\n\n\",,,,\"\n\n\"");
    gives("{\"SKU\":\"a\",\"T\":\"1\",\"A\":[]},\n{\"SKU\":\"a\",\"T\":\"2\",\"A\":[{\"X\":1,\"N\":1}]}", "a,1,,,,1|2");
    gives("{\"SKU\":\"a\",\"T\":\"\\u0000\\u0001\\t\",\"A\":[]}", "a,\xef\xbf\xbd\x01\t,,,,\xef\xbf\xbd\x01\t");
    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        gives(bad[i], "refused");
    }
    test_keys();
    ok(strcmp(kiss_csv_row_header(columns, pool), "SKU,Text,First,Rest,All,Rows") == 0, "the names");
}
