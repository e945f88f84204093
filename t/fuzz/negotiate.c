/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzz target: Accept, Accept-Encoding and A-IM as clients may send them. Strict ones are read by another parser, too. */
#include <string.h>
#include <strings.h>

#include <apr_lib.h>
#include <apr_strings.h>

#include "fuzz.h"
#include "lib/base/negotiate.h"

#define TYPE "text/csv; charset=utf-8; header=present"

/** A strict weight (RFC 9110 section 12.4.2) up to `end`, in thousandths; 1000 without one; -1: not strict. */
static int strict_weight(const char *s, const char *end)
{
    int weight, digit;

    if (s == end) {
        return 1000;
    }
    if (*s++ != ';') {
        return -1;
    }
    s += strspn(s, " \t");
    if ((*s != 'q' && *s != 'Q') || s[1] != '=' || (s[2] != '0' && s[2] != '1')) {
        return -1;
    }
    weight = (s[2] - '0') * 1000;
    s += 3;
    if (s < end && *s == '.') {
        for (s++, digit = 100; s < end && digit && apr_isdigit(*s); s++, digit /= 10) {
            weight += (*s - '0') * digit;
        }
    }
    return s == end && weight <= 1000 ? weight : -1;
}

/** Weights of codings by a header that is strictly one; each is there once. */
typedef struct {
    int gzip, identity, any, delta;
} weights;

/** @return 0 when the header is not strict, or names something twice */
static int read_strictly(weights *w, const char *header, apr_pool_t *p)
{
    char *copy = apr_pstrdup(p, header), *element, *next = copy;

    w->gzip = w->identity = w->any = w->delta = -1;
    while ((element = next)) {
        char *end, *comma = strchr(element, ',');
        size_t n;
        int weight, *of;

        next = comma ? comma + 1 : NULL;
        element += strspn(element, " \t");
        for (end = comma ? comma : element + strlen(element); end > element && strchr(" \t", end[-1]); end--) {
        }
        if (end == element) {
            continue;
        }
        *end = '\0';
        n = strspn(element, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789!#$%&'*+-.^_`|~");
        weight = strict_weight(element + n + strspn(element + n, " \t"), end);
        if (n == 0 || weight < 0) {
            return 0;
        }
        element[n] = '\0';
        of = strcasecmp(element, "gzip") == 0 || strcasecmp(element, "x-gzip") == 0 ? &w->gzip
            : strcasecmp(element, "identity") == 0 ? &w->identity : strcmp(element, "*") == 0 ? &w->any
            : strcasecmp(element, "sku-delta") == 0 ? &w->delta : NULL;
        if (of && *of >= 0) {
            return 0;
        }
        if (of) {
            *of = weight;
        }
    }
    return 1;
}

/** gzip is sent where it is allowed and not less wanted than the plain answer; a manipulation where it is named. */
static void check_codings(const char *header, apr_pool_t *p)
{
    const int gzip = kiss_negotiate_gzip(header), im = kiss_negotiate_im(header, "sku-delta");
    weights w;

    MUST((gzip == 0 || gzip == 1) && (im == 0 || im == 1));
    MUST(!gzip || strpbrk(header, "*gG"));
    if (read_strictly(&w, header, p)) {
        const int wanted = w.gzip >= 0 ? w.gzip : w.any;

        MUST(gzip == (wanted > 0 && wanted >= (w.identity >= 0 ? w.identity : 0)));
        MUST(im == (w.delta > 0));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    apr_pool_t *p = fuzz_pool();
    const char *header = apr_pstrmemdup(p, (const char *)data, size);
    int any = kiss_negotiate_type(header, TYPE, 0), named = kiss_negotiate_type(header, TYPE, 1);

    MUST(any >= KISS_NEGOTIATE_UNNAMED && any <= 1000);
    /* What is named is more specific than what is not. */
    MUST(named == KISS_NEGOTIATE_UNNAMED || named == any);
    /* Whatever follows a range, it was named. */
    MUST(kiss_negotiate_type(apr_pstrcat(p, "text/csv;q=0.25,", header, NULL), TYPE, 1) != KISS_NEGOTIATE_UNNAMED);
    check_codings(header, p);
    apr_pool_clear(p);
    return 0;
}
