/* SPDX-License-Identifier: Apache-2.0 */
/**
 * json_parse - a scanner that checks JSON strictly before json-c parses it.
 */
#include "lib/base/json_parse.h"

#include <limits.h>
#include <string.h>

#include "lib/base/json_text.h"

/** State of the check of a text. */
typedef struct {
    const char *at;
    const char *end;
    int depth;                  /* arrays and objects that may still be nested */
    apr_size_t names;           /* members of all objects, duplicate names included */
    apr_size_t nuls;            /* occurrences of \u0000 */
    apr_size_t values;          /* values that may still come */
} scanner;

static int value(scanner *s);

static int is_digit(const scanner *s)
{
    return s->at < s->end && *s->at >= '0' && *s->at <= '9';
}

/** Consumes this character if it is the next one. @return 1 when it was */
static int take(scanner *s, char c)
{
    if (s->at < s->end && *s->at == c) {
        s->at++;
        return 1;
    }
    return 0;
}

static void skip_space(scanner *s)
{
    while (s->at < s->end && *s->at && strchr(" \t\r\n", *s->at)) {
        s->at++;
    }
}

static int word(scanner *s, const char *w)
{
    apr_size_t n = strlen(w);

    if ((apr_size_t)(s->end - s->at) < n || memcmp(s->at, w, n) != 0) {
        return 0;
    }
    s->at += n;
    return 1;
}

/** One or more digits. @return their number */
static apr_size_t digits(scanner *s)
{
    const char *start = s->at;

    while (is_digit(s)) {
        s->at++;
    }
    return (apr_size_t)(s->at - start);
}

static int number(scanner *s)
{
    const char *start;
    apr_size_t n;

    take(s, '-');
    start = s->at;
    n = digits(s);
    if (n == 0 || (n > 1 && *start == '0') || (take(s, '.') && !digits(s))) {
        return 0;
    }
    if (take(s, 'e') || take(s, 'E')) {
        if (!take(s, '-')) {
            take(s, '+');
        }
        return digits(s) > 0;
    }
    return 1;
}

/** The four digits of \u. @return the code unit, or -1 */
static int code_unit(scanner *s)
{
    int unit = 0, i;

    for (i = 0; i < 4; i++) {
        static const char hex[] = "0123456789abcdef0123456789ABCDEF";
        const char *c = s->at < s->end && *s->at ? strchr(hex, *s->at) : NULL;

        if (!c) {
            return -1;
        }
        unit = unit * 16 + (int)(c - hex) % 16;
        s->at++;
    }
    return unit;
}

/** What follows a backslash. Surrogates come in pairs, high before low. */
static int escape(scanner *s)
{
    int unit;

    if (s->at < s->end && *s->at && strchr("\"\\/bfnrt", *s->at)) {
        s->at++;
        return 1;
    }
    if (!take(s, 'u') || (unit = code_unit(s)) < 0) {
        return 0;
    }
    if (unit < 0xD800 || unit > 0xDFFF) {
        s->nuls += unit == 0;
        return 1;
    }
    if (unit > 0xDBFF || !take(s, '\\') || !take(s, 'u')) {
        return 0;
    }
    unit = code_unit(s);
    return unit >= 0xDC00 && unit <= 0xDFFF;
}

static int string(scanner *s)
{
    if (!take(s, '"')) {
        return 0;
    }
    while (s->at < s->end && *s->at != '"') {
        if (take(s, '\\')) {
            if (!escape(s)) {
                return 0;
            }
        }
        else if ((unsigned char)*s->at++ < ' ') {
            return 0;
        }
    }
    return take(s, '"');
}

static int member(scanner *s)
{
    apr_size_t nuls = s->nuls;

    s->names++;
    skip_space(s);
    if (!string(s) || s->nuls != nuls) {    /* json-c would cut a name at its NUL and confuse it with another one */
        return 0;
    }
    skip_space(s);
    return take(s, ':') && value(s);
}

/** The content of an array or object, up to its closing bracket. */
static int items(scanner *s, char end, int (*item)(scanner *))
{
    int good;

    if (--s->depth < 0) {
        return 0;
    }
    skip_space(s);
    if (!take(s, end)) {
        do {
            good = item(s);
        } while (good && take(s, ','));
        if (!good || !take(s, end)) {
            return 0;
        }
    }
    s->depth++;
    return 1;
}

/** A value with the blanks around it. */
static int value(scanner *s)
{
    int good;

    if (s->values-- == 0) {
        return 0;
    }
    skip_space(s);
    if (take(s, '{')) {
        good = items(s, '}', member);
    }
    else if (take(s, '[')) {
        good = items(s, ']', value);
    }
    else if (s->at < s->end && *s->at == '"') {
        good = string(s);
    }
    else {
        good = word(s, "true") || word(s, "false") || word(s, "null") || number(s);
    }
    skip_space(s);
    return good;
}

