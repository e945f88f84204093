/* SPDX-License-Identifier: Apache-2.0 */
/**
 * socket_shutdown - a socket's descriptor as an atomic state, shut down by other threads without a lock.
 */
#include "lib/mariadb/socket_shutdown.h"

#include <apr_atomic.h>

#include <fcntl.h>
#include <sched.h>
#include <sys/socket.h>
#include <unistd.h>

/* States: no socket; a socket that is being shut down; else the descriptor shifted, with EARLY as its lowest bit. */
#define NONE  0
#define BUSY  1
#define FIRST 2
#define EARLY 1

static apr_uint32_t state_of(int fd, int early)
{
    return (((apr_uint32_t)fd + FIRST / 2) << 1) | (early ? EARLY : 0);
}

static int descriptor(apr_uint32_t state)
{
    return (int)(state >> 1) - FIRST / 2;
}

/** The state, once no thread is shutting the socket down, which takes one system call. */
static apr_uint32_t settled(const kiss_socket_shutdown *c)
{
    apr_uint32_t seen;

    while ((seen = apr_atomic_read32((volatile apr_uint32_t *)&c->state)) == BUSY) {
        sched_yield();
    }
    return seen;
}

void kiss_socket_shutdown_allow(kiss_socket_shutdown *c, int fd, int early)
{
    int own = fd < 0 ? -1 : fcntl(fd, F_DUPFD_CLOEXEC, 0);

    kiss_socket_shutdown_forbid(c);
    apr_atomic_set32(&c->state, own < 0 ? NONE : state_of(own, early));
}

void kiss_socket_shutdown_early(kiss_socket_shutdown *c, int early)
{
    apr_uint32_t seen;

    do {
        seen = settled(c);
    } while (seen != NONE && apr_atomic_cas32(&c->state, state_of(descriptor(seen), early), seen) != seen);
}

void kiss_socket_shutdown_forbid(kiss_socket_shutdown *c)
{
    apr_uint32_t seen;

    do {
        seen = settled(c);
    } while (apr_atomic_cas32(&c->state, NONE, seen) != seen);
    if (seen != NONE) {
        close(descriptor(seen));
    }
}

void kiss_socket_shutdown_now(kiss_socket_shutdown *c, int all)
{
    apr_uint32_t seen = apr_atomic_read32(&c->state);

    if (seen >= FIRST && (all || (seen & EARLY)) && apr_atomic_cas32(&c->state, BUSY, seen) == seen) {
        shutdown(descriptor(seen), SHUT_RDWR);
        apr_atomic_set32(&c->state, seen);
    }
}
