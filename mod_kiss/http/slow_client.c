/* SPDX-License-Identifier: Apache-2.0 */
/**
 * slow_client - an output filter that passes memory in pieces, and the rest as a file.
 */
#include "http/slow_client.h"

#include <ap_mpm.h>
#include <http_config.h>
#include <http_connection.h>
#include <http_core.h>
#include <http_ssl.h>
#include <util_filter.h>

#include <apr_atomic.h>
#include <apr_portable.h>
#include <apr_strings.h>

#include <poll.h>

#include "lib/base/clock.h"
#include "lib/base/socket_room.h"

#define FILTER "KISS_SLOW_CLIENT"

/* A client keeps up when it reads this many bytes in a microsecond (MB in a second): the number of threads that wait
 * for such clients is limited to the network's rate divided by it. */
#define RATE 4

/* How long an answer waits in total in addition to the time that its client is given at that rate, in microseconds. A
 * client on a busy machine reads nothing for a while, then much at once. */
#define PATIENCE APR_INT64_C(1000000)

/* How long to wait before checking again what the client has read: milliseconds. The socket becomes writable only when
 * a third of it is free. */
#define STEP 100

/** The answer. */
typedef struct {
    const apr_bucket_type_t *type;
    kiss_slow_client_file_of *file_of;
    apr_bucket_brigade *rest;
    int fd;                         /* of the socket */
    apr_int64_t left;               /* what is left of PATIENCE */
} slow_client;

static ap_filter_rec_t *filter;

/* Threads of this child that wait for a client. */
static apr_uint32_t waiting;

int kiss_slow_client_can_leave(const request_rec *r)
{
    const core_dir_config *core = ap_get_core_module_config(r->per_dir_config);
    int async = 0;

    return !r->main && !r->connection->master && !ap_ssl_conn_is_ssl(r->connection)
           && core->enable_sendfile != ENABLE_SENDFILE_OFF && ap_mpm_query(AP_MPMQ_IS_ASYNC, &async) == APR_SUCCESS && async;
}

apr_status_t kiss_slow_client_file(apr_bucket **bucket, apr_file_t *file, apr_off_t offset, apr_off_t size, apr_pool_t *p,
                                   apr_bucket_alloc_t *list)
{
    apr_os_file_t fd;
    apr_file_t *again;
    apr_status_t rv = apr_os_file_get(&fd, file);

    /* By its descriptor: it may have been renamed or removed. */
    if (rv == APR_SUCCESS) {
        rv = apr_file_open(&again, apr_psprintf(p, "/proc/self/fd/%d", fd),
                           APR_FOPEN_READ | APR_FOPEN_BINARY | APR_FOPEN_SENDFILE_ENABLED, APR_OS_DEFAULT, p);
    }
    if (rv == APR_SUCCESS) {
        *bucket = apr_bucket_file_create(again, offset, (apr_size_t)size, p, list);
        /* Not mapped: httpd would hold more than 64 KB in memory. */
        apr_bucket_file_enable_mmap(*bucket, 0);
    }
    return rv;
}

void kiss_slow_client_write(const conn_rec *c)
{
    ap_filter_t *f = c->output_filters;

    while (f->next) {
        f = f->next;
    }
    f->frec->filter_func.out_func(f, NULL);
}

/** Waits until the client has read something. @return 1 when the socket is writable; 0 when the client is slow */
static int wait_for_client(slow_client *s, struct pollfd *client)
{
    long before = kiss_socket_unacknowledged(s->fd);
    apr_int64_t start = kiss_clock_now(), late;
    int ready;

    do {
        ready = poll(client, 1, STEP);
        late = kiss_clock_now() - start - (before - kiss_socket_unacknowledged(s->fd)) / RATE;
    } while (ready <= 0 && late <= s->left);
    s->left -= late > 0 ? late : 0;
    return ready > 0;
}

/** The same, unless half of the threads wait already: the others are for other requests. */
static int may_wait_for_client(slow_client *s, struct pollfd *client)
{
    int threads = 0, ready = 0;

    ap_mpm_query(AP_MPMQ_MAX_THREADS, &threads);
    if (apr_atomic_inc32(&waiting) < (apr_uint32_t)threads / 2) {
        ready = wait_for_client(s, client);
    }
    apr_atomic_dec32(&waiting);
    return ready;
}

/** 1 when httpd holds nothing any more and the socket is writable; 0 when the client is slow or has disconnected. */
static int keeps_up(slow_client *s, const conn_rec *c)
{
    struct pollfd client = { s->fd, POLLOUT, 0 };

    while (!c->aborted && (poll(&client, 1, 0) > 0 || may_wait_for_client(s, &client))) {
        if (!c->data_in_output_filters) {
            return 1;
        }
        kiss_slow_client_write(c);
    }
    return 0;
}

