/* SPDX-License-Identifier: Apache-2.0 */
/**
 * deferred_signal - other handlers of the signals while a section lasts, and the signal raised once more at its end.
 */
#include "lib/base/deferred_signal.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>

static const int signals[] = { SIGTERM, SIGHUP };
#define SIGNALS (int)(sizeof(signals) / sizeof(signals[0]))

static void (*early)(void);             /* NULL: nothing is deferred */
static pthread_t owner;
static int depth;                       /* of sections within each other; of the thread `owner` */
static struct sigaction before[SIGNALS];
static volatile sig_atomic_t pending;   /* the signal that came, or 0 */

void kiss_deferred_signal_prepare(void (*action)(void))
{
    owner = pthread_self();
    early = action;
}

static void defer(int number)
{
    const int saved = errno;

    pending = number;
    early();
    errno = saved;
}

static int defers(void)
{
    return early && pthread_equal(owner, pthread_self());
}

/** Each time anew: other modules, PHP for one, have handlers of their own, and for a while only. */
static void install(void)
{
    struct sigaction action;
    int i;

    memset(&action, 0, sizeof(action));
    sigemptyset(&action.sa_mask);
    action.sa_handler = defer;
    action.sa_flags = SA_RESTART;
    for (i = 0; i < SIGNALS; i++) {
        sigaction(signals[i], &action, &before[i]);
    }
}

static void restore(void)
{
    int i, came;

    for (i = 0; i < SIGNALS; i++) {
        sigaction(signals[i], &before[i], NULL);
    }
    came = pending;
    pending = 0;
    if (came) {
        raise(came);
    }
}

void kiss_deferred_signal_begin(void)
{
    if (defers() && depth++ == 0) {
        install();
    }
}

void kiss_deferred_signal_end(void)
{
    if (defers() && depth > 0 && --depth == 0) {
        restore();
    }
}

int kiss_deferred_signal_pause(void)
{
    const int paused = defers() ? depth : 0;

    if (paused) {
        depth = 0;
        restore();
    }
    return paused;
}

void kiss_deferred_signal_resume(int paused)
{
    if (paused) {
        install();
        depth = paused;
    }
}
