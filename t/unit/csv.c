/* SPDX-License-Identifier: Apache-2.0 */
/* Unit test: the CSV reader. */
#include "csv.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <apr_strings.h>

#include "lib/base/utf8.h"
#include "unit.h"

/** Bytes in memory, delivered in pieces of `step`. */
typedef struct {
    const char *at, *end;
    apr_size_t step;
    apr_status_t failure;           /* at the end, instead of APR_EOF */
} memory;

static apr_status_t deliver(void *ctx, char *buf, apr_size_t *len)
{
    memory *m = ctx;
    apr_size_t n = (apr_size_t)(m->end - m->at);

    if (n == 0) {
        return m->failure ? m->failure : APR_EOF;
    }
    n = n < m->step ? n : m->step;
    n = n < *len ? n : *len;
    memcpy(buf, m->at, n);
    m->at += n;
    *len = n;
    return APR_SUCCESS;
}

/** The whole file as text: "line:cell|cell", faults as "!line reason", records end with ';', the end is '.' or 'X'. */
static const char *parse(apr_pool_t *p, const char *text, apr_size_t len, apr_size_t step)
{
    memory m = {text, text + len, step, 0};
    csv_reader *r = csv_open(deliver, &m, p);
    const char *out = "";
    csv_status status;
    csv_row row;
    int i;

    while ((status = csv_next(r, &row)) == CSV_ROW) {
        out = apr_psprintf(p, "%s%ld:", out, row.line);
        for (i = 0; i < row.n; i++) {
            const csv_cell *cell = &row.cells[i];

            out = apr_pstrcat(p, out, i ? "|" : "", cell->text, NULL);
            if (strlen(cell->text) != cell->len) {
                out = apr_pstrcat(p, out, "\\0", NULL);
            }
            if (cell->error) {
                out = apr_psprintf(p, "%s!%ld %.9s", out, cell->error_line, cell->error);
            }
        }
        out = apr_pstrcat(p, out, row.error ? "#" : "", row.error ? row.error : "", ";", NULL);
    }
    return apr_pstrcat(p, out, status == CSV_END ? "." : "X", NULL);
}

