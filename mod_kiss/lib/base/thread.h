/* SPDX-License-Identifier: Apache-2.0 */
/** thread - threads of a child process in addition to those of its MPM. */
#ifndef KISS_THREAD_H
#define KISS_THREAD_H

#include <signal.h>

#include <apr_thread_proc.h>

/** Blocks all signals in this thread, except those that its own faults raise, until kiss_thread_restore_signals(). */
void kiss_thread_block_signals(sigset_t *before);

/** Restores the mask; signals that were sent meanwhile are delivered now. */
void kiss_thread_restore_signals(const sigset_t *before);

/**
 * Starts a thread that receives none of the process' signals from its first instruction on: they are meant for the
 * threads of httpd that expect them. The caller ends it with apr_thread_join().
 *
 * @param run returns, and does not call apr_thread_exit(): APR does not declare that this does not return, so that
 *            the address sanitizer takes the stack of the frames that it leaves for theirs, and reports the thread's end
 * @param p owns the thread; nothing else may use it while the thread runs
 */
apr_status_t kiss_thread_create(apr_thread_t **thread, apr_thread_start_t run, void *baton, apr_pool_t *p);

#endif
