/* SPDX-License-Identifier: Apache-2.0 */
/**
 * import_progress - how far a run is, in one line of a terminal that is written again a few times a second.
 *
 * The working thread notes where it is (cheap enough for every few hundred rows); another one draws, also while a long
 * statement runs: the seconds go on. One percentage over all files and steps, and never wider than the terminal.
 * What prints something else clears the line first, and nothing is drawn until the work goes on.
 */
#include "import_progress.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <apr_strings.h>

#define BAR 24
#define BAR_LEAST 8
#define WIDTH_MAX 250
#define PERCENT 5                       /* columns of "100 %" */

/** What the steps are called, and what they take for each byte of their files, reading = 100. From measurements. */
static const struct {
    const char *doing;
    int weight;
} steps[] = {
    [IMPORT_WAITING] = {"waiting for other writers", 0},
    [IMPORT_READING] = {"reading", 100},
    [IMPORT_CHECKING] = {"checking", 10},
    [IMPORT_COMPARING] = {"comparing", 15},
    [IMPORT_LOOKING] = {"looking at", 0},
    [IMPORT_ROOM] = {"making room for", 0},
    [IMPORT_ADDING] = {"adding", 50},
    [IMPORT_CHANGING] = {"changing", 15},
    [IMPORT_REMOVING] = {"removing", 5},
    [IMPORT_FOLLOWING] = {"working out what follows", 0},
    [IMPORT_COMMITTING] = {"committing", 0},
};

#define STEPS ((int)(sizeof(steps) / sizeof(*steps)))

struct import_progress {
    pthread_mutex_t lock;           /* guards everything below */
    apr_time_t started;
    int at_work;                    /* there is something to draw */
    int drawn;                      /* the terminal shows a line */
    const char *doing, *file;       /* file: "" when it is about none */
    int percent;
    apr_uint64_t rows;              /* read so far; 0: not reading */
    apr_time_t read_for;
};

void import_progress_start(import_run *run)
{
    const char *kind = getenv("TERM");

    if (isatty(STDERR_FILENO) && kind && *kind && strcmp(kind, "dumb") != 0) {
        run->progress = apr_pcalloc(run->c->pool, sizeof(*run->progress));
        pthread_mutex_init(&run->progress->lock, NULL);
        run->progress->started = run->started;
    }
}

/** Bytes of all files, or of those that come before `part` in a step. */
static apr_off_t bytes_before(const import_run *run, const import_part *part, import_step step)
{
    int i, n = run->set->n;
    apr_off_t sum = 0;

    for (i = 0; i < n; i++) {
        const import_part *one = &run->parts[step == IMPORT_REMOVING ? n - 1 - i : i];

        if (one == part) {
            break;
        }
        sum += one->size;
    }
    return sum;
}

/** How much of all work is done, in percent. */
static int percent_of(const import_run *run, const import_part *part, import_step step, apr_uint64_t bytes)
{
    double done = 0, all = 0, size = (double)bytes_before(run, NULL, step);
    int i;

    for (i = 0; i < STEPS; i++) {
        all += size * steps[i].weight;
        done += i < (int)step ? size * steps[i].weight : 0;
    }
    done += steps[step].weight * (part ? (double)bytes_before(run, part, step) + (double)bytes : 0);
    return all > 0 ? (int)(done * 99 / all) : 0;
}

void import_progress(import_run *run, const import_part *part, import_step step, apr_uint64_t bytes)
{
    struct import_progress *p = run->progress;
    int percent, i;

    if (!p) {
        return;
    }
    percent = percent_of(run, part, step, bytes);
    pthread_mutex_lock(&p->lock);
    p->at_work = 1;
    p->doing = steps[step].doing;
    p->file = part ? part->shown : "";
    p->percent = percent > p->percent ? percent : p->percent;
    p->rows = 0;
    if (step == IMPORT_READING && bytes > 0) {
        for (i = 0; i < run->set->n; i++) {
            p->rows += run->parts[i].made ? 0 : run->parts[i].rows;
        }
        p->read_for = apr_time_now() - run->read_started;
    }
    pthread_mutex_unlock(&p->lock);
}

/** Columns of the terminal that may be used: the last one would wrap on some. */
static int width_of_terminal(void)
{
    const char *columns = getenv("COLUMNS");
    struct winsize size;
    apr_int64_t width = 80;

    if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) {
        width = size.ws_col;
    }
    else if (columns && apr_atoi64(columns) > 0) {
        width = apr_atoi64(columns);
    }
    return (int)(width < WIDTH_MAX ? width : WIDTH_MAX) - 1;
}

/** Appends `more` if it fits. */
static void add(char *line, int width, const char *more)
{
    const apr_size_t n = strlen(line), len = strlen(more);

    if (n + len <= (apr_size_t)width) {
        memcpy(line + n, more, len + 1);
    }
}

/** Writes the line into `text`, which has room for WIDTH_MAX columns. */
static void write_line(char *text, const struct import_progress *p)
{
    char line[WIDTH_MAX + 1], more[64], bar[BAR + 8] = "";
    int width = width_of_terminal(), room, full;

    snprintf(line, sizeof(line), " %s%s%s", p->doing, *p->file ? " " : "", p->file);
    snprintf(more, sizeof(more), ", %ld s", (long)apr_time_sec(apr_time_now() - p->started));
    add(line, width - PERCENT, more);
    if (p->rows > 0 && p->read_for > 0) {
        snprintf(more, sizeof(more), ", %.0f rows/s", (double)p->rows * APR_USEC_PER_SEC / (double)p->read_for);
        add(line, width - PERCENT, more);
    }
    room = width - PERCENT - (int)strlen(line) - 3;
    room = room > BAR ? BAR : room;
    if (room >= BAR_LEAST) {
        full = p->percent * room / 100;
        snprintf(bar, sizeof(bar), " [%.*s%*s]", full, "########################", room - full, "");
    }
    snprintf(text, (apr_size_t)width + 1, "%3d %%%s%s", p->percent, bar, line);
}

void import_progress_draw(import_run *run)
{
    struct import_progress *p = run->progress;
    char text[WIDTH_MAX + 1], out[sizeof(text) + 8];

    pthread_mutex_lock(&p->lock);
    if (p->at_work) {
        write_line(text, p);
        snprintf(out, sizeof(out), "\r\033[K%s", text);
        fputs(out, stderr);                 /* in one piece: half a line is never seen */
        p->drawn = 1;
    }
    pthread_mutex_unlock(&p->lock);
}

void import_progress_pause(import_run *run)
{
    struct import_progress *p = run->progress;

    if (p) {
        pthread_mutex_lock(&p->lock);
        if (p->drawn) {
            fputs("\r\033[K", stderr);
        }
        p->drawn = p->at_work = 0;
        pthread_mutex_unlock(&p->lock);
    }
}
