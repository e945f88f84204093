/* SPDX-License-Identifier: Apache-2.0 */
/**
 * socket_shutdown - the socket of a connection, which another thread may shut down while its owner waits in a read. Pure.
 *
 * It is shut down through a duplicate of its descriptor: the client library closes the original when it finds the
 * connection broken, and its number may be reused for another file at once. There is no lock, since prefork stops a
 * child from within a signal handler.
 */
#ifndef KISS_SOCKET_SHUTDOWN_H
#define KISS_SOCKET_SHUTDOWN_H

#include <apr.h>

/** A socket, or none: zero initially. */
typedef struct {
    volatile apr_uint32_t state;
} kiss_socket_shutdown;

/**
 * From now on the socket may be shut down by other threads, until kiss_socket_shutdown_forbid(). Where no descriptor is
 * left for the duplicate, it cannot be shut down.
 *
 * @param early also by kiss_socket_shutdown_now(c, 0)
 */
void kiss_socket_shutdown_allow(kiss_socket_shutdown *c, int fd, int early);

/** Changes `early`. Does nothing without a socket. */
void kiss_socket_shutdown_early(kiss_socket_shutdown *c, int early);

/** Withdraws the socket; waits for a thread that is shutting it down. */
void kiss_socket_shutdown_forbid(kiss_socket_shutdown *c);

/**
 * Shuts the socket down, if there is one: its reader gets an end of file. May be called by any thread or signal
 * handler.
 */
void kiss_socket_shutdown_now(kiss_socket_shutdown *c, int all);

#endif
