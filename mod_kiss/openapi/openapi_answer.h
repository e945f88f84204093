/* SPDX-License-Identifier: Apache-2.0 */
/**
 * openapi_answer - the endpoint that serves an API's OpenAPI document.
 *
 * Documents are made once at start, for each API that is served: one for each role, and one of what every role gets, for
 * requests without a key; for the Customer API one with and one without what KissFeedBasic adds. An answer is copied from
 * memory; neither it nor its ETag needs the database, apart from the record of the key that was sent.
 */
#ifndef KISS_OPENAPI_ANSWER_H
#define KISS_OPENAPI_ANSWER_H

#include "core/kiss.h"

/** Makes the documents of the APIs that the configuration serves, in `pconf`. In post_config. @return 0, or -1: logged */
int kiss_openapi_answer_prepare(server_rec *s, apr_pool_t *pconf, apr_pool_t *ptemp);

/**
 * Answers with the document: 200, or 304 by its strong ETag. The URL of the server is the one that the client has used, or
 * that of ServerName with `UseCanonicalName On`.
 */
const kiss_error *kiss_openapi_answer_run(kiss_req *k, int *status);

#endif
