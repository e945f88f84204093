#include "kiss_thread.h"

#include <signal.h>

apr_status_t kiss_thread_create(apr_thread_t **thread, apr_thread_start_t run, void *baton, apr_pool_t *p)
{
    sigset_t all, before;
    apr_status_t rv;

    /* A thread begins with the mask of the one that makes it. What an instruction raises itself must not be blocked. */
    sigfillset(&all);
    sigdelset(&all, SIGSEGV);
    sigdelset(&all, SIGBUS);
    sigdelset(&all, SIGFPE);
    sigdelset(&all, SIGILL);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    rv = apr_thread_create(thread, NULL, run, baton, p);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return rv;
}
