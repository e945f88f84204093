/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fuzz target: JSON from outside. Input: the maximum nesting, then the text. The second opinions are a checker of the
 * grammar that is written in another way, and json-c as it is.
 */
#include "lib/base/json_parse.h"

#include <string.h>

#include <json-c/json.h>

#include "csv.h"
#include "fuzz.h"
#include "lib/base/utf8.h"

/** The rest of a text. */
typedef struct {
    const unsigned char *at, *end;
} text;

static int is_blank(unsigned char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static void skip_blanks(text *t)
{
    while (t->at < t->end && is_blank(*t->at)) {
        t->at++;
    }
}

static int next_is(const text *t, char c)
{
    return t->at < t->end && *t->at == (unsigned char)c;
}

static unsigned hex4(const text *t)
{
    unsigned n = 0, i;

    for (i = 0; i < 4; i++) {
        unsigned char c = t->at + i < t->end ? t->at[i] : 'x';

        if (c >= '0' && c <= '9') {
            n = n << 4 | (c - '0');
        }
        else if ((c | 32) >= 'a' && (c | 32) <= 'f') {
            n = n << 4 | ((c | 32) - 'a' + 10u);
        }
        else {
            return 0x10000;
        }
    }
    return n;
}

/** @return 1 for a string; 0 for none; a name must have no NUL */
static int take_string(text *t, int name)
{
    unsigned high = 0, unit;

    for (t->at++; t->at < t->end; t->at++) {
        unsigned char c = *t->at;

        if (high && c != '\\') {
            return 0;
        }
        if (c == '"') {
            t->at++;
            return 1;
        }
        if (c < 0x20) {
            return 0;
        }
        if (c != '\\') {
            continue;
        }
        if (++t->at == t->end) {
            return 0;
        }
        if (*t->at != 'u') {
            if (high || !*t->at || !strchr("\"\\/bfnrt", *t->at)) {
                return 0;
            }
            continue;
        }
        t->at++;
        unit = hex4(t);
        if (unit > 0xFFFF || (high ? unit < 0xDC00 || unit > 0xDFFF : unit >= 0xDC00 && unit <= 0xDFFF) || (name && !unit)) {
            return 0;
        }
        high = !high && unit >= 0xD800 && unit <= 0xDBFF;
        t->at += 3;
    }
    return 0;
}

static int take_digits(text *t)
{
    const unsigned char *start = t->at;

    while (t->at < t->end && *t->at >= '0' && *t->at <= '9') {
        t->at++;
    }
    return t->at > start;
}

static int take_scalar(text *t)
{
    static const char *const words[] = { "true", "false", "null" };
    size_t i;

    if (next_is(t, '"')) {
        return take_string(t, 0);
    }
    for (i = 0; i < 3; i++) {
        size_t n = strlen(words[i]);

        if ((size_t)(t->end - t->at) >= n && memcmp(t->at, words[i], n) == 0) {
            t->at += n;
            return 1;
        }
    }
    t->at += next_is(t, '-');
    if (next_is(t, '0')) {
        t->at++;
    }
    else if (!take_digits(t)) {
        return 0;
    }
    if (next_is(t, '.')) {
        t->at++;
        if (!take_digits(t)) {
            return 0;
        }
    }
    if (next_is(t, 'e') || next_is(t, 'E')) {
        t->at++;
        t->at += next_is(t, '+') || next_is(t, '-');
        return take_digits(t);
    }
    return 1;
}

/** What precedes the value of a member: its name and a colon. */
static int take_name(text *t)
{
    skip_blanks(t);
    if (!next_is(t, '"') || !take_string(t, 1)) {
        return 0;
    }
    skip_blanks(t);
    return next_is(t, ':') && t->at++ < t->end;
}

/** One text of JSON with at most `depth` brackets within each other, without recursion; names may be there twice. */
static int is_json(const uint8_t *data, size_t size, int depth)
{
    text t = { data, data + size };
    char open[256];
    int n = 0;

    for (;;) {
        skip_blanks(&t);
        if (next_is(&t, '{') || next_is(&t, '[')) {
            if (n == depth) {
                return 0;
            }
            open[n++] = *t.at++ == '{' ? '}' : ']';
            skip_blanks(&t);
            if (!next_is(&t, open[n - 1])) {
                if (open[n - 1] == '}' && !take_name(&t)) {
                    return 0;
                }
                continue;
            }
        }
        else if (!take_scalar(&t)) {
            return 0;
        }
        skip_blanks(&t);
        while (n && next_is(&t, open[n - 1])) {
            t.at++;
            n--;
            skip_blanks(&t);
        }
        if (!n) {
            return t.at == t.end;
        }
        if (!next_is(&t, ',') || t.at++ == t.end || (open[n - 1] == '}' && !take_name(&t))) {
            return 0;
        }
    }
}

static json_object *read_by_json_c(const char *body, size_t len, int depth)
{
    json_tokener *tok = json_tokener_new_ex(depth + 2);
    json_object *o = json_tokener_parse_ex(tok, body, (int)len);

    if (json_tokener_get_error(tok) == json_tokener_continue) {
        o = json_tokener_parse_ex(tok, "", 1);
    }
    json_tokener_free(tok);
    return o;
}

static void collect(void *baton, apr_size_t i, json_object *o)
{
    MUST(json_object_array_length(baton) == i);
    json_object_array_add(baton, json_object_get(o));
}

/* Element by element an array is what it is as a whole. */
static void check_elements(fuzz_bytes in, int depth, json_object *whole, apr_pool_t *p)
{
    json_object *all = json_object_new_array();
    apr_status_t rv = kiss_json_elements(in.at, in.left, depth - 1, collect, all, p);

    MUST((rv == APR_SUCCESS) == json_object_is_type(whole, json_type_array));
    MUST(rv != APR_SUCCESS || json_object_equal(all, whole));
    json_object_put(all);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    apr_pool_t *p = fuzz_pool();
    fuzz_bytes in = { (const char *)data, size };
    const int depth = (int)(fuzz_byte(&in) % 40);
    json_object *o = NULL, *again, *other;
    apr_status_t rv = kiss_json_read(&o, in.at, in.left, depth, p);
    int good = is_json((const uint8_t *)in.at, in.left, depth) && kiss_utf8_check(in.at, in.left, NULL) == in.left;

    MUST(rv == APR_SUCCESS || rv == APR_EGENERAL);
    MUST(good || rv == APR_EGENERAL);
    if (rv == APR_SUCCESS) {
        const char *written = json_object_to_json_string_ext(o, JSON_C_TO_STRING_PLAIN);

        other = read_by_json_c(in.at, in.left, depth);
        MUST(json_object_equal(o, other));
        json_object_put(other);
        MUST(kiss_json_read(&again, written, strlen(written), depth, p) == APR_SUCCESS);
        MUST(strcmp(json_object_to_json_string_ext(again, JSON_C_TO_STRING_PLAIN), written) == 0);
    }
    else if (good) {
        MUST(memchr(in.at, '{', in.left));              /* a name is there twice */
    }
    if (depth > 0) {
        check_elements(in, depth, rv == APR_SUCCESS ? o : NULL, p);
    }
    apr_pool_clear(p);
    return 0;
}
