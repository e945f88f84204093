/* SPDX-License-Identifier: Apache-2.0 */
/**
 * json_parse - a strict parser of JSON from outside: what RFC 8259 allows and nothing else. Pure.
 *
 * What is accepted does not depend on the version of json-c, whose "strict" mode differs between them: 0.18 refuses
 * letters beyond ASCII in strings, 0.16 accepts NaN, `1.` and line breaks in strings.
 */
#ifndef KISS_JSON_PARSE_H
#define KISS_JSON_PARSE_H

#include <apr_pools.h>
#include <json-c/json.h>

/**
 * Reads `n` bytes as one JSON text followed by nothing: valid UTF-8, without control characters in strings or unpaired
 * surrogates, without duplicate names in an object, which would be ambiguous, and without NUL in a name. An integer
 * beyond 64 bits becomes the nearest one that fits.
 *
 * @param depth maximum nesting of arrays and objects
 * @return the value, which is released with `p`; NULL when the text is anything else, is null, or there is no memory
 */
json_object *kiss_json_parse(const char *text, apr_size_t n, int depth, apr_pool_t *p);

/** Values that a text may have: json-c needs up to 800 bytes for one of two bytes, {}. */
#define KISS_JSON_VALUES 100000

/**
 * The same, for a text from a stranger: what it takes in memory is bounded by KISS_JSON_VALUES, and a lack of memory is not
 * taken for an invalid text.
 *
 * @param o receives the value, which is released with `p`; NULL for null
 * @return APR_EGENERAL when the text is anything else, or has more values; APR_ENOMEM
 */
apr_status_t kiss_json_read(json_object **o, const char *text, apr_size_t n, int depth, apr_pool_t *p);

/** Receives an element of an array: `i` from 0; `o` is NULL for null, and released afterwards. */
typedef void kiss_json_element(void *baton, apr_size_t i, json_object *o);

/**
 * Reads a text that is one array, of any length, element by element, as kiss_json_read() reads each of them. What comes
 * before a fault has been received by then.
 *
 * @param depth maximum nesting in an element
 * @param p     its memory is for one element at a time
 * @return APR_EGENERAL when the text is anything else; APR_ENOMEM
 */
apr_status_t kiss_json_elements(const char *text, apr_size_t n, int depth, kiss_json_element *element, void *baton,
                                apr_pool_t *p);

#endif
