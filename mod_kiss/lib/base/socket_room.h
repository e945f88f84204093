/* SPDX-License-Identifier: Apache-2.0 */
/**
 * socket_room - how much a TCP socket accepts now, and how much the peer has not acknowledged. Linux only; elsewhere
 * the results are 0.
 */
#ifndef KISS_SOCKET_ROOM_H
#define KISS_SOCKET_ROOM_H

/**
 * A lower bound of the bytes that the kernel accepts in one non-blocking write (unless the whole machine is short of
 * memory for sockets). Thread-safe.
 *
 * SIOCOUTQ is not sufficient: it counts bytes of content, whereas SO_SNDBUF bounds the memory that holds them. In the
 * small segments of a peer with a small window that is up to three times as much, so a socket that accepts nothing
 * would seem half empty.
 *
 * @return 0 when it is full or unknown
 */
long kiss_socket_room(int fd);

/** Bytes that the peer has not acknowledged; 0 when unknown. Thread-safe. */
long kiss_socket_unacknowledged(int fd);

#endif
