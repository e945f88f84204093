/* SPDX-License-Identifier: Apache-2.0 */
/**
 * deferred_signal - SIGTERM and SIGHUP of a process whose requests are handled by the thread that receives its signals.
 *
 * That is a child of prefork: httpd ends it within the signal handler, wherever the thread is, and destroys the child's pool
 * there. What the thread waits for at that time is never released: a condition cannot be destroyed while somebody waits, and
 * a list of connections not while one is in use. In a section that is begun here, the signal makes the waits end, and ends
 * the process only at the end of the section.
 *
 * Before kiss_deferred_signal_prepare(), and in all other threads, these functions do nothing.
 */
#ifndef KISS_DEFERRED_SIGNAL_H
#define KISS_DEFERRED_SIGNAL_H

/**
 * From now on sections of this thread defer the signals.
 *
 * @param early called within the signal handler: makes waits of the section end. May be called more than once
 */
void kiss_deferred_signal_prepare(void (*early)(void));

/** Begins a section, or one within another one. */
void kiss_deferred_signal_begin(void);

/** Ends it. A signal that came in the outermost one is handled now: the process may end here. */
void kiss_deferred_signal_end(void);

/**
 * Interrupts the section, for what may wait for a client; a signal that came is handled now. Nothing that the thread holds
 * may need it to go on.
 *
 * @return what kiss_deferred_signal_resume() needs
 */
int kiss_deferred_signal_pause(void);

/** Continues what was interrupted. */
void kiss_deferred_signal_resume(int paused);

#endif
