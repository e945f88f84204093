/* SPDX-License-Identifier: Apache-2.0 */
/* Unit test: strings are JSON in UTF-8 whatever their bytes. */
#include <apr_strings.h>

#include "lib/base/json_text.h"
#include "unit.h"

static void string(const char *text, apr_size_t len, const char *expected, apr_size_t bad, const char *what)
{
    struct printbuf *pb = printbuf_new();
    apr_size_t replaced = 0;

    ok(kiss_json_text_string(pb, text, len, &replaced) == 0 && replaced == bad, what);
    is(apr_pstrmemdup(pool, pb->buf, (apr_size_t)pb->bpos), expected, what);
    printbuf_free(pb);
    if (strlen(text) == len) {
        replaced = 0;
        is(kiss_json_text_quoted(text, &replaced, pool), expected, what);
        ok(replaced == bad, what);
    }
}

void unit_json_text(void)
{
    string("a\"\\\n\t\x01/", 7, "\"a\\\"\\\\\\n\\t\\u0001/\"", 0, "escapes");
    string("\xc3\xa4\xe2\x82\xac\xf0\x9f\x8e\x83", 9, "\"\xc3\xa4\xe2\x82\xac\xf0\x9f\x8e\x83\"", 0, "UTF-8 as it is");
    string("\xff" "a\xc3", 3, "\"\xef\xbf\xbd" "a\xef\xbf\xbd\"", 2, "invalid bytes");
    string("\xed\xa0\x80", 3, "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"", 3, "a surrogate");
    string("\xc0\xaf", 2, "\"\xef\xbf\xbd\xef\xbf\xbd\"", 2, "an overlong form");
    string("\xf4\x90\x80\x80", 4, "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"", 4, "beyond U+10FFFF");
}
