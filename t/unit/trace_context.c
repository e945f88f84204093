/* SPDX-License-Identifier: Apache-2.0 */
/* Unit test: the header traceparent: what is valid, what is ignored. */
#include "lib/base/trace_context.h"
#include "unit.h"

#define TRACE "0af7651916cd43dd8448eb211c80319c"
#define SPAN  "b7ad6b7169203331"

void unit_trace_context(void)
{
    static const char *const valid[] = {
        "00-" TRACE "-" SPAN "-01", "00-" TRACE "-" SPAN "-00", "01-" TRACE "-" SPAN "-01",
        "cc-" TRACE "-" SPAN "-01-what-comes-later"
    };
    static const char *const others[] = {
        "", "00", "00-" TRACE, "00-" TRACE "-" SPAN, "00-" TRACE "-" SPAN "-", "00-" TRACE "-" SPAN "-1",
        "00-" TRACE "-" SPAN "-011", "00-" TRACE "-" SPAN "-01-", "00-" TRACE "-" SPAN "-01-more",
        "ff-" TRACE "-" SPAN "-01", "01-" TRACE "-" SPAN "-01.more", "00-" TRACE "0-" SPAN "-01",
        "00-0AF7651916CD43DD8448EB211C80319C-" SPAN "-01", " 00-" TRACE "-" SPAN "-01",
        "00-00000000000000000000000000000000-" SPAN "-01", "00-" TRACE "-0000000000000000-01",
        "00-" TRACE "-" SPAN "-0g", "00_" TRACE "-" SPAN "-01", "0-" TRACE "-" SPAN "-01"
    };
    kiss_trace_context trace;
    apr_size_t i;

    for (i = 0; i < sizeof(valid) / sizeof(valid[0]); i++) {
        ok(kiss_trace_context_read(&trace, valid[i]) == 1, valid[i]);
        is(trace.trace, TRACE, "... its trace");
        is(trace.span, SPAN, "... its span");
    }
    for (i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        okf(kiss_trace_context_read(&trace, others[i]) == 0, "ignored: '%s'", others[i]);
    }
    ok(kiss_trace_context_read(&trace, NULL) == 0, "no header");
}
