/* SPDX-License-Identifier: Apache-2.0 */
/**
 * trace_context - parses `traceparent`.
 */
#include "lib/base/trace_context.h"

#include <string.h>

#define HEX     "0123456789abcdef"
#define VERSION 2
#define FLAGS   2
/* 00-TRACE-SPAN-FLAGS */
#define LENGTH  (VERSION + 1 + KISS_TRACE_ID + 1 + KISS_TRACE_SPAN + 1 + FLAGS)

/** Reads `digits` hexadecimal digits that are followed by `end`. @return what follows, or NULL */
static const char *field(char *to, const char *from, size_t digits, char end)
{
    if (strspn(from, HEX) != digits || (from[digits] != end && (end || from[digits] != '-'))) {
        return NULL;
    }
    memcpy(to, from, digits);
    to[digits] = '\0';
    return from + digits + (end != '\0');
}

static int is_zero(const char *digits)
{
    return digits[strspn(digits, "0")] == '\0';
}

int kiss_trace_context_read(kiss_trace_context *trace, const char *header)
{
    char version[VERSION + 1], flags[FLAGS + 1];
    const char *at = header;

    at = at ? field(version, at, VERSION, '-') : NULL;
    at = at ? field(trace->trace, at, KISS_TRACE_ID, '-') : NULL;
    at = at ? field(trace->span, at, KISS_TRACE_SPAN, '-') : NULL;
    at = at ? field(flags, at, FLAGS, '\0') : NULL;
    return at && strcmp(version, "ff") != 0 && (strlen(header) == LENGTH || strcmp(version, "00") != 0)
           && !is_zero(trace->trace) && !is_zero(trace->span);
}
