/* SPDX-License-Identifier: Apache-2.0 */
/** param_body - parameters in a JSON body. Pure, thread-safe. */
#ifndef KISS_PARAM_BODY_H
#define KISS_PARAM_BODY_H

#include "lib/api/params.h"

/**
 * The members of a JSON object: numbers with the digits that were sent; null is an empty text, which counts as absent.
 *
 * @param members receives them: an array of kiss_param_field for kiss_param_source, in `p`
 * @param len     bytes of the body
 * @return APR_SUCCESS; APR_EGENERAL when it is not one strict JSON object (lib/base/json_parse.h); APR_ENOMEM
 */
apr_status_t kiss_param_body_read(const apr_array_header_t **members, const char *body, apr_size_t len, apr_pool_t *p);

#endif
