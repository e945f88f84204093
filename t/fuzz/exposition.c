/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzz target: the text format of Prometheus, with any texts as values of labels, and any numbers. Read by its rules. */
#include "lib/base/exposition.h"

#include <string.h>

#include <apr_strings.h>

#include "csv.h"
#include "fuzz.h"
#include "lib/base/json_text.h"
#include "lib/base/utf8.h"

/** Reads name="value". @return what follows the quote, or NULL */
static const char *read_label(const char **value, const char *at, const char *name, apr_pool_t *p)
{
    char *out = apr_palloc(p, strlen(at) + 1), *to = out;

    *value = out;
    if (strncmp(at, name, strlen(name)) != 0 || strncmp(at + strlen(name), "=\"", 2) != 0) {
        return NULL;
    }
    for (at += strlen(name) + 2; *at && *at != '"' && *at != '\n'; at++) {
        if (*at == '\\') {
            at++;
            if (!*at || !strchr("\\\"n", *at)) {
                return NULL;
            }
            *to++ = *at == 'n' ? '\n' : *at;
        }
        else {
            *to++ = *at;
        }
    }
    *to = '\0';
    return *at == '"' ? at + 1 : NULL;
}

/** A value is what it was; where that is no UTF-8, its ASCII, with U+FFFD for all other bytes. */
static void check_value(const char *read, const char *value)
{
    int whole = kiss_utf8_check(value, strlen(value), NULL) == strlen(value);

    MUST(kiss_utf8_check(read, strlen(read), NULL) == strlen(read));
    MUST(!whole || strcmp(read, value) == 0);
    for (; !whole && *value; value++) {
        MUST((unsigned char)*value < 0x80 ? *read == *value : strncmp(read, "\xef\xbf\xbd", 3) == 0);
        read += (unsigned char)*value < 0x80 ? 1 : 3;
    }
    MUST(whole || !*read);
}

static void check_labels(const char *first, const char *second, apr_pool_t *p)
{
    const char *const more[] = { "one", first, "two", second, NULL };
    const char *labels = kiss_exposition_labels(p, "zero=\"0\"", more), *value, *at = labels + 8;

    MUST(strncmp(labels, "zero=\"0\",", 9) == 0);
    at = read_label(&value, at + 1, "one", p);
    MUST(at && *at == ',');
    check_value(value, first);
    at = read_label(&value, at + 1, "two", p);
    MUST(at && !*at);
    check_value(value, second);
}

/** A series is one line, and its number is the one that was given. */
static void check_series(const char *value, apr_uint64_t n, apr_pool_t *p)
{
    const char *const more[] = { "label", value, NULL };
    const char *labels = kiss_exposition_labels(p, "", more), *text, *point;
    struct printbuf *pb = kiss_json_text_buffer(p);
    char end[32];

    kiss_exposition_number(pb, "kiss_n", "_total", labels, n);
    text = apr_pstrmemdup(p, pb->buf, (apr_size_t)pb->bpos);
    MUST(strchr(text, '\n') == text + strlen(text) - 1 && strncmp(text, "kiss_n_total{label=\"", 20) == 0);
    snprintf(end, sizeof(end), "} %llu\n", (unsigned long long)n);
    MUST(strcmp(text + strlen(text) - strlen(end), end) == 0);

    text = kiss_exposition_time(p, n);
    point = strchr(text, '.');
    MUST(strspn(text, "0123456789.") == strlen(text) && (!point || (strlen(point) <= 7 && text[strlen(text) - 1] != '0')));
    MUST((apr_uint64_t)strtoull(text, NULL, 10) == n / 1000000);
    MUST(point ? strtoull(apr_pstrmemdup(p, apr_pstrcat(p, point + 1, "000000", NULL), 6), NULL, 10) == n % 1000000
         : n % 1000000 == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    apr_pool_t *p = fuzz_pool();
    fuzz_bytes in = { (const char *)data, size };
    apr_uint64_t n = 0;
    const char *first, *second;
    size_t len;

    memcpy(&n, data, size < 8 ? size : 8);
    first = fuzz_text(&in, &len, p);
    second = fuzz_text(&in, &len, p);
    check_labels(first, second, p);
    check_series(first, n, p);
    apr_pool_clear(p);
    return 0;
}
