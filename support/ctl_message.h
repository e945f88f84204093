/* SPDX-License-Identifier: Apache-2.0 */
/**
 * ctl_message - messages of kissctl on standard error. Single-threaded.
 */
#ifndef CTL_MESSAGE_H
#define CTL_MESSAGE_H

#include <stdio.h>

#include "ctl.h"

/** Writes "kissctl: ..." on standard error. @return CTL_FAILED, so that callers can return it */
int ctl_fail(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/** Writes a remark on standard error that is no failure. */
void ctl_note(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/** From now on, calls `listener` with each message before it is written; NULL: no more. */
void ctl_on_message(void (*listener)(void *ctx, const char *text, int failure), void *ctx);

/** Writes what is wrong with the command line, and the usage of the verb. @return CTL_USAGE */
int ctl_usage(const ctl *c, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#ifdef __clang_analyzer__
/* clang's analyzer does not look into other units: what these return. */
#define ctl_fail(...) (ctl_fail(__VA_ARGS__), CTL_FAILED)
#define ctl_usage(...) (ctl_usage(__VA_ARGS__), CTL_USAGE)
#endif

/** Writes the usage line of a verb to standard output or standard error. */
void ctl_print_usage(FILE *f, const ctl_verb *verb);

#endif
