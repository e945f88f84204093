/* SPDX-License-Identifier: Apache-2.0 */
/**
 * slow_client - answers to clients that read slowly leave their thread (event MPM).
 *
 * A file that the kernel sends costs no thread: httpd goes on with it whenever the client can take more. With what stands in
 * memory the request's thread waits for the client, as soon as httpd holds more than 64 KB of it (FlushMaxThreshold); that
 * includes what httpd has read of a file itself. But memory costs client and server less than sendfile() does. So memory is
 * given to httpd in pieces that the socket takes at once, as long as the client keeps up; the rest as a file for sendfile().
 */
#ifndef KISS_SLOW_CLIENT_H
#define KISS_SLOW_CLIENT_H

#include <httpd.h>

#include <apr_buckets.h>
#include <apr_file_io.h>

/** Bytes in memory that httpd takes without waiting for the client. */
#define KISS_SLOW_CLIENT_PIECE (48 * 1024)

/** Registers the output filter. In register_hooks. */
void kiss_slow_client_register(void);

/**
 * 1 when the answer can leave its thread: the MPM is asynchronous, and the kernel can send files, over plain HTTP/1. mod_ssl
 * encrypts in the request's thread, and mod_http2 has its own threads.
 */
int kiss_slow_client_can_leave(const request_rec *r);

/**
 * Makes a bucket of a part of an open file: of another descriptor of it, with a position of its own and for sendfile(). To be
 * called where kiss_slow_client_can_leave().
 *
 * @param bucket is for this answer alone
 * @return APR_SUCCESS; why there is no descriptor for it
 */
apr_status_t kiss_slow_client_file(apr_bucket **bucket, apr_file_t *file, apr_off_t offset, apr_off_t size, apr_pool_t *p,
                                   apr_bucket_alloc_t *list);

/**
 * Adds the output filter that passes buckets of this type in pieces, or as a file. To be called where
 * kiss_slow_client_can_leave(), before the answer is passed.
 *
 * @param type of buckets that show the content of `file`, from their `start`
 * @param file is there as long as there is such a bucket
 */
void kiss_slow_client_add(request_rec *r, const apr_bucket_type_t *type, apr_file_t *file);

/** Lets httpd write what it holds, as the event MPM does when the client can take more. */
void kiss_slow_client_write(const conn_rec *c);

#endif
