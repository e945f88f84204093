/* SPDX-License-Identifier: Apache-2.0 */
/**
 * negotiate - weights of content codings and instance manipulations in request headers.
 */
#include "lib/base/negotiate.h"

#include <apr_lib.h>

#include <string.h>

/* Weights are thousandths; this one means "not named". */
#define UNNAMED (-1)

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
