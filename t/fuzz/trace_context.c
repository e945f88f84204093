/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzz target: the header traceparent. */
#include <string.h>

#include <apr_strings.h>

#include "fuzz.h"
#include "lib/base/trace_context.h"

/** The grammar of W3C Trace Context once more, character by character. */
static int is_valid(const char *header)
{
    static const char form[] = "xx-xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx-xxxxxxxxxxxxxxxx-xx";
    size_t i;

    for (i = 0; i < sizeof(form) - 1; i++) {
        if (form[i] == '-' ? header[i] != '-' : !header[i] || !strchr("0123456789abcdef", header[i])) {
            return 0;
        }
    }
    return strncmp(header, "ff", 2) != 0
           && (header[i] == '\0' || (header[i] == '-' && strncmp(header, "00", 2) != 0))
           && strncmp(header + 3, "00000000000000000000000000000000", 32) != 0
           && strncmp(header + 36, "0000000000000000", 16) != 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    apr_pool_t *p = fuzz_pool();
    const char *header = apr_pstrmemdup(p, (const char *)data, size);
    kiss_trace_context trace;
    int read = kiss_trace_context_read(&trace, header);

    MUST(!kiss_trace_context_read(&trace, NULL));
    MUST(read == is_valid(header));
    if (kiss_trace_context_read(&trace, header)) {
        MUST(strlen(trace.trace) == KISS_TRACE_ID && memcmp(trace.trace, header + 3, KISS_TRACE_ID) == 0);
        MUST(strlen(trace.span) == KISS_TRACE_SPAN && memcmp(trace.span, header + 36, KISS_TRACE_SPAN) == 0);
    }
    apr_pool_clear(p);
    return 0;
}
