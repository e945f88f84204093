/* SPDX-License-Identifier: Apache-2.0 */
/**
 * ctl_screen - a terminal in the mode in which keys are read one by one, and its signals.
 */
#include "ctl_screen.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

/* The other screen without a cursor; back. */
#define ENTER "\033[?1049h\033[?25l"
#define LEAVE "\033[?25h\033[?1049l"

/* To the first line; the rest of the line, the rest of the screen is empty. */
#define HOME      "\033[H"
#define END_LINE  "\033[K"
#define END_BELOW "\033[J"

static const int ending[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT };
#define ENDING (sizeof(ending) / sizeof(ending[0]))

static struct termios before;           /* the mode of the terminal before it was taken */
static int taken;
static int has_keys;                    /* standard input is a terminal, too */
static struct sigaction actions[ENDING + 2];    /* of these signals before */
static volatile sig_atomic_t quit, resized;

static void note(int number)
{
    if (number == SIGWINCH || number == SIGCONT) {
        resized = 1;
    }
    else {
        quit = 1;
    }
}

int ctl_screen_is_possible(void)
{
    const char *term = getenv("TERM");

    return isatty(STDOUT_FILENO) && term && *term && strcmp(term, "dumb") != 0;
}

/** Writes all of it: a terminal may take less at a time. */
static void put(const char *text)
{
    fputs(text, stdout);
    fflush(stdout);
}

/** Sets the mode in which keys come one by one and are not shown. Signals of keys (Ctrl-C) stay; Ctrl-Z does nothing. */
static int set_mode(void)
{
    struct termios mode = before;

    mode.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
    mode.c_cc[VMIN] = 1;
    mode.c_cc[VTIME] = 0;
    mode.c_cc[VSUSP] = _POSIX_VDISABLE;
    return tcsetattr(STDIN_FILENO, TCSANOW, &mode) == 0 ? 0 : errno;
}

int ctl_screen_open(void)
{
    struct sigaction act;
    size_t i;
    int error = 0;

    quit = resized = 0;
    has_keys = isatty(STDIN_FILENO);
    if (has_keys) {
        error = tcgetattr(STDIN_FILENO, &before) == 0 ? 0 : errno;
    }
    if (error) {
        return error;
    }
    memset(&act, 0, sizeof(act));
    act.sa_handler = note;
    sigemptyset(&act.sa_mask);
    for (i = 0; i < ENDING; i++) {
        sigaction(ending[i], &act, &actions[i]);
    }
    sigaction(SIGWINCH, &act, &actions[ENDING]);
    sigaction(SIGCONT, &act, &actions[ENDING + 1]);
    taken = 1;
    error = has_keys ? set_mode() : 0;
    if (error) {
        ctl_screen_close();
        return error;
    }
    put(ENTER);
    return 0;
}

void ctl_screen_close(void)
{
    size_t i;

    if (!taken) {
        return;
    }
    taken = 0;
    put(LEAVE);
    if (has_keys) {
        tcsetattr(STDIN_FILENO, TCSADRAIN, &before);
    }
    for (i = 0; i < ENDING; i++) {
        sigaction(ending[i], &actions[i], NULL);
    }
    sigaction(SIGWINCH, &actions[ENDING], NULL);
    sigaction(SIGCONT, &actions[ENDING + 1], NULL);
}

void ctl_screen_size(int *lines, int *columns)
{
    struct winsize size;
    int known = ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0;

    *lines = known && size.ws_row ? size.ws_row : 24;
    *columns = known && size.ws_col ? size.ws_col : 80;
}

int ctl_screen_cut(const char *text, int columns)
{
    int i = 0, n = 0;

    /* A byte 10xxxxxx goes on with a character. */
    while (text[i] && (n < columns || ((unsigned char)text[i] & 0xc0) == 0x80)) {
        n += ((unsigned char)text[i + 1] & 0xc0) != 0x80;
        i++;
    }
    return i;
}

void ctl_screen_draw(const apr_array_header_t *lines)
{
    int rows, columns, i;

    ctl_screen_size(&rows, &columns);
    fputs(HOME, stdout);
    for (i = 0; i < lines->nelts && i < rows; i++) {
        const char *line = APR_ARRAY_IDX(lines, i, const char *);
        int n = ctl_screen_cut(line, columns);

        /* Where a line is full, the rest of it is that last character. */
        printf("%s%.*s%s", i ? "\r\n" : "", n, line, ctl_screen_cut(line, columns - 1) < n ? "" : END_LINE);
    }
    put(i < rows ? "\r\n" END_BELOW : "");
}

/** The bytes of a key's sequence (an arrow: ESC [ A) at its beginning. */
static ssize_t sequence(const char *keys, ssize_t n)
{
    ssize_t i = n > 1 && (keys[1] == '[' || keys[1] == 'O') ? 2 : 1;

    while (i > 1 && i < n && (keys[i] < '@' || keys[i] > '~')) {
        i++;
    }
    return i > 1 ? i + 1 : 1;
}

/** Keys: q ends, a blank asks for the next report; others do nothing. */
static ctl_screen_event read_key(void)
{
    ctl_screen_event event = CTL_SCREEN_SIZE;
    char keys[16];
    ssize_t n = read(STDIN_FILENO, keys, sizeof(keys)), i;

    if (n == 0) {
        return CTL_SCREEN_QUIT;         /* the terminal is gone */
    }
    for (i = 0; i < n && event != CTL_SCREEN_QUIT; i += keys[i] == 27 ? sequence(keys + i, n - i) : 1) {
        event = keys[i] == 'q' || keys[i] == 'Q' || keys[i] == 4 ? CTL_SCREEN_QUIT
                : keys[i] == ' ' ? CTL_SCREEN_TIME : event;
    }
    return event;
}

ctl_screen_event ctl_screen_wait(apr_interval_time_t time)
{
    struct pollfd key = { STDIN_FILENO, POLLIN, 0 };
    struct timespec most;
    sigset_t all, none;
    int n = 0;

    time = time > 0 ? time : 0;
    most.tv_sec = (time_t)apr_time_sec(time);
    most.tv_nsec = (long)apr_time_usec(time) * 1000;
    /* Signals come while it waits, and at no other moment: none is missed between the check and the wait. */
    sigfillset(&all);
    sigprocmask(SIG_BLOCK, &all, &none);
    if (!quit && !resized) {
        n = ppoll(&key, has_keys, &most, &none);
    }
    sigprocmask(SIG_SETMASK, &none, NULL);
    if (quit) {
        return CTL_SCREEN_QUIT;
    }
    if (resized) {
        resized = 0;
        return CTL_SCREEN_SIZE;
    }
    return n > 0 ? read_key() : n == 0 ? CTL_SCREEN_TIME : CTL_SCREEN_SIZE;
}
