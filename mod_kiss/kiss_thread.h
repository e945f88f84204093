/** kiss_thread - threads of a child process beside those of its MPM. */
#ifndef KISS_THREAD_H
#define KISS_THREAD_H

#include <apr_thread_proc.h>

/**
 * Starts a thread that receives none of the process' signals, from its first instruction on: they are for the threads of httpd
 * that expect them. To be ended by apr_thread_join().
 *
 * @param p owns the thread; nobody else may use it meanwhile
 */
apr_status_t kiss_thread_create(apr_thread_t **thread, apr_thread_start_t run, void *baton, apr_pool_t *p);

#endif
