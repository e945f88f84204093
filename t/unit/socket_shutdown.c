/* SPDX-License-Identifier: Apache-2.0 */
/* Unit test: sockets are shut down while they are the connection's, and never a later one of the same number. */
#include <sys/socket.h>
#include <unistd.h>

#include <apr_atomic.h>
#include <apr_thread_proc.h>

#include "lib/mariadb/socket_shutdown.h"
#include "unit.h"

/** 1 when the socket can still be written to. */
static int is_open(int fd)
{
    return send(fd, "x", 1, MSG_NOSIGNAL) == 1;
}

static void test_cut(void)
{
    kiss_socket_shutdown cut = { 0 };
    int pair[2], other[2];

    kiss_socket_shutdown_now(&cut, 1);
    kiss_socket_shutdown_early(&cut, 1);
    kiss_socket_shutdown_forbid(&cut);
    ok(cut.state == 0, "without a socket nothing happens");
    ok(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0, "a socket");
    kiss_socket_shutdown_allow(&cut, pair[0], 0);
    kiss_socket_shutdown_now(&cut, 0);
    ok(is_open(pair[0]), "one that is not to be cut early is left alone");
    kiss_socket_shutdown_early(&cut, 1);
    kiss_socket_shutdown_now(&cut, 0);
    ok(!is_open(pair[0]), "one that is, is shut down");
    close(pair[0]);
    ok(socketpair(AF_UNIX, SOCK_STREAM, 0, other) == 0 && other[0] == pair[0], "closed, and its number is another socket's");
    kiss_socket_shutdown_now(&cut, 1);
    ok(is_open(other[0]), "... which is left alone");
    kiss_socket_shutdown_forbid(&cut);
    kiss_socket_shutdown_allow(&cut, other[0], 0);
    kiss_socket_shutdown_now(&cut, 1);
    ok(!is_open(other[0]), "all are cut");
    kiss_socket_shutdown_forbid(&cut);
    kiss_socket_shutdown_allow(&cut, -1, 1);
    ok(cut.state == 0, "no socket, nothing to cut");
    close(pair[1]);
    close(other[0]);
    close(other[1]);
}

static volatile apr_uint32_t done;

static void *APR_THREAD_FUNC cut_all_the_time(apr_thread_t *thread, void *cut)
{
    (void)thread;
    while (!apr_atomic_read32(&done)) {
        kiss_socket_shutdown_now(cut, 1);
    }
    return NULL;
}

/** Sockets come and go while another thread cuts: it never meets a file that is not theirs. */
static void test_race(void)
{
    kiss_socket_shutdown cut = { 0 };
    apr_thread_t *thread;
    apr_status_t rv;
    int i, harmed = 0;

    ok(apr_thread_create(&thread, NULL, cut_all_the_time, &cut, pool) == APR_SUCCESS, "a thread that cuts");
    for (i = 0; i < 3000; i++) {
        int pair[2], other[2];

        if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) != 0) {
            break;
        }
        kiss_socket_shutdown_allow(&cut, pair[0], i & 1);
        close(pair[0]);                             /* as the client library does when it finds the connection broken */
        harmed += socketpair(AF_UNIX, SOCK_STREAM, 0, other) != 0 || !is_open(other[0]);
        kiss_socket_shutdown_early(&cut, i & 2);
        kiss_socket_shutdown_forbid(&cut);
        harmed += !is_open(other[0]);
        close(pair[1]);
        close(other[0]);
        close(other[1]);
    }
    apr_atomic_set32(&done, 1);
    apr_thread_join(&rv, thread);
    ok(i == 3000 && harmed == 0 && cut.state == 0, "3,000 sockets, and no other one was shut down");
}

void unit_socket_shutdown(void)
{
    test_cut();
    test_race();
}
