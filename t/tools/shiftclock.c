/* SPDX-License-Identifier: Apache-2.0 */
/**
 * shiftclock - a library that is loaded in front of httpd's (LD_PRELOAD): its clocks jump when a test says so.
 *
 * The file that SHIFTCLOCK names is mapped by all processes of httpd; a test writes into it by how much the clock and the
 * monotonic clock are ahead (t/81-child-faults.t). A wait on a condition until a time of the clock is one in pieces, so that
 * it sees a jump as it does when the system's clock is set.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#define SECOND INT64_C(1000000000)

/* A wait sees a jump after so many nanoseconds at the latest. */
#define PIECE (SECOND / 50)

/** The file: nanoseconds by which a clock is ahead of the system's. */
typedef struct {
    volatile int64_t real;
    volatile int64_t monotonic;
} control;

static control *shared;

__attribute__((constructor)) static void open_control(void)
{
    const char *path = getenv("SHIFTCLOCK");
    int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    void *map = fd < 0 ? MAP_FAILED : mmap(NULL, sizeof(*shared), PROT_READ, MAP_SHARED, fd, 0);

    if (fd >= 0) {
        close(fd);
    }
    if (map == MAP_FAILED) {
        abort();                        /* a test without its jumps would pass */
    }
    shared = map;
}

/** The function that this library stands in front of. */
static void *next(void **found, const char *name)
{
    if (!*found) {
        *found = dlsym(RTLD_NEXT, name);
    }
    if (!*found) {
        abort();
    }
    return *found;
}

/* Declares `real`, the function in front of which this one is. */
#define REAL(name) \
    static void *name##_found; \
    __typeof__(&name) real = (__typeof__(&name))next(&name##_found, #name)

static int64_t nanoseconds(const struct timespec *t)
{
    return t->tv_sec * SECOND + t->tv_nsec;
}

static struct timespec time_of(int64_t ns)
{
    struct timespec t = { (time_t)(ns / SECOND), (long)(ns % SECOND) };

    return t;
}

int clock_gettime(clockid_t clock, struct timespec *t)
{
    REAL(clock_gettime);
    int rc = real(clock, t);

    if (rc == 0 && shared && (clock == CLOCK_REALTIME || clock == CLOCK_MONOTONIC)) {
        *t = time_of(nanoseconds(t) + (clock == CLOCK_REALTIME ? shared->real : shared->monotonic));
    }
    return rc;
}

static int64_t now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_REALTIME, &t);
    return nanoseconds(&t);
}

int gettimeofday(struct timeval *restrict t, void *restrict zone)
{
    int64_t ns = now();

    (void)zone;
    t->tv_sec = (time_t)(ns / SECOND);
    t->tv_usec = (suseconds_t)(ns % SECOND / 1000);
    return 0;
}

time_t time(time_t *t)
{
    time_t seconds = (time_t)(now() / SECOND);

    if (t) {
        *t = seconds;
    }
    return seconds;
}

int pthread_cond_timedwait(pthread_cond_t *restrict cond, pthread_mutex_t *restrict mutex,
                           const struct timespec *restrict until)
{
    REAL(pthread_cond_timedwait);
    int64_t left;
    int rc = ETIMEDOUT;

    while (rc == ETIMEDOUT && (left = nanoseconds(until) - now()) > 0) {
        struct timespec piece = time_of(now() - (shared ? shared->real : 0) + (left < PIECE ? left : PIECE));

        rc = real(cond, mutex, &piece);
    }
    return rc;
}
