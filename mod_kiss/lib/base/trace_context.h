/* SPDX-License-Identifier: Apache-2.0 */
/** trace_context - the header `traceparent` (W3C Trace Context). Pure; thread-safe. */
#ifndef KISS_TRACE_CONTEXT_H
#define KISS_TRACE_CONTEXT_H

/** Lengths of the ids, in hexadecimal digits. */
#define KISS_TRACE_ID  32
#define KISS_TRACE_SPAN 16

/** The ids of a trace. */
typedef struct {
    char trace[KISS_TRACE_ID + 1];      /**< trace-id */
    char span[KISS_TRACE_SPAN + 1];     /**< parent-id: the span of the caller */
} kiss_trace_context;

/**
 * Reads the header: version 00, or a later one that begins in the same way. Ids of zeros only, capital letters and version
 * ff are not valid.
 *
 * @return 1, or 0 when it is not valid and is to be ignored
 */
int kiss_trace_context_read(kiss_trace_context *trace, const char *header);

#endif
