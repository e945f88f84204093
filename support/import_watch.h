/* SPDX-License-Identifier: Apache-2.0 */
/**
 * import_watch - a thread that waits for signals while the import works, and draws the progress line.
 */
#ifndef IMPORT_WATCH_H
#define IMPORT_WATCH_H

#include <pthread.h>
#include <signal.h>

#include "import_run.h"

/** The thread. Zeros to begin with. */
typedef struct {
    import_run *run;
    unsigned long id;               /**< of the connection that works */
    sigset_t signals, before;
    pthread_t thread;
    int running;
    int over;                       /**< the import has ended: the next signal is ours; accessed atomically */
} import_watch;

/** Starts it: SIGINT, SIGTERM and SIGHUP then stop the run and its statement. The connection must be open. */
void import_watch_start(import_watch *w, import_run *run);

/** Ends it, and restores the signal mask. */
void import_watch_end(import_watch *w);

#endif
