/* SPDX-License-Identifier: Apache-2.0 */
/**
 * doctor - the findings of `kissctl doctor`.
 *
 * A problem keeps customers from being served correctly (exit status 1); a warning should be checked; the rest is fine.
 * Single-threaded.
 */
#ifndef DOCTOR_H
#define DOCTOR_H

#include <apr_tables.h>

#include "ctl.h"

/** The state of a finding. */
typedef enum {
    DOCTOR_OK, DOCTOR_WARNING, DOCTOR_PROBLEM
} doctor_state;

/** The findings so far. */
typedef struct {
    ctl *c;
    apr_array_header_t *rows;           /**< of const char **: check, state, finding, what to do */
    int problems;
} doctor;

/** Adds a finding; `advice` is what to do about it, NULL: nothing. */
void doctor_finding(doctor *d, const char *check, doctor_state state, const char *advice, const char *fmt, ...)
    __attribute__((format(printf, 5, 6)));

/** `list`, a list of texts, with text `i`, from 0: the first ten are named, "..." replaces the others. */
const char *doctor_append(doctor *d, const char *list, int i, const char *text);

/** A number from the database; -1 when it could not be queried, which is a finding. */
apr_int64_t doctor_number(doctor *d, const char *check, const char *sql);

/**
 * A finding about the codes that a query returns: `fine` when there are none, else their number, `bad`, and their names.
 *
 * @param bad what one of them is, a bar, and what several are: "customer without key|customers without key"
 */
void doctor_list(doctor *d, const char *check, doctor_state state, const char *sql, const char *fine, const char *bad,
                 const char *advice);

/** Writes all findings to standard output. */
void doctor_print(const doctor *d);

#endif
