/* SPDX-License-Identifier: Apache-2.0 */
/** gzip - an answer, compressed while it is still being made. */
#ifndef KISS_GZIP_H
#define KISS_GZIP_H

#include "lib/file/progress.h"
#include "lib/file/spool.h"

/**
 * Compresses all of `source` (gzip, RFC 1952) into a spool, in constant memory; waits for what is not there yet. The same
 * bytes give the same result.
 *
 * @param p  for buffers
 * @return APR_SUCCESS when the source was whole, APR_ENOMEM, or why reading or writing failed
 */
apr_status_t kiss_gzip(kiss_spool *spool, kiss_progress *source, apr_pool_t *p);

#endif
