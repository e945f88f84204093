/* SPDX-License-Identifier: Apache-2.0 */
/**
 * metadata_endpoint - serves the metadata documents of a location (lib/api/metadata.h): made once at start, the same for
 * all callers, without database.
 *
 * The documents of a location are those of its issuer and audience. Where a section below the location sets others, its
 * documents are made for each request.
 */
#ifndef KISS_METADATA_ENDPOINT_H
#define KISS_METADATA_ENDPOINT_H

#include "core/kiss.h"

/** Makes the documents of all locations, in `pconf`. In post_config. Logs which identifiers can have none. */
void kiss_metadata_endpoint_prepare(server_rec *main_server, apr_pool_t *pconf, apr_pool_t *ptemp);

/**
 * Answers an endpoint with KISS_RUN_SERVER_METADATA or KISS_RUN_RESOURCE_METADATA.
 *
 * @param status receives what the handler returns
 * @return NULL, or 404 where the path is not that of the document, 412
 */
const kiss_error *kiss_metadata_endpoint_run(kiss_req *k, int *status);

#endif
