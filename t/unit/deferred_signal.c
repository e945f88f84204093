/* SPDX-License-Identifier: Apache-2.0 */
/* Unit test: a signal in a section is handled at its end, and at once elsewhere. */
#include <pthread.h>
#include <signal.h>
#include <string.h>

#include "lib/base/deferred_signal.h"
#include "unit.h"

static volatile sig_atomic_t handled, told;

static void handle(int number)
{
    handled = number;
}

static void tell(void)
{
    told++;
}

/** What came since the last call: the signal that was handled, and 1000 for each call of tell(). */
static void is_came(int expected, const char *what)
{
    const int came = handled + 1000 * told;

    handled = told = 0;
    okf(came == expected, "%s: %d, expected %d", what, came, expected);
}

static void *in_another_thread(void *ignored)
{
    (void)ignored;
    kiss_deferred_signal_begin();
    raise(SIGTERM);
    return NULL;
}

static void sections(void)
{
    int paused;

    kiss_deferred_signal_begin();
    is_came(0, "nothing came");
    raise(SIGTERM);
    is_came(1000, "in a section: it is told");
    kiss_deferred_signal_begin();
    raise(SIGHUP);
    is_came(1000, "... again in one within it");
    kiss_deferred_signal_end();
    is_came(0, "... at whose end it is not handled");
    kiss_deferred_signal_end();
    is_came(SIGHUP, "at the end the last one is");
    raise(SIGTERM);
    is_came(SIGTERM, "after it at once");
    kiss_deferred_signal_begin();
    kiss_deferred_signal_begin();
    paused = kiss_deferred_signal_pause();
    raise(SIGTERM);
    is_came(SIGTERM, "at once while it is interrupted");
    kiss_deferred_signal_resume(paused);
    raise(SIGTERM);
    is_came(1000, "... and told again afterwards");
    kiss_deferred_signal_resume(kiss_deferred_signal_pause());
    is_came(SIGTERM, "an interruption is an end");
    kiss_deferred_signal_end();
    kiss_deferred_signal_end();
    is_came(0, "once only");
    kiss_deferred_signal_end();
    kiss_deferred_signal_resume(kiss_deferred_signal_pause());
    raise(SIGTERM);
    is_came(SIGTERM, "neither an end nor an interruption without a section begins one");
}

void unit_deferred_signal(void)
{
    struct sigaction action, now;
    pthread_t thread;

    memset(&action, 0, sizeof(action));
    action.sa_handler = handle;
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGHUP, &action, NULL);
    kiss_deferred_signal_begin();
    raise(SIGTERM);
    is_came(SIGTERM, "before it is prepared: at once");
    kiss_deferred_signal_end();
    kiss_deferred_signal_prepare(tell);
    sections();
    ok(pthread_create(&thread, NULL, in_another_thread, NULL) == 0 && pthread_join(thread, NULL) == 0, "another thread");
    is_came(SIGTERM, "... defers nothing");
    sigaction(SIGTERM, NULL, &now);
    ok(now.sa_handler == handle, "the handler is the one that was there");
}
