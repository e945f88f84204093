/* SPDX-License-Identifier: Apache-2.0 */
/* Unit test: what a socket is said to take is taken at once, whatever the window of its peer and however full it is. */
#include <arpa/inet.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <apr_strings.h>

#include "lib/base/socket_room.h"
#include "unit.h"

/** Connects two sockets over TCP. @return 0; `to` does not block */
static int connected(int window, int *from, int *to)
{
    struct sockaddr_in a = { .sin_family = AF_INET };
    socklen_t len = sizeof(a);
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    char c;

    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    *from = socket(AF_INET, SOCK_STREAM, 0);
    if (listener < 0 || *from < 0 || bind(listener, (struct sockaddr *)&a, sizeof(a)) || listen(listener, 1)
        || getsockname(listener, (struct sockaddr *)&a, &len)
        || (window && setsockopt(*from, SOL_SOCKET, SO_RCVBUF, &window, sizeof(window)))
        || connect(*from, (struct sockaddr *)&a, sizeof(a)) || (*to = accept(listener, NULL, NULL)) < 0) {
        return -1;
    }
    close(listener);
    return write(*from, "x", 1) == 1 && read(*to, &c, 1) == 1 ? fcntl(*to, F_SETFL, O_NONBLOCK) : -1;
}

/** Fills a socket whose peer does not read, each time with a part of what it is said to take. */
static void test_fill(int window, int part)
{
    static char bytes[16 * 1024 * 1024];
    const char *name = apr_psprintf(pool, "window %d, 1/%d", window, part);
    int from, to, n, bad = 0;
    long room = 0, all = 0;

    if (connected(window, &from, &to)) {
        okf(0, "%s: a connection", name);
        return;
    }
    for (n = 0; n < 100000 && (room = kiss_socket_room(to)) > 0; n++) {
        long most = room > (long)sizeof(bytes) ? (long)sizeof(bytes) : room, size = (most + part - 1) / part;
        long sent = send(to, bytes, (size_t)size, 0);

        bad += sent != size;
        all += sent > 0 ? sent : 0;
    }
    okf(n > 0 && all > 0, "%s: there is room at first", name);
    okf(bad == 0, "%s: what was said to have room was taken at once", name);
    okf(room == 0, "%s: until the socket was full", name);
    okf(kiss_socket_unacknowledged(to) > 0 && kiss_socket_unacknowledged(to) <= all, "%s: the peer has not got all", name);
    close(from);
    close(to);
}

void unit_socket_room(void)
{
#if defined(__linux__)
    static const int windows[] = { 0, 65536, 4096, 1 };
    unsigned i;

    for (i = 0; i < sizeof(windows) / sizeof(windows[0]); i++) {
        test_fill(windows[i], 1);
        test_fill(windows[i], 3);
    }
#endif
    ok(kiss_socket_room(-1) == 0 && kiss_socket_unacknowledged(-1) == 0, "of no socket nothing is known");
}
