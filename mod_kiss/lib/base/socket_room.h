/* SPDX-License-Identifier: Apache-2.0 */
/** socket_room - how much a TCP socket takes now, and how much of it the peer has not got yet. Linux; elsewhere nothing is known. */
#ifndef KISS_SOCKET_ROOM_H
#define KISS_SOCKET_ROOM_H

/**
 * Bytes that the kernel takes of one write that does not block: never more than that (unless the whole machine is short of
 * memory for sockets), often less. Thread-safe.
 *
 * SIOCOUTQ would not do: it counts bytes of content, whereas SO_SNDBUF bounds the memory that holds them. In the small segments
 * of a peer with a small window that is up to three times as much, so a socket that takes nothing seems to be half empty.
 *
 * @return 0 when it is full, or when that is not known
 */
long kiss_socket_room(int fd);

/** Bytes that the peer has not acknowledged; 0 when that is not known. Thread-safe. */
long kiss_socket_unacknowledged(int fd);

#endif
