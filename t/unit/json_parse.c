/* SPDX-License-Identifier: Apache-2.0 */
/* Unit test: JSON is read strictly, and the same with every version of json-c. */
#include <string.h>

#include <apr_escape.h>
#include <apr_strings.h>

#include "lib/base/json_parse.h"
#include "unit.h"

static void parsed(const char *text, int good)
{
    ok((kiss_json_parse(text, strlen(text), 3, pool) != NULL) == good,
       apr_psprintf(pool, "JSON %s: %s", good ? "taken" : "refused", apr_pescape_echo(pool, text, 1)));
}

static void note_element(void *baton, apr_size_t i, json_object *o)
{
    const char **all = baton;

    *all = apr_psprintf(pool, "%s%d:%s;", *all, (int)i, json_object_to_json_string_ext(o, JSON_C_TO_STRING_PLAIN));
}

static void elements(const char *text, apr_status_t rv, const char *expected)
{
    const char *all = "";
    apr_status_t got = kiss_json_elements(text, strlen(text), 1, note_element, &all, pool);

    ok(got == rv && (rv != APR_SUCCESS || strcmp(all, expected) == 0), apr_psprintf(pool, "elements of %s: %s", text, all));
}

/** An array of `n` zeros. */
static const char *zeros(apr_size_t n)
{
    char *text = apr_palloc(pool, 2 * n + 2);
    apr_size_t i;

    for (i = 0; i < n; i++) {
        memcpy(text + 2 * i, i ? ",0" : "[0", 2);
    }
    memcpy(text + 2 * n, "]", 2);
    return text;
}

static void many(void)
{
    const char *text = zeros(KISS_JSON_VALUES);
    json_object *o;

    ok(kiss_json_read(&o, text, strlen(text), 1, pool) == APR_EGENERAL, "a text from a stranger has so many values at most");
    text = zeros(KISS_JSON_VALUES - 1);
    ok(kiss_json_read(&o, text, strlen(text), 1, pool) == APR_SUCCESS, "... and may have them");
    text = zeros(2 * KISS_JSON_VALUES);
    ok(kiss_json_parse(text, strlen(text), 1, pool) != NULL, "one of our own more");
    elements("[]", APR_SUCCESS, "");
    elements(" [ 1 , {\"a\":2} ,null,[3]\n] ", APR_SUCCESS, "0:1;1:{\"a\":2};2:null;3:[3];");
    elements("[{\"a\":1},{\"a\":1}]", APR_SUCCESS, "0:{\"a\":1};1:{\"a\":1};");
    elements("[1 2]", APR_EGENERAL, NULL);
    elements("[1,]", APR_EGENERAL, NULL);
    elements("[,1]", APR_EGENERAL, NULL);
    elements("[1", APR_EGENERAL, NULL);
    elements("[", APR_EGENERAL, NULL);
    elements("", APR_EGENERAL, NULL);
    elements("{}", APR_EGENERAL, NULL);
    elements("[1]1", APR_EGENERAL, NULL);
    elements("[[[1]]]", APR_EGENERAL, NULL);
    elements("[{\"a\":1,\"a\":1}]", APR_EGENERAL, NULL);
    elements("[\"\xff\"]", APR_EGENERAL, NULL);
}

void unit_json_parse(void)
{
    static const char *const good[] = {
        "{}", " [ ] ", "\r\n\t{ \"a\" : 1 }\n", "true", "false", "\"\"", "0", "-0", "1.50", "1e9", "-1.5E-7", "1e400",
        "9223372036854775807", "-9223372036854775808", "18446744073709551616", "-9223372036854775809",
            "100000000000000000000000000", "\"Z\xc3\x9c-1\"", "{\"M\xc3\x9cLLER\":\"\xf0\x9f\x8d\x8b\"}",
        "\"\\u00dc \\ud83c\\udf4b \\\" \\/ \\b\\f\\n\\r\\t\"", "[[[1]]]", "{\"a\":{\"b\":{\"c\":1}}}",
            "{\"a\":1,\"b\":{\"a\":1}}",
        "\"\\u0000\"", "\"\x7f\"", "{\"a\":\"\\u0000\",\"b\":1}", "{\"\\\\u0000\":1}"
    };
    static const char *const bad[] = {
        "", " ", "{", "}", "{\"a\":1", "{\"a\" 1}", "{a:1}", "{'a':1}", "{\"a\":1,}", "[1,]", "[,1]", "[1 2]", "{} {}",
            "{}x", "nul", "NULL", "True",
        "NaN", "nan", "Infinity", "-Infinity", "1.", ".5", "+1", "01", "-", "-01", "1e", "1e+", "0x1", "1.e3", "--1",
        "\"\n\"", "\"\t\"", "\"\x1f\"", "\"a", "\"\\x\"", "\"\\u12\"",
        "\"\\u12g4\"", "\"\\ud83c\"", "\"\\udf4b\"", "\"\\ud83c\\u0041\"", "\"\\ud83cx\"", "\"\xff\"", "\"\xc3\"",
            "\"\xed\xa0\x80\"", "[[[[1]]]]",
        "{\"a\":1,\"a\":2}", "{\"a\":1,\"\\u0061\":2}", "[{\"a\":{\"b\":1,\"b\":1}}]",
        "{\"a\\u0000\":1}", "{\"\\u0000\":1}", "[{\"x\":{\"a\\u0000b\":1}}]", "/* */ 1", "1 // 2", "\xef\xbb\xbf{}",
            "\xc2\xa0{}"
    };
    int i;

    for (i = 0; i < (int)(sizeof(good) / sizeof(*good)); i++) {
        parsed(good[i], 1);
    }
    for (i = 0; i < (int)(sizeof(bad) / sizeof(*bad)); i++) {
        parsed(bad[i], 0);
    }
    ok(!kiss_json_parse("{}\0", 3, 3, pool) && !kiss_json_parse("\"a\0b\"", 5, 3, pool), "a NUL stands nowhere");
    ok(json_object_get_int64(kiss_json_parse("100000000000000000000", 21, 3, pool)) == APR_INT64_MAX,
       "beyond 64 bits: the last one");
    ok(strcmp(json_object_get_string(kiss_json_parse("\"\\ud83c\\udf4b\"", 14, 3, pool)), "\xf0\x9f\x8d\x8b") == 0,
       "a pair is a letter");
    many();
}
