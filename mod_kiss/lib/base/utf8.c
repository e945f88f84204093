/* SPDX-License-Identifier: Apache-2.0 */
/**
 * utf8 - a check of UTF-8, byte by byte.
 */
#include "lib/base/utf8.h"

apr_size_t kiss_utf8_check(const char *text, apr_size_t len, apr_size_t *chars)
{
    const unsigned char *s = (const unsigned char *)text, *end = s + len;
    apr_size_t n = 0;

    for (; s < end; n++) {
        int more = *s < 0x80 ? 0 : *s < 0xc2 ? -1 : *s < 0xe0 ? 1 : *s < 0xf0 ? 2 : *s < 0xf5 ? 3 : -1;
        int i;

        if (more < 0 || end - s <= more
            || (*s == 0xe0 && s[1] < 0xa0) || (*s == 0xed && s[1] > 0x9f)
            || (*s == 0xf0 && s[1] < 0x90) || (*s == 0xf4 && s[1] > 0x8f)) {
            break;
        }
        for (i = 1; i <= more && (s[i] & 0xc0) == 0x80; i++) {
        }
        if (i <= more) {
            break;
        }
        s += more + 1;
    }
    if (chars) {
        *chars = n;
    }
    return (apr_size_t)((const char *)s - text);
}
