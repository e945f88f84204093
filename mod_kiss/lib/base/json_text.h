/* SPDX-License-Identifier: Apache-2.0 */
/**
 * json_text - JSON text (RFC 8259) and its UTF-8, written into json-c's printbuf without an object tree.
 *
 * Pure; thread-safe as long as a buffer is used by one thread.
 */
#ifndef KISS_JSON_TEXT_H
#define KISS_JSON_TEXT_H

#include <string.h>

#include <apr_pools.h>
#include <json-c/printbuf.h>

/** 1 when the bytes are well-formed UTF-8 (Unicode table 3-7). */
int kiss_json_text_is_utf8(const char *text, apr_size_t len);

/** Appends `len` bytes of text as a JSON string; invalid UTF-8 becomes U+FFFD. @return 0, or -1 without memory. */
int kiss_json_text_string(struct printbuf *pb, const char *text, apr_size_t len, apr_size_t *replaced);

/**
 * A text as a JSON string, NUL-terminated, in `p`: without memory of the heap, so it cannot fail. Invalid UTF-8 becomes
 * U+FFFD, and `replaced` is increased by the number of these bytes. Of a text of more than 256 MB only the beginning.
 */
const char *kiss_json_text_quoted(const char *text, apr_size_t *replaced, apr_pool_t *p);

/** An empty buffer that is freed with `p`; NULL without memory. */
struct printbuf *kiss_json_text_buffer(apr_pool_t *p);

/**
 * Reserves room for `need` more bytes. @return where to write them, or NULL without memory; the caller adds the bytes
 * written to pb->bpos
 */
char *kiss_json_text_room(struct printbuf *pb, apr_size_t need);

/** Appends raw bytes. @return 0, or -1 without memory. */
static inline int kiss_json_text_raw(struct printbuf *pb, const char *data, apr_size_t len)
{
    char *to = len < (apr_size_t)(pb->size - pb->bpos) ? pb->buf + pb->bpos : kiss_json_text_room(pb, len);

    if (!to) {
        return -1;
    }
    memcpy(to, data, len);
    pb->bpos += (int)len;
    return 0;
}

/** Decodes an escape that kiss_json_text_string() has written into a byte. @return where the text continues, or NULL */
const char *kiss_json_text_unescape(char *to, const char *at, const char *end);

#endif
