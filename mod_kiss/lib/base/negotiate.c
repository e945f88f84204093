/* SPDX-License-Identifier: Apache-2.0 */
/**
 * negotiate - weights of media types, content codings and instance manipulations in request headers.
 */
#include "lib/base/negotiate.h"

#include <apr_lib.h>

#include <string.h>

/* Weights are thousandths; this one means "not named". */
#define UNNAMED KISS_NEGOTIATE_UNNAMED

static const char *skip_blanks(const char *s)
{
    return s + strspn(s, " \t");
}

/** Reads ";q=0.8" after a coding. @return thousandths; 0 when malformed: then the coding is not certainly wanted */
static int read_weight(const char *s, const char *end)
{
    int weight, digit;

    s = skip_blanks(s);
    if (s >= end) {
        return 1000;
    }
    if (*s != ';') {
        return 0;
    }
    s = skip_blanks(s + 1);
    if ((*s != 'q' && *s != 'Q') || s[1] != '=' || (s[2] != '0' && s[2] != '1')) {
        return 0;
    }
    weight = (s[2] - '0') * 1000;
    s += 3;
    if (*s == '.') {
        for (s++, digit = 100; apr_isdigit(*s) && digit > 0; s++, digit /= 10) {
            weight += (*s - '0') * digit;
        }
    }
    return skip_blanks(s) >= end && weight <= 1000 ? weight : 0;
}

static int is_word(const char *s, apr_size_t n, const char *word)
{
    return strlen(word) == n && strncasecmp(s, word, n) == 0;
}

int kiss_negotiate_im(const char *header, const char *name)
{
    const char *s = header ? header : "";

    while (*s) {
        const char *end = s + strcspn(s, ",");
        const char *word = skip_blanks(s);
        apr_size_t n = strcspn(word, " \t;,");

        if (is_word(word, n, name)) {
            return read_weight(word + n, end) > 0;
        }
        s = *end ? end + 1 : end;
    }
    return 0;
}

int kiss_negotiate_gzip(const char *header)
{
    int gzip = UNNAMED, identity = UNNAMED, any = UNNAMED;
    const char *s = header ? header : "";

    while (*s) {
        const char *end = s + strcspn(s, ",");
        const char *word = skip_blanks(s);
        apr_size_t n = strcspn(word, " \t;,");
        int weight = read_weight(word + n, end);

        if (is_word(word, n, "gzip") || is_word(word, n, "x-gzip")) {
            gzip = weight;
        }
        else if (is_word(word, n, "identity")) {
            identity = weight;
        }
        else if (is_word(word, n, "*")) {
            any = weight;
        }
        s = *end ? end + 1 : end;
    }
    gzip = gzip == UNNAMED ? any : gzip;
    /* A coding that is allowed without being named has the lowest preference. */
    return gzip > 0 && gzip >= (identity == UNNAMED ? 0 : identity);
}

/* --- media types --- */

/** The end of the part that starts here, before the separator or the end; quoted strings are skipped. */
static const char *end_of_part(const char *s, char separator)
{
    int quoted = 0;

    for (; *s && (quoted || *s != separator); s++) {
        if (quoted && *s == '\\' && s[1]) {
            s++;
        }
        else if (*s == '"') {
            quoted = !quoted;
        }
    }
    return s;
}

static const char *trim_end(const char *s, const char *end)
{
    while (end > s && (end[-1] == ' ' || end[-1] == '\t')) {
        end--;
    }
    return end;
}

/** Whether a parameter of a range, `name=value`, is one of the type's; a value may be quoted. */
static int has_parameter(const char *type, const char *s, const char *end)
{
    const char *equals = memchr(s, '=', (apr_size_t)(end - s)), *value = equals ? equals + 1 : end;
    const char *at = type + strcspn(type, ";");

    if (end - value >= 2 && *value == '"' && end[-1] == '"') {
        value++;
        end--;
    }
    while (equals && *at) {
        const char *own = skip_blanks(at + 1), *own_end = own + strcspn(own, ";");
        apr_size_t n = (apr_size_t)(equals - s) + 1;

        if ((apr_size_t)(own_end - own) == n + (apr_size_t)(end - value) && strncasecmp(own, s, n) == 0
            && strncasecmp(own + n, value, (apr_size_t)(end - value)) == 0) {
            return 1;
        }
        at = own_end;
    }
    return 0;
}

/** How specific a range is for a type: 0 if it does not match, 1 for any type ... 3 for this one, more by parameters. */
static int match_range(const char *s, const char *end, const char *type, int *weight)
{
    const char *part = s, *slash = strchr(type, '/');
    apr_size_t n, type_len = strcspn(type, "; ");
    int match;

    /* Not strcspn(), which looks beyond `end`: of a header of commas each range would read all that follow. */
    while (part < end && *part != ';') {
        part++;
    }
    n = (apr_size_t)(trim_end(s, part) - s);
    match = n == 3 && memcmp(s, "*/*", 3) == 0 ? 1
        : n == (apr_size_t)(slash - type) + 2 && strncasecmp(s, type, n - 1) == 0 && s[n - 1] == '*' ? 2
        : n == type_len && strncasecmp(s, type, n) == 0 ? 3 : 0;

    *weight = 1000;
    while (match && part < end) {
        const char *from = skip_blanks(part + 1), *to = end_of_part(from, ';');

        to = to < end ? to : end;
        if (to > from + 1 && (*from == 'q' || *from == 'Q') && from[1] == '=') {
            *weight = read_weight(part, to);
            return match;               /* what follows are no parameters of the type */
        }
        if (to > from) {
            match = has_parameter(type, from, trim_end(from, to)) ? match + 1 : 0;
        }
        part = to;
    }
    return match;
}

int kiss_negotiate_type(const char *header, const char *type, int named)
{
    const char *s = header ? header : "";
    int best = named ? 3 : 1, weight = UNNAMED;

    while (*s) {
        const char *end = end_of_part(s, ','), *range = skip_blanks(s);
        int of_range, match = match_range(range, trim_end(range, end), type, &of_range);

        if (match >= best) {
            best = match;
            weight = of_range;
        }
        s = *end ? end + 1 : end;
    }
    return weight;
}
