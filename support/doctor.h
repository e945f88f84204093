/**
 * doctor - the findings of `kissctl doctor`, and its checks of rights (doctor_rights.c).
 *
 * A problem stops customers from being served rightly (exit status 1); a warning is worth a look; the rest is fine.
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

/** Adds a finding; `advice` says what to do, NULL when there is nothing to do. */
void doctor_finding(doctor *d, const char *check, doctor_state state, const char *advice, const char *fmt, ...)
    __attribute__((format(printf, 5, 6)));

/** Tries what kissctl's own account may do with each table. */
void doctor_check_own_rights(doctor *d);

/** Compares what the module's account may do with grants.sql, as far as kissctl's account may see it. */
void doctor_check_module_rights(doctor *d);

/** Looks at the directory of the answers that are kept. */
void doctor_check_cache(doctor *d);

#endif
