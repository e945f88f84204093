/* SPDX-License-Identifier: Apache-2.0 */
/** utf8 - where a text is not UTF-8, and how many characters it has. Pure, thread-safe. */
#ifndef KISS_UTF8_H
#define KISS_UTF8_H

#include <apr.h>

/**
 * Finds the first byte that is not UTF-8 (RFC 3629: no overlong forms, no surrogates, nothing above U+10FFFF).
 *
 * @param chars receives the number of characters before it; may be NULL
 * @return its offset, or `len` when all is well
 */
apr_size_t kiss_utf8_check(const char *text, apr_size_t len, apr_size_t *chars);

#endif
