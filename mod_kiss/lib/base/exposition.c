/* SPDX-License-Identifier: Apache-2.0 */
/**
 * exposition - writes metrics as lines of text, with escaped labels.
 */
#include "lib/base/exposition.h"

#include <apr_strings.h>

#include <string.h>

#include "lib/base/json_text.h"

#define MICROSECONDS 1000000

static void put(struct printbuf *pb, const char *text)
{
    (void)kiss_json_text_raw(pb, text, strlen(text));
}

void kiss_exposition_begin(struct printbuf *pb, const char *name, kiss_exposition_type type, const char *help)
{
    static const char *const type_name[] = {
        [KISS_COUNTER] = "counter", [KISS_GAUGE] = "gauge", [KISS_HISTOGRAM] = "histogram"
    };
    const char *const parts[] = { "# HELP ", name, " ", help, "\n# TYPE ", name, " ", type_name[type], "\n" };
    apr_size_t i;

    for (i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        put(pb, parts[i]);
    }
}

/** Writes an escaped value; at most two bytes for each of its bytes. @return where it ends */
static char *escape(char *to, const char *value)
{
    for (; *value; value++) {
        if (*value == '\\' || *value == '"' || *value == '\n') {
            *to++ = '\\';
            *to++ = *value == '\n' ? 'n' : *value;
        }
        else {
            *to++ = *value;
        }
    }
    return to;
}

/** The value with U+FFFD for bytes that are not UTF-8. */
static const char *sound(apr_pool_t *p, const char *value)
{
    char *text, *to;

    if (kiss_json_text_is_utf8(value, strlen(value))) {
        return value;
    }
    text = to = apr_palloc(p, 3 * strlen(value) + 1);
    for (; *value; value++) {
        if ((unsigned char)*value < 0x80) {
            *to++ = *value;
        }
        else {
            memcpy(to, "\xef\xbf\xbd", 3);
            to += 3;
        }
    }
    *to = '\0';
    return text;
}

const char *kiss_exposition_labels(apr_pool_t *p, const char *labels, const char *const *more)
{
    for (; more[0]; more += 2) {
        const char *value = sound(p, more[1]);
        char *escaped = apr_palloc(p, 2 * strlen(value) + 1);

        *escape(escaped, value) = '\0';
        labels = apr_pstrcat(p, labels, *labels ? "," : "", more[0], "=\"", escaped, "\"", NULL);
    }
    return labels;
}

static void series(struct printbuf *pb, const char *name, const char *suffix, const char *labels)
{
    put(pb, name);
    put(pb, suffix);
    if (*labels) {
        put(pb, "{");
        put(pb, labels);
        put(pb, "}");
    }
    put(pb, " ");
}

void kiss_exposition_number(struct printbuf *pb, const char *name, const char *suffix, const char *labels,
                            apr_uint64_t value)
{
    char text[24];

    apr_snprintf(text, sizeof(text), "%" APR_UINT64_T_FMT "\n", value);
    series(pb, name, suffix, labels);
    put(pb, text);
}

/** Writes decimal seconds. @param text has room for 32 bytes */
static void format_time(char *text, apr_uint64_t microseconds)
{
    apr_size_t n;

    apr_snprintf(text, 32, "%" APR_UINT64_T_FMT ".%06u", microseconds / MICROSECONDS,
                 (unsigned)(microseconds % MICROSECONDS));
    for (n = strlen(text); text[n - 1] == '0'; n--) {
        continue;
    }
    text[text[n - 1] == '.' ? n - 1 : n] = '\0';
}

void kiss_exposition_seconds(struct printbuf *pb, const char *name, const char *suffix, const char *labels,
                             apr_uint64_t microseconds)
{
    char text[32];

    format_time(text, microseconds);
    series(pb, name, suffix, labels);
    put(pb, text);
    put(pb, "\n");
}

const char *kiss_exposition_time(apr_pool_t *p, apr_uint64_t microseconds)
{
    char text[32];

    format_time(text, microseconds);
    return apr_pstrdup(p, text);
}
