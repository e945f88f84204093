/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/file/gzip.h"

#include <string.h>
#include <zlib.h>

#include "lib/base/json_text.h"

#define PIECE (64 * 1024)

/* zlib: 15 bits of window, and 16 for gzip's frame, whose header it then leaves without time and name. */
#define GZIP_WINDOW (15 + 16)
#define GZIP_LEVEL 6
#define GZIP_MEMORY 8

/** Gives a piece to the compressor and what comes out to the spool. */
static apr_status_t compress_piece(kiss_spool *spool, z_stream *z, char *in, apr_size_t n, int last)
{
    char out[8192];
    apr_status_t rv = APR_SUCCESS;

    z->next_in = (Bytef *)in;
    z->avail_in = (uInt)n;
    do {
        z->next_out = (Bytef *)out;
        z->avail_out = sizeof(out);
        if (deflate(z, last ? Z_FINISH : Z_NO_FLUSH) == Z_STREAM_ERROR
            || kiss_json_text_raw(spool->buffer, out, sizeof(out) - z->avail_out)) {
            return APR_ENOMEM;
        }
        rv = kiss_spool_flush(spool, 0);
    } while (rv == APR_SUCCESS && z->avail_out == 0);
    return rv;
}

apr_status_t kiss_gzip(kiss_spool *spool, kiss_progress *source, apr_pool_t *p)
{
    char *buffer = apr_palloc(p, PIECE);
    apr_off_t offset = 0;
    apr_size_t n;
    apr_status_t rv;
    z_stream z;

    memset(&z, 0, sizeof(z));
    if (deflateInit2(&z, GZIP_LEVEL, Z_DEFLATED, GZIP_WINDOW, GZIP_MEMORY, Z_DEFAULT_STRATEGY) != Z_OK) {
        return APR_ENOMEM;
    }
    do {
        n = PIECE;
        /* In whole pieces, however fast they come: what zlib makes of them is the same each time. */
        kiss_progress_wait(source, offset + PIECE - 1);
        rv = kiss_progress_read(source, offset, buffer, &n);
        if (rv == APR_SUCCESS) {
            offset += (apr_off_t)n;
            rv = compress_piece(spool, &z, buffer, n, 0);
        }
    } while (rv == APR_SUCCESS);
    if (rv == APR_EOF) {
        rv = compress_piece(spool, &z, buffer, 0, 1);
    }
    deflateEnd(&z);
    return rv;
}
