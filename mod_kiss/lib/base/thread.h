/* SPDX-License-Identifier: Apache-2.0 */
/** thread - threads of a child process beside those of its MPM. */
#ifndef KISS_THREAD_H
#define KISS_THREAD_H

#include <signal.h>

#include <apr_thread_proc.h>

/** Keeps the process' signals from this thread, but for its own faults, until kiss_thread_restore_signals(). */
void kiss_thread_block_signals(sigset_t *before);

/** Lets them come as before; those that were sent meanwhile come now. */
void kiss_thread_restore_signals(const sigset_t *before);

/**
 * Starts a thread that receives none of the process' signals, from its first instruction on: they are for the threads of httpd
 * that expect them. To be ended by apr_thread_join().
 *
 * @param p owns the thread; nobody else may use it meanwhile
 */
apr_status_t kiss_thread_create(apr_thread_t **thread, apr_thread_start_t run, void *baton, apr_pool_t *p);

#endif