static const struct {
    const char *name, *text;
    apr_size_t len;                 /* 0: strlen */
    const char *expected;
} cases[] = {
    {"empty file", "", 0, "."},
    {"header only", "a,b", 0, "1:a|b;."},
    {"LF", "a,b\n1,2\n", 0, "1:a|b;2:1|2;."},
    {"CRLF", "a,b\r\n1,2\r\n", 0, "1:a|b;2:1|2;."},
    {"no line end at the end", "a,b\n1,2", 0, "1:a|b;2:1|2;."},
    {"empty last cell at the end", "a,b\n1,", 0, "1:a|b;2:1|;."},
    {"byte order mark", "\xef\xbb\xbf" "a,b\n1,2\n", 0, "1:a|b;2:1|2;."},
    {"byte order mark before a quote", "\xef\xbb\xbf\"a\",b\n", 0, "1:a|b;."},
    {"nothing but a byte order mark", "\xef\xbb\xbf", 0, "."},
    {"half a byte order mark", "\xef\xbb", 0, "1:\xef\xbb!1 not UTF-8;."},
    {"byte order mark inside is text", "a\n\xef\xbb\xbf" "1\n", 0, "1:a;2:\xef\xbb\xbf" "1;."},
    {"quotes", "a,b\n\"1\",\"2\"\n", 0, "1:a|b;2:1|2;."},
    {"comma in quotes", "a,b\n\"1,5\",2\n", 0, "1:a|b;2:1,5|2;."},
    {"doubled quotes", "a,b\n\"say \"\"hi\"\"\",\"\"\"\"\n", 0, "1:a|b;2:say \"hi\"|\";."},
    {"empty quotes", "a,b\n\"\",x\n\"\",\"\"\n", 0, "1:a|b;2:|x;."},
    {"line break in quotes", "a,b\n\"1\n2\",x\n3,4\n", 0, "1:a|b;2:1\n2|x;4:3|4;."},
    {"CRLF in quotes is kept", "a,b\r\n\"1\r\n2\",x\r\n3,4\r\n", 0, "1:a|b;2:1\r\n2|x;4:3|4;."},
    {"lone CR in quotes is kept", "a\n\"1\r2\"\n3\n", 0, "1:a;2:1\r2;3:3;."},
    {"blanks are kept", "a,b\n 1 ,\t2\n", 0, "1:a|b;2: 1 |\t2;."},
    {"empty lines are passed over and counted", "a,b\n\n1,2\n\r\n\n3,4\n\n", 0, "1:a|b;3:1|2;6:3|4;."},
    {"empty lines before the header", "\n\na,b\n1,2\n", 0, "3:a|b;4:1|2;."},
    {"an empty line is none in one column, either", "a\n\n1\n\"\"\n", 0, "1:a;3:1;."},
    {"too few cells: empty", "a,b\n1\n3,4\n", 0, "1:a|b;2:1|;3:3|4;."},
    {"too few cells by two, in quotes", "a,b,c\n\"1\"\n3,4,5\n", 0, "1:a|b|c;2:1||;3:3|4|5;."},
    {"too many cells", "a,b\n1,2,3\n3,4\n", 0, "1:a|b;2:1|2|3#3 cells where the header has 2;3:3|4;."},
    {"too many empty cells", "a,b\n1,2,,\n1,2,\"\"\n1,2,,3\n", 0,
      "1:a|b;2:1|2;3:1|2;4:1|2||3#4 cells where the header has 2;."},
    {"lines of commas only", "a,b\n,\n,,,\n1,2\n,\"\"\n", 0, "1:a|b;4:1|2;."},
    {"lines of commas before the header", ",,\na,b\n1,2\n", 0, "2:a|b;3:1|2;."},
    {"empty cells at the end of the header", "a,b,,\n1,2,,\n1,2\n1,2,3\n", 0,
     "1:a|b;2:1|2;3:1|2;4:1|2|3#3 cells where the header has 2;."},
    {"semicolons", "a;b\n1,5;2\n", 0, "1:a|b;2:1,5|2;."},
    {"tabs", "a\tb\n1,5\t2;3\n", 0, "1:a|b;2:1,5|2;3;."},
    {"vertical bars", "a|b\n1|\n", 0, "1:a|b;2:1|;."},
    {"semicolons, a comma in a name", "a;\"b,c,d\";e\n1;2;3\n", 0, "1:a|b,c,d|e;2:1|2|3;."},
    {"more semicolons than commas", "a;b, x;c\n1;2;3\n", 0, "1:a|b, x|c;2:1|2|3;."},
    {"as many of both", "a;b,c\n1;2,3\n", 0, "X"},
    {"empty lines before a header with semicolons", "\n;;\na;b\n1;2,3\n", 0, "3:a|b;4:1|2,3;."},
    {"sep=", "sep=;\r\na;b\r\n1,5;2\r\n", 0, "2:a|b;3:1,5|2;."},
    {"sep= against what the header looks like", "SEP=|\na,b\n1,2|3\n", 0, "2:a,b;3:1,2|3#2 cells where the header has 1;."},
    {"sep= in quotes, behind a byte order mark", "\xef\xbb\xbf\"sep=\t\"\na\tb\n1\t2\n", 0, "2:a|b;3:1|2;."},
    {"sep= of something else is a header", "sep=x\n1\n", 0, "1:sep=x;2:1;."},
    {"sep= alone", "sep=;", 0, "."},
    {"two byte order marks", "\xef\xbb\xbf\xef\xbb\xbf\"a\",b\n1,2\n", 0, "1:a|b;2:1|2;."},
    {"unclosed quote, by the line where it opens", "a,b\n1,\"2\n3,4\n5,6\n", 0,
     "1:a|b;2:1|2\n3,4\n5,6\n!2 the quote;."},
    {"unclosed quote that swallows cells", "a,b\n1,2\n\"3\n4,5\n", 0,
     "1:a|b;2:1|2;3:3\n4,5\n#the quote that opens here is never closed;."},
    {"unclosed quote at the very end", "a,b\n1,\"", 0, "1:a|b;2:1|!2 the quote;."},
    {"text after the closing quote", "a,b\n\"1\"x,2\n3,4\n", 0, "1:a|b;2:1x!2 text afte|2;3:3|4;."},
    {"blank after the closing quote", "a,b\n\"1\" ,2\n", 0, "1:a|b;2:1 !2 text afte|2;."},
    {"quote in a cell without quotes", "a,b\n5\" x,2\n3,4\n", 0, "1:a|b;2:5\" x!2 a quote i|2;3:3|4;."},
    {"lone CR outside quotes", "a,b\n1\r2,3\n", 0, "1:a|b;2:1\r2!2 a carriag|3;."},
    {"CR at the very end", "a,b\n1,2\r", 0, "1:a|b;2:1|2\r!2 a carriag;."},
    {"NUL byte", "a,b\n1\0x,2\n3,4\n", 14, "1:a|b;2:1\\0!2 a NUL byt|2;3:3|4;."},
    {"NUL byte in quotes, by its own line", "a,b\n\"1\n\0\",2\n", 12, "1:a|b;2:1\n\\0!3 a NUL byt|2;."},
    {"invalid UTF-8", "a,b\n\xff,2\n3,4\n", 0, "1:a|b;2:\xff!2 not UTF-8|2;3:3|4;."},
    {"invalid UTF-8, by its own line", "a,b\n\"x\ny\n\xc3\",2\n", 0, "1:a|b;2:x\ny\n\xc3!4 not UTF-8|2;."},
    {"UTF-8 of all lengths", "a\n\xc3\xa9\xe2\x82\xac\xf0\x9f\x8e\x83\n", 0,
     "1:a;2:\xc3\xa9\xe2\x82\xac\xf0\x9f\x8e\x83;."},
};