/** Number of members of all objects in a value. Of members with equal names json-c keeps one. */
static apr_size_t members(json_object *o)
{
    apr_size_t n = 0, i;

    if (json_object_is_type(o, json_type_object)) {
        json_object_object_foreach(o, name, v) {
            (void)name;
            n += 1 + members(v);
        }
    }
    else if (json_object_is_type(o, json_type_array)) {
        for (i = 0; i < json_object_array_length(o); i++) {
            n += members(json_object_array_get_idx(o, i));
        }
    }
    return n;
}

static apr_status_t release(void *object)
{
    json_object_put(object);
    return APR_SUCCESS;
}

/** 1 when a valid text is null. */
static int is_null(const char *text, apr_size_t n)
{
    return n >= 4 && text[strspn(text, " \t\r\n")] == 'n';
}

/** Parses `n` bytes that a scanner, which began with `depth`, has found valid. */
static apr_status_t parse(json_object **o, const scanner *s, const char *text, apr_size_t n, int depth, apr_pool_t *p)
{
    json_tokener *tok;

    *o = NULL;
    /* json-c counts the content of the innermost brackets as a level, too. */
    tok = json_tokener_new_ex(depth + 2);
    if (!tok) {
        return APR_ENOMEM;
    }
    *o = json_tokener_parse_ex(tok, text, (int)n);
    if (json_tokener_get_error(tok) == json_tokener_continue) {
        *o = json_tokener_parse_ex(tok, "", 1);     /* a number ends only when something follows it */
    }
    json_tokener_free(tok);
    if (!*o) {
        return is_null(text, n) ? APR_SUCCESS : APR_ENOMEM;     /* the text is valid, as was seen before */
    }
    apr_pool_cleanup_register(p, *o, release, apr_pool_cleanup_null);
    return members(*o) == s->names ? APR_SUCCESS : APR_EGENERAL;
}

static apr_status_t read_text(json_object **o, const char *text, apr_size_t n, int depth, apr_size_t values, apr_pool_t *p)
{
    scanner s = { text, text + n, depth, 0, 0, values };

    *o = NULL;
    return n < INT_MAX && kiss_json_text_is_utf8(text, n) && value(&s) && s.at == s.end ? parse(o, &s, text, n, depth, p)
           : APR_EGENERAL;
}

apr_status_t kiss_json_read(json_object **o, const char *text, apr_size_t n, int depth, apr_pool_t *p)
{
    return read_text(o, text, n, depth, KISS_JSON_VALUES, p);
}

json_object *kiss_json_parse(const char *text, apr_size_t n, int depth, apr_pool_t *p)
{
    json_object *o;

    return read_text(&o, text, n, depth, APR_SIZE_MAX, p) == APR_SUCCESS ? o : NULL;
}

/** Reads the elements from `s` on, up to the closing bracket. */
static apr_status_t elements(scanner *s, int depth, kiss_json_element *element, void *baton, apr_pool_t *p)
{
    apr_status_t rv = APR_SUCCESS;
    apr_size_t i;

    for (i = 0; rv == APR_SUCCESS && (i == 0 || take(s, ',')); i++) {
        const char *start = s->at;
        json_object *o = NULL;

        *s = (scanner){ start, s->end, depth, 0, 0, KISS_JSON_VALUES };
        rv = value(s) ? parse(&o, s, start, (apr_size_t)(s->at - start), depth, p) : APR_EGENERAL;
        if (rv == APR_SUCCESS) {
            element(baton, i, o);
        }
        apr_pool_clear(p);
    }
    return rv != APR_SUCCESS || take(s, ']') ? rv : APR_EGENERAL;
}

apr_status_t kiss_json_elements(const char *text, apr_size_t n, int depth, kiss_json_element *element, void *baton,
                                apr_pool_t *p)
{
    scanner s = { text, text + n, depth, 0, 0, 0 };
    apr_status_t rv = APR_SUCCESS;
    apr_pool_t *each;

    if (n >= INT_MAX || !kiss_json_text_is_utf8(text, n)) {
        return APR_EGENERAL;
    }
    skip_space(&s);
    if (!take(&s, '[')) {
        return APR_EGENERAL;
    }
    skip_space(&s);
    if (!take(&s, ']')) {
        apr_pool_create(&each, p);
        rv = elements(&s, depth, element, baton, each);
        apr_pool_destroy(each);
    }
    skip_space(&s);
    return rv == APR_SUCCESS && s.at != s.end ? APR_EGENERAL : rv;
}
