/* SPDX-License-Identifier: Apache-2.0 */
/*
 * jsonequal - whether two files hold the same JSON: keys in any order, numbers by value, strings by their characters.
 *
 *     jsonequal FILE FILE
 *
 * Elements of an array at the top are read and compared one by one, so that lists of any length need little memory.
 * Exit status 0: equal, and how many elements were compared is printed. 1: not, and where is said. 2: cannot be read.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <json-c/json.h>

#define CHUNK 65536

typedef struct {
    const char *name;
    FILE *in;
    char buffer[CHUNK];
    size_t used, filled;
} source;

static void die(const char *what, const char *why)
{
    fprintf(stderr, "jsonequal: %s: %s\n", what, why);
    exit(2);
}

static int peek(source *s)
{
    if (s->used == s->filled) {
        s->filled = fread(s->buffer, 1, CHUNK, s->in);
        s->used = 0;
    }
    return s->filled ? (unsigned char)s->buffer[s->used] : EOF;
}

static int next_sign(source *s)
{
    int c;

    while ((c = peek(s)) != EOF && strchr(" \t\r\n", c)) {
        s->used++;
    }
    return c;
}

static void expect(source *s, int c)
{
    if (next_sign(s) != c) {
        die(s->name, "is not a JSON array");
    }
    s->used++;
}

static json_object *read_value(source *s)
{
    json_tokener *t = json_tokener_new();
    json_object *value = NULL;

    do {
        if (peek(s) == EOF) {
            die(s->name, "ends early");
        }
        value = json_tokener_parse_ex(t, s->buffer + s->used, (int)(s->filled - s->used));
        s->used += json_tokener_get_parse_end(t);
    } while (json_tokener_get_error(t) == json_tokener_continue);
    if (json_tokener_get_error(t) != json_tokener_success) {
        die(s->name, json_tokener_error_desc(json_tokener_get_error(t)));
    }
    json_tokener_free(t);
    return value;
}

static int is_number(json_object *o)
{
    return json_object_is_type(o, json_type_int) || json_object_is_type(o, json_type_double);
}

/** What differed, innermost. */
static struct {
    const char *key;
    json_object *a, *b;
} culprit;

static int equal_inside(json_object *a, json_object *b);

static int equal(const char *key, json_object *a, json_object *b)
{
    int same = equal_inside(a, b);

    if (!same && !culprit.key) {
        culprit.key = key;
        culprit.a = a;
        culprit.b = b;
    }
    return same;
}

static int equal_inside(json_object *a, json_object *b)
{
    size_t i;

    if (is_number(a) && is_number(b)) {
        return json_object_get_double(a) == json_object_get_double(b);
    }
    if (json_object_get_type(a) != json_object_get_type(b)) {
        return 0;
    }
    if (json_object_is_type(a, json_type_array)) {
        for (i = 0; i < json_object_array_length(a) && i < json_object_array_length(b); i++) {
            if (!equal("[]", json_object_array_get_idx(a, i), json_object_array_get_idx(b, i))) {
                return 0;
            }
        }
        return json_object_array_length(a) == json_object_array_length(b);
    }
    if (json_object_is_type(a, json_type_object)) {
        json_object_object_foreach(a, key, value)
        {
            json_object *other;

            if (!json_object_object_get_ex(b, key, &other) || !equal(key, value, other)) {
                return 0;
            }
        }
        return json_object_object_length(a) == json_object_object_length(b);
    }
    return json_object_equal(a, b);
}

static void compare(source *a, source *b, unsigned long element)
{
    json_object *one = read_value(a), *two = read_value(b);

    if (!equal("value", one, two)) {
        printf("element %lu differs, %s:\n%s\n%s\n", element, culprit.key, json_object_to_json_string(culprit.a),
               json_object_to_json_string(culprit.b));
        exit(1);
    }
    json_object_put(one);
    json_object_put(two);
}

int main(int argc, char **argv)
{
    static source s[2];
    unsigned long n = 0;
    int i, more;

    for (i = 0; i < 2; i++) {
        s[i].name = argc == 3 ? argv[i + 1] : "usage";
        s[i].in = argc == 3 ? fopen(s[i].name, "rb") : NULL;
        if (!s[i].in) {
            die(s[i].name, "jsonequal FILE FILE");
        }
    }
    if (next_sign(&s[0]) != '[' || next_sign(&s[1]) != '[') {
        compare(&s[0], &s[1], n++);
    }
    else {
        expect(&s[0], '[');
        expect(&s[1], '[');
        for (more = next_sign(&s[0]) != ']' && next_sign(&s[1]) != ']'; more;) {
            compare(&s[0], &s[1], n++);
            more = next_sign(&s[0]) == ',' && next_sign(&s[1]) == ',';
            s[0].used += (size_t)more;
            s[1].used += (size_t)more;
        }
        if (next_sign(&s[0]) != next_sign(&s[1])) {
            printf("one ends after element %lu, the other goes on\n", n);
            return 1;
        }
        expect(&s[0], ']');
        expect(&s[1], ']');
    }
    if (next_sign(&s[0]) != EOF || next_sign(&s[1]) != EOF) {
        die("input", "goes on behind the JSON");
    }
    printf("%lu\n", n);
    return 0;
}