static void test_cases(void)
{
    static const apr_size_t steps[] = {65536, 1, 3};
    apr_size_t i, s;

    for (i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        apr_size_t len = cases[i].len ? cases[i].len : strlen(cases[i].text);
        int good = 1;

        for (s = 0; s < 3; s++) {
            const char *got = parse(pool, cases[i].text, len, steps[s]);

            if (strcmp(got, cases[i].expected) != 0) {
                printf("# step %d, got: %s\n", (int)steps[s], got);
                good = 0;
            }
        }
        ok(good, cases[i].name);
    }
}

static void test_utf8(void)
{
    static const char *const bad[] = {"\xc0\x80", "\xc1\xbf", "\xe0\x80\x80", "\xed\xa0\x80", "\xf0\x80\x80\x80",
                                      "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\x80", "\xc3", "\xe2\x82", "\xc3\x28"};
    apr_size_t i, chars;
    int good = 1;

    for (i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        good &= kiss_utf8_check(bad[i], strlen(bad[i]), NULL) == 0;
    }
    ok(good, "overlong forms, surrogates, half characters are no UTF-8");
    ok(kiss_utf8_check("\xed\x9f\xbf\xee\x80\x80\xf4\x8f\xbf\xbf", 10, &chars) == 10 && chars == 3,
       "the characters at the edges are, and are counted");
}

static void test_limits(void)
{
    apr_size_t len = CSV_RECORD_MAX + 4096;
    char *text = malloc(len);
    memory m = {text, text + len, 65536, 0};
    csv_reader *r;
    csv_row row;
    long line;

    memset(text, 'x', len);
    memcpy(text, "a,b\n1,\"", 7);
    r = csv_open(deliver, &m, pool);
    csv_next(r, &row);
    ok(csv_next(r, &row) == CSV_FAILED && strstr(csv_failure(r, &line), "16 MiB") && line == 2,
       "a record without end stops the reader");
    m = (memory){text, text + 2, 2, APR_EACCES};
    r = csv_open(deliver, &m, pool);
    csv_next(r, &row);
    ok(csv_next(r, &row) == CSV_FAILED && strstr(csv_failure(r, &line), "cannot read"), "a failure to read is one");
    memset(text, ',', 5000);
    m = (memory){text, text + 5001, 65536, 0};
    r = csv_open(deliver, &m, pool);
    ok(csv_next(r, &row) == CSV_ROW && row.n == 5001 && row.cells[4999].len == 0 && row.cells[5000].len == 1,
       "five thousand empty cells");
    free(text);
}

void unit_csv(void)
{
    test_cases();
    test_utf8();
    test_limits();
}
