/* SPDX-License-Identifier: Apache-2.0 */
/**
 * socket_room - asks the kernel for the free memory of a socket's send queue.
 */
#include "lib/base/socket_room.h"

#if defined(__linux__)
#include <linux/sock_diag.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#endif

#if defined(__linux__) && defined(SO_MEMINFO)

/* Memory that the kernel needs for a segment in addition to its content: 830 bytes were measured (Linux 6.18, amd64). */
#define SEGMENT_OVERHEAD 2048

long kiss_socket_room(int fd)
{
    uint32_t memory[SK_MEMINFO_VARS];
    int segment = 0;
    socklen_t len = sizeof(memory), segment_len = sizeof(segment);

    /* The segments are at least this large: the kernel bounds TCP_MAXSEG to half the peer's window, and may join several. */
    if (getsockopt(fd, SOL_SOCKET, SO_MEMINFO, memory, &len) != 0 || len <= SK_MEMINFO_WMEM_QUEUED * sizeof(memory[0])
        || getsockopt(fd, IPPROTO_TCP, TCP_MAXSEG, &segment, &segment_len) != 0 || segment <= 0
        || memory[SK_MEMINFO_WMEM_QUEUED] >= memory[SK_MEMINFO_SNDBUF]) {
        return 0;
    }
    return (long)((uint64_t)(memory[SK_MEMINFO_SNDBUF] - memory[SK_MEMINFO_WMEM_QUEUED]) * (uint64_t)segment
                  / ((uint64_t)segment + SEGMENT_OVERHEAD));
}

long kiss_socket_unacknowledged(int fd)
{
    int n = 0;

    return ioctl(fd, SIOCOUTQ, &n) == 0 ? n : 0;
}

#else

long kiss_socket_room(int fd)
{
    (void)fd;
    return 0;
}

long kiss_socket_unacknowledged(int fd)
{
    (void)fd;
    return 0;
}

#endif
