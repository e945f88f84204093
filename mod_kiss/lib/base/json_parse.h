/* SPDX-License-Identifier: Apache-2.0 */
/**
 * json_parse - JSON that comes from outside, read as RFC 8259 has it and no further. Pure.
 *
 * What is accepted does not depend on the version of json-c, whose "strict" is another one in each: 0.18 refuses letters
 * beyond ASCII in strings, 0.16 takes NaN, `1.` and line breaks in strings.
 */
#ifndef KISS_JSON_PARSE_H
#define KISS_JSON_PARSE_H

#include <apr_pools.h>
#include <json-c/json.h>

/**
 * Reads `n` bytes as one JSON text with nothing behind it: valid UTF-8, without control characters in strings or halves of
 * surrogate pairs, no name twice in an object, of which nobody knows which one is meant, and no NUL in a name. A whole
 * number beyond 64 bits is the last one within them.
 *
 * @param depth most arrays and objects in one another
 * @return the value, which is released with `p`; NULL when it is anything else, is null, or without memory
 */
json_object *kiss_json_parse(const char *text, apr_size_t n, int depth, apr_pool_t *p);

#endif
