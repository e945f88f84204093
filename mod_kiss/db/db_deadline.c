/* SPDX-License-Identifier: Apache-2.0 */
/**
 * db_deadline - one deadline for all waits of a request for the database.
 */
#include "db/db_deadline.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/time.h>

#include "lib/base/clock.h"

#define MILLISECOND APR_TIME_C(1000)

/* Of a thread, since the client library's wait gets nothing but the socket. */
static __thread kiss_db_deadline *current;

static apr_interval_time_t span_of(const kiss_database_conf *conf)
{
    return conf->wait + 2 * conf->timeout;
}

apr_interval_time_t kiss_db_deadline_rest(const kiss_req *k, const kiss_database_conf *conf)
{
    return span_of(conf) - (k->stop ? 0 : k->db_waited);
}

void kiss_db_deadline_begin(kiss_db_deadline *d, const kiss_req *k, const kiss_database_conf *conf)
{
    d->span = span_of(conf);
    d->end = kiss_clock_now() + kiss_db_deadline_rest(k, conf);
    d->after_progress = 2 * conf->timeout;
    d->progress = 0;
    d->outer = current;
    current = d;
}

void kiss_db_deadline_end(kiss_db_deadline *d, kiss_req *k)
{
    const apr_interval_time_t used = d->span - (d->end - kiss_clock_now());

    k->db_waited = used > 0 ? used : 0;
    current = d->outer;
}

apr_interval_time_t kiss_db_deadline_left(void)
{
    kiss_db_deadline *d = current;
    apr_int64_t now;

    if (!d) {
        return APR_INT64_MAX;
    }
    now = kiss_clock_now();
    if (d->progress && d->end < now + d->after_progress) {
        d->end = now + d->after_progress;
    }
    d->progress = 0;
    return d->end > now ? d->end - now : 0;
}

void kiss_db_deadline_progress(void)
{
    if (current) {
        current->progress = 1;
    }
}

/** The milliseconds of one poll(): what is left until `end` and until the deadline, rounded up; -1 without either. */
static int poll_time(apr_int64_t end)
{
    apr_interval_time_t left = kiss_db_deadline_left();

    if (end) {
        const apr_interval_time_t more = end - kiss_clock_now();

        left = more < left ? more : left;
    }
    return left == APR_INT64_MAX ? -1 : left <= 0 ? 0
        : left / MILLISECOND >= INT_MAX ? INT_MAX : (int)((left + MILLISECOND - 1) / MILLISECOND);
}

int kiss_db_deadline_wait(my_socket fd, my_bool is_read, int timeout)
{
    struct pollfd p = { fd, is_read ? POLLIN : POLLOUT, 0 };
    const apr_int64_t end = timeout < 0 ? 0 : kiss_clock_now() + timeout * MILLISECOND;
    int rv;

    do {
        rv = poll(&p, 1, poll_time(end));
    } while (rv == -1 && errno == EINTR);
    if (rv == 0) {
        errno = ETIMEDOUT;
    }
    return rv;
}

void kiss_db_deadline_shorten(my_socket fd, apr_interval_time_t timeout, int *shortened)
{
    apr_interval_time_t left = kiss_db_deadline_left();

    if (left < timeout || *shortened) {
        struct timeval most;

        *shortened = left < timeout;
        left = left < MILLISECOND ? MILLISECOND : left < timeout ? left : timeout;      /* 0 would be for ever */
        most.tv_sec = (time_t)apr_time_sec(left);
        most.tv_usec = (suseconds_t)apr_time_usec(left);
        setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &most, sizeof(most));
        setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &most, sizeof(most));
    }
}
