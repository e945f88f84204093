/* SPDX-License-Identifier: Apache-2.0 */
/**
 * ctl_screen - a terminal on which a report is shown again and again: its size, keys, and its state afterwards.
 *
 * One at a time; not thread-safe. What is drawn goes to the terminal's other screen, so what was there before is there
 * again at the end, however that comes (q, Ctrl-C, TERM, HUP).
 */
#ifndef CTL_SCREEN_H
#define CTL_SCREEN_H

#include <apr_tables.h>
#include <apr_time.h>

/** What ended a wait. */
typedef enum {
    CTL_SCREEN_TIME,        /**< the time is over, or the user wants it now */
    CTL_SCREEN_SIZE,        /**< the terminal has another size: draw again */
    CTL_SCREEN_QUIT         /**< the user wants to go */
} ctl_screen_event;

/** 1 when standard output is a terminal that can place a text: not where TERM is unset or `dumb`. */
int ctl_screen_is_possible(void);

/** Takes the terminal. @return 0, or an errno */
int ctl_screen_open(void);

/** Gives the terminal back as it was. May be called when it was not taken. */
void ctl_screen_close(void);

/** Its size; 24 lines of 80 columns where the terminal does not say it. */
void ctl_screen_size(int *lines, int *columns);

/** Shows lines (of const char *) from the top; those that are too long or too many are cut. UTF-8, no control characters. */
void ctl_screen_draw(const apr_array_header_t *lines);

/** Waits for a key or a signal, at most so long. */
ctl_screen_event ctl_screen_wait(apr_interval_time_t time);

/** The bytes of the first `columns` characters of a text in UTF-8. A character counts as one column. */
int ctl_screen_cut(const char *text, int columns);

#endif
