/* SPDX-License-Identifier: Apache-2.0 */
/**
 * json_text - JSON strings and UTF-8 written into json-c's printbuf.
 */
#include "lib/base/json_text.h"

#include <limits.h>
#include <string.h>

/* --- buffer --- */

char *kiss_json_text_room(struct printbuf *pb, apr_size_t need)
{
    int at = pb->bpos;

    if (need >= (apr_size_t)(INT_MAX - at)) {
        return NULL;
    }
    if ((int)need >= pb->size - at) {
        /* The only call of json-c that grows a buffer without writing all of it. */
        if (printbuf_memset(pb, at + (int)need, 0, 1) != 0) {
            return NULL;
        }
        pb->bpos = at;
    }
    return pb->buf + at;
}

static apr_status_t free_buffer(void *buffer)
{
    printbuf_free(buffer);
    return APR_SUCCESS;
}

struct printbuf *kiss_json_text_buffer(apr_pool_t *p)
{
    struct printbuf *pb = printbuf_new();

    if (pb) {
        apr_pool_cleanup_register(p, pb, free_buffer, apr_pool_cleanup_null);
    }
    return pb;
}

/* --- UTF-8 --- */

/** Length of the well-formed UTF-8 sequence at `s` (Unicode table 3-7), or 0. */
static int utf8_sequence(const unsigned char *s, apr_size_t left)
{
    unsigned char low = 0x80, high = 0xbf;
    int n, i;

    if (s[0] >= 0xc2 && s[0] <= 0xdf) {
        n = 2;
    }
    else if (s[0] >= 0xe0 && s[0] <= 0xef) {
        n = 3;
        low = s[0] == 0xe0 ? 0xa0 : 0x80;
        high = s[0] == 0xed ? 0x9f : 0xbf;
    }
    else if (s[0] >= 0xf0 && s[0] <= 0xf4) {
        n = 4;
        low = s[0] == 0xf0 ? 0x90 : 0x80;
        high = s[0] == 0xf4 ? 0x8f : 0xbf;
    }
    else {
        return 0;
    }
    if ((apr_size_t)n > left || s[1] < low || s[1] > high) {
        return 0;
    }
    for (i = 2; i < n; i++) {
        if (s[i] < 0x80 || s[i] > 0xbf) {
            return 0;
        }
    }
    return n;
}

int kiss_json_text_is_utf8(const char *text, apr_size_t len)
{
    const unsigned char *s = (const unsigned char *)text, *end = s + len;

    while (s < end) {
        int n = *s < 0x80 ? 1 : utf8_sequence(s, (apr_size_t)(end - s));

        if (n == 0) {
            return 0;
        }
        s += n;
    }
    return 1;
}

/* --- strings --- */

/** Writes the escape of one byte that must not be written as it is. @return bytes written, at most 6 */
static int escape(char *to, unsigned char c)
{
    static const char hex[] = "0123456789abcdef";
    static const char letter[] = "\bb\ff\nn\rr\tt\"\"\\\\";
    const char *l;

    for (l = letter; *l; l += 2) {
        if ((unsigned char)*l == c) {
            to[0] = '\\';
            to[1] = l[1];
            return 2;
        }
    }
    memcpy(to, "\\u00", 4);
    to[4] = hex[c >> 4];
    to[5] = hex[c & 15];
    return 6;
}

#define EACH_BYTE(b) (APR_UINT64_C(0x0101010101010101) * (b))

/** 1 when all eight bytes may be written into a JSON string as they are: printable ASCII but '"' and '\\'. */
static int are_plain(const unsigned char *s)
{
    apr_uint64_t x, quote, backslash;

    memcpy(&x, s, sizeof(x));
    quote = x ^ EACH_BYTE('"');
    backslash = x ^ EACH_BYTE('\\');
    /* Subtracting n sets the highest bit of a byte below n; a byte above 0x7f has that bit itself. */
    return ((x | (x - EACH_BYTE(0x20)) | ((quote - EACH_BYTE(1)) & ~quote) | ((backslash - EACH_BYTE(1)) & ~backslash))
            & EACH_BYTE(0x80)) == 0;
}

int kiss_json_text_string(struct printbuf *pb, const char *text, apr_size_t len, apr_size_t *replaced)
{
    const unsigned char *s = (const unsigned char *)text, *end = s + len, *plain = s;
    char *start, *to;

    if (len > INT_MAX / 8 || !(start = to = kiss_json_text_room(pb, len * 6 + 2))) {
        return -1;
    }
    *to++ = '"';
    while (s < end) {
        int n;

        if (end - s >= 8 && are_plain(s)) {
            s += 8;
            continue;
        }
        if (*s >= 0x20 && *s < 0x80 && *s != '"' && *s != '\\') {
            s++;
            continue;
        }
        if (*s >= 0x80 && (n = utf8_sequence(s, (apr_size_t)(end - s))) > 0) {
            s += n;
            continue;
        }
        memcpy(to, plain, (apr_size_t)(s - plain));
        to += s - plain;
        if (*s >= 0x80) {
            memcpy(to, "\xef\xbf\xbd", 3);
            to += 3;
            ++*replaced;
        }
        else {
            to += escape(to, *s);
        }
        plain = ++s;
    }
    memcpy(to, plain, (apr_size_t)(s - plain));
    to += s - plain;
    *to++ = '"';
    pb->bpos += (int)(to - start);
    return 0;
}

const char *kiss_json_text_unescape(char *to, const char *at, const char *end)
{
    static const char hex[] = "0123456789abcdef", letter[] = "b\bf\fn\nr\rt\t\"\"\\\\";
    const char *high, *low, *l;

    if (end - at >= 6 && at[1] == 'u' && at[2] == '0' && at[3] == '0' && at[4] && at[5]) {
        high = strchr(hex, at[4]);
        low = strchr(hex, at[5]);
        *to = high && low ? (char)((high - hex) << 4 | (low - hex)) : '\0';
        return high && low && high - hex < 8 ? at + 6 : NULL;
    }
    for (l = letter; end - at >= 2 && *l; l += 2) {
        if (*l == at[1]) {
            *to = l[1];
            return at + 2;
        }
    }
    return NULL;
}

const char *kiss_json_text_quoted(const char *text, apr_size_t *replaced, apr_pool_t *p)
{
    apr_size_t all = strlen(text), len = all > INT_MAX / 8 ? INT_MAX / 8 : all, size = len * 6 + 4;
    struct printbuf pb = { .buf = apr_palloc(p, size), .bpos = 0, .size = (int)size };

    /* There is room for what kiss_json_text_string() reserves: it never lets json-c grow the buffer. */
    (void)kiss_json_text_string(&pb, text, len, replaced);
    pb.buf[pb.bpos] = '\0';
    return pb.buf;
}
