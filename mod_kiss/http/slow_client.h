/* SPDX-License-Identifier: Apache-2.0 */
/**
 * slow_client - frees the threads of answers to clients that read slowly (event MPM).
 *
 * A file that the kernel sends costs no thread: httpd continues whenever the client can receive more. With data in
 * memory the request's thread waits for the client, as soon as httpd holds more than 64 KB of it (FlushMaxThreshold);
 * that includes what httpd has read from a file itself. But memory costs client and server less than sendfile() does.
 * So memory is passed to httpd in pieces that the socket accepts at once, as long as the client keeps up; the rest as a
 * file for sendfile().
 */
#ifndef KISS_SLOW_CLIENT_H
#define KISS_SLOW_CLIENT_H

#include <httpd.h>

#include <apr_buckets.h>
#include <apr_file_io.h>

/** Bytes in memory that httpd accepts without waiting for the client. */
#define KISS_SLOW_CLIENT_PIECE (48 * 1024)

/** Registers the output filter. In register_hooks. */
void kiss_slow_client_register(void);

/**
 * 1 when the answer can leave its thread: the MPM is asynchronous, and the kernel can send files, over plain HTTP/1. mod_ssl
 * encrypts in the request's thread, and mod_http2 has its own threads.
 */
int kiss_slow_client_can_leave(const request_rec *r);

/**
 * Creates a bucket for a part of an open file: with another descriptor, which has a position of its own and can be used
 * for sendfile(). To be called where kiss_slow_client_can_leave().
 *
 * @param bucket belongs to this answer alone
 * @return APR_SUCCESS; the error when there is no descriptor for it
 */
apr_status_t kiss_slow_client_file(apr_bucket **bucket, apr_file_t *file, apr_off_t offset, apr_off_t size, apr_pool_t *p,
                                   apr_bucket_alloc_t *list);

/** The file that has the bytes of a bucket at the offset of its `start`; it is open as long as there is the bucket. */
typedef apr_file_t *kiss_slow_client_file_of(const apr_bucket *e);

/**
 * Adds the output filter that passes buckets of this type in pieces, or as files. To be called where
 * kiss_slow_client_can_leave(), before the answer is passed.
 *
 * @param file_of finds the file of such a bucket; an answer is in two files at most
 */
void kiss_slow_client_add(request_rec *r, const apr_bucket_type_t *type, kiss_slow_client_file_of *file_of);

/** Lets httpd write what it holds, as the event MPM does when the client can receive more. */
void kiss_slow_client_write(const conn_rec *c);

#endif
