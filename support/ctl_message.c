/* SPDX-License-Identifier: Apache-2.0 */
/**
 * ctl_message - messages of kissctl on standard error: failures, notes, wrong usage.
 */
#include "ctl_message.h"

#include <stdarg.h>
#include <stdio.h>

#ifdef __clang_analyzer__
#undef ctl_fail
#undef ctl_usage
#endif

/** What ctl_on_message() set. */
static void (*on_message)(void *ctx, const char *text, int failure);
static void *on_message_ctx;

void ctl_on_message(void (*listener)(void *ctx, const char *text, int failure), void *ctx)
{
    on_message = listener;
    on_message_ctx = ctx;
}

static void write_message(int failure, const char *fmt, va_list args)
{
    char text[2048];
    va_list again;

    va_copy(again, args);
    if (on_message) {
        vsnprintf(text, sizeof(text), fmt, again);
        on_message(on_message_ctx, text, failure);
    }
    va_end(again);
    fflush(stdout);
    fputs("kissctl: ", stderr);
    vfprintf(stderr, fmt, args);
    fputc('\n', stderr);
}

int ctl_fail(const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    write_message(1, fmt, args);
    va_end(args);
    return CTL_FAILED;
}

void ctl_note(const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    write_message(0, fmt, args);
    va_end(args);
}

void ctl_print_usage(FILE *f, const ctl_verb *verb)
{
    fprintf(f, "usage: kissctl %s%s%s%s%s\n", verb->words, *verb->args ? " " : "", verb->args,
            *verb->usage ? " " : "", verb->usage);
}

int ctl_usage(const ctl *c, const char *fmt, ...)
{
    va_list args;

    fputs("kissctl: ", stderr);
    va_start(args, fmt);
    vfprintf(stderr, fmt, args);
    va_end(args);
    fputc('\n', stderr);
    if (c->verb) {
        ctl_print_usage(stderr, c->verb);
    }
    else {
        fputs("usage: kissctl VERB [OPTION...]; 'kissctl --help' lists the verbs\n", stderr);
    }
    return CTL_USAGE;
}
