/* SPDX-License-Identifier: Apache-2.0 */
/**
 * thread - starts threads that receive no signals of the process.
 */
#include "lib/base/thread.h"

void kiss_thread_block_signals(sigset_t *before)
{
    sigset_t all;

    /* A signal that an instruction of the thread raises must not be blocked. */
    sigfillset(&all);
    sigdelset(&all, SIGSEGV);
    sigdelset(&all, SIGBUS);
    sigdelset(&all, SIGFPE);
    sigdelset(&all, SIGILL);
    pthread_sigmask(SIG_SETMASK, &all, before);
}

void kiss_thread_restore_signals(const sigset_t *before)
{
    pthread_sigmask(SIG_SETMASK, before, NULL);
}

apr_status_t kiss_thread_create(apr_thread_t **thread, apr_thread_start_t run, void *baton, apr_pool_t *p)
{
    sigset_t before;
    apr_status_t rv;

    /* A thread starts with the signal mask of its creator. */
    kiss_thread_block_signals(&before);
    rv = apr_thread_create(thread, NULL, run, baton, p);
    kiss_thread_restore_signals(&before);
    return rv;
}