/**
 * Splits the brigade after what can be passed to httpd now. @return the first bucket of the rest; NULL when there is
 * none
 */
static apr_bucket *split(const slow_client *s, apr_bucket_brigade *bb)
{
    long room = kiss_socket_room(s->fd);
    apr_size_t n = 0, max = room > KISS_SLOW_CLIENT_PIECE ? (apr_size_t)room : KISS_SLOW_CLIENT_PIECE;
    apr_bucket *e;

    for (e = APR_BRIGADE_FIRST(bb); e != APR_BRIGADE_SENTINEL(bb); e = APR_BUCKET_NEXT(e)) {
        if (e->type == s->type && e->length > max - n) {
            return n == max ? e : apr_bucket_split(e, max - n) == APR_SUCCESS ? APR_BUCKET_NEXT(e) : NULL;
        }
        n += e->length > max - n ? max - n : e->length;       /* also where the length is unknown */
    }
    return NULL;
}

/** The files of an answer. */
#define FILES 2

typedef struct {
    apr_file_t *of[FILES];
    apr_bucket *first[FILES];       /* the first part of each */
} file_set;

/** Makes a part of a file. Parts share a descriptor: httpd moves it into the connection's pool, once. */
static apr_status_t make_part(apr_bucket **part, file_set *files, apr_file_t *file, apr_pool_t *p, apr_bucket_alloc_t *list)
{
    apr_status_t rv;
    int i = 0;

    while (i < FILES - 1 && files->of[i] && files->of[i] != file) {
        i++;
    }
    if (files->first[i] && files->of[i] == file) {
        return apr_bucket_copy(files->first[i], part);
    }
    rv = kiss_slow_client_file(part, file, 0, 0, p, list);
    if (rv == APR_SUCCESS) {
        files->of[i] = file;
        files->first[i] = *part;
    }
    return rv;
}

/** Replaces buckets of memory by parts of files. @return 0, or -1 when there is no descriptor for them */
static int replace_by_file(const slow_client *s, apr_bucket_brigade *bb, apr_pool_t *p)
{
    file_set files = { { NULL }, { NULL } };
    apr_bucket *e, *next, *part;

    for (e = APR_BRIGADE_FIRST(bb); e != APR_BRIGADE_SENTINEL(bb); e = next) {
        next = APR_BUCKET_NEXT(e);
        if (e->type != s->type) {
            continue;
        }
        if (make_part(&part, &files, s->file_of(e), p, bb->bucket_alloc) != APR_SUCCESS) {
            return -1;
        }
        part->start = e->start;
        part->length = e->length;
        APR_BUCKET_INSERT_BEFORE(e, part);
        apr_bucket_delete(e);                   /* with the last one the owner of the file may be destroyed */
    }
    return 0;
}

static apr_status_t send_in_pieces(ap_filter_t *f, apr_bucket_brigade *bb)
{
    slow_client *s = f->ctx;
    const conn_rec *c = f->c;
    apr_bucket *rest = split(s, bb);

    while (rest) {
        apr_status_t rv;

        s->rest = apr_brigade_split_ex(bb, rest, s->rest);
        rv = ap_pass_brigade(f->next, bb);
        apr_brigade_cleanup(bb);
        APR_BRIGADE_CONCAT(bb, s->rest);
        if (rv != APR_SUCCESS || c->aborted) {
            return rv != APR_SUCCESS ? rv : APR_ECONNABORTED;
        }
        if (!keeps_up(s, c) && replace_by_file(s, bb, f->r->pool) == 0) {
            break;
        }
        rest = split(s, bb);
    }
    return ap_pass_brigade(f->next, bb);
}

void kiss_slow_client_add(request_rec *r, const apr_bucket_type_t *type, kiss_slow_client_file_of *file_of)
{
    slow_client *s = apr_pcalloc(r->pool, sizeof(*s));

    s->type = type;
    s->file_of = file_of;
    s->left = PATIENCE;
    if (apr_os_sock_get(&s->fd, ap_get_conn_socket(r->connection)) == APR_SUCCESS) {
        ap_add_output_filter_handle(filter, s, r, r->connection);
    }
}

void kiss_slow_client_register(void)
{
    /* The last filter of the request: after the byte range filter and the chunk filter. */
    filter = ap_register_output_filter(FILTER, send_in_pieces, NULL, AP_FTYPE_CONNECTION - 1);
}
