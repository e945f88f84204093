/* SPDX-License-Identifier: Apache-2.0 */
/**
 * params - parses the parameters of a request, from query, body and path to checked values (KSS API, section 2
 * "Parameters" and "Left open" 3, 5, 6, 16, 24; doc/contract-kss.md). Pure, thread-safe.
 */
#ifndef KISS_PARAMS_H
#define KISS_PARAMS_H

#include <apr_pools.h>
#include <apr_tables.h>

#include "lib/api/table.h"

/** Default and maximum number of rows of a page. */
#define KISS_PAGE_SIZE 50
#define KISS_PAGE_SIZE_MAX 500

/** One parameter with its values. */
typedef struct {
    const kiss_param *param;        /**< its row */
    int count;                      /**< number of values; 0: it filters nothing */
    const char *const *value;       /**< normalised texts; numbers ascending and without duplicates */
} kiss_param_values;

/** All parameters of a request. */
typedef struct {
    apr_int64_t page;               /**< from 1 */
    int page_size;                  /**< in force */
    int count;                      /**< parameters of the endpoint */
    kiss_param_values values[KISS_MAX_PARAMS];  /**< in the order of its table */
} kiss_params;

/** One parameter of a request, decoded. */
typedef struct {
    const char *name;               /**< NULL: its encoding is broken */
    const char *value;              /**< NULL: its encoding is broken */
} kiss_param_field;

/** The source of parameters: the parts of a request. */
typedef struct {
    const char *query;              /**< what follows the '?', or NULL */
    const char *body;               /**< a form of the same kind, or NULL */
    const char *path_param;         /**< the path's segment for `:name`, not decoded further, or NULL */
    kiss_role role;                 /**< of the caller */
    const char *today;              /**< YYYY-MM-DD in UTC */
    const apr_array_header_t *members;  /**< of kiss_param_field: the members of a JSON body, or NULL */
} kiss_param_source;

/**
 * Reads the parameters of an endpoint. Unknown ones are ignored; a repeated list is the union of its values, two
 * different values of any other parameter are refused; an empty parameter counts as absent; blanks around the items of
 * a list are ignored, and "\\," is a comma within an item; the `fallback` of the table is used where it applies.
 *
 * @param params receives them; texts live in `p`
 * @return NULL, or the sentence of the 400: "Page parameter is invalid", for some with the reason after a colon
 */
const char *kiss_params_read(kiss_params *params, const kiss_endpoint *endpoint, const kiss_param_source *source,
                             apr_pool_t *p);

/** The values of the parameter `name`, or NULL when it filters nothing. */
const kiss_param_values *kiss_params_find(const kiss_params *params, const char *name, apr_size_t len);

/** All parameters as one text, equal for requests with the same answer: a part of the ETag. In `p`. */
const char *kiss_params_text(const kiss_params *params, apr_pool_t *p);

#endif
