/* SPDX-License-Identifier: Apache-2.0 */
/**
 * import_watch - waits for signals while the import works, so that a long statement can be stopped in the server.
 */
#include "import_watch.h"

#include <time.h>

#include <apr_strings.h>

#include "ctl_db.h"
#include "import_progress.h"

/** Between two drawings of the progress line: a quarter of a second. */
#define DRAW_NANOSECONDS 250000000L

/** Stops the statement that runs, from a second connection. */
static void kill_query(const import_watch *w)
{
    MYSQL *db;

    mysql_thread_init();
    db = ctl_db_connect(w->run->c);
    if (db) {
        char sql[64];

        apr_snprintf(sql, sizeof(sql), "KILL QUERY %lu", w->id);
        mysql_query(db, sql);
        mysql_close(db);
    }
    mysql_thread_end();
}

/** Waits for a signal; while there is progress to show, only for a moment. @return its number, or -1: none yet */
static int wait_for_signal(const import_watch *w)
{
    const struct timespec moment = {0, DRAW_NANOSECONDS};

    return w->run->progress ? sigtimedwait(&w->signals, NULL, &moment) : sigwaitinfo(&w->signals, NULL);
}

static void *watch_signals(void *data)
{
    import_watch *w = data;

    while (wait_for_signal(w) == -1) {
        if (w->run->progress) {
            import_progress_draw(w->run);
        }
    }
    if (!__atomic_load_n(&w->over, __ATOMIC_SEQ_CST)) {
        import_stop();
        /* A second signal ends the program at once; the server then rolls back by itself. SIGHUP may be ours. */
        sigdelset(&w->signals, SIGHUP);
        pthread_sigmask(SIG_UNBLOCK, &w->signals, NULL);
        kill_query(w);
    }
    return NULL;
}

void import_watch_start(import_watch *w, import_run *run)
{
    w->run = run;
    w->id = mysql_thread_id(run->c->db);
    sigemptyset(&w->signals);
    sigaddset(&w->signals, SIGINT);
    sigaddset(&w->signals, SIGTERM);
    sigaddset(&w->signals, SIGHUP);
    pthread_sigmask(SIG_BLOCK, &w->signals, &w->before);
    w->running = pthread_create(&w->thread, NULL, watch_signals, w) == 0;
    if (!w->running) {
        pthread_sigmask(SIG_SETMASK, &w->before, NULL);
    }
}

void import_watch_end(import_watch *w)
{
    if (w->running) {
        __atomic_store_n(&w->over, 1, __ATOMIC_SEQ_CST);
        pthread_kill(w->thread, SIGHUP);            /* wakes sigwait(); blocked in the thread, always */
        pthread_join(w->thread, NULL);
        pthread_sigmask(SIG_SETMASK, &w->before, NULL);
    }
}
