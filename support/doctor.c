/* SPDX-License-Identifier: Apache-2.0 */
/**
 * doctor - the list of findings: adding to it, queries that make a finding, printing.
 */
#include "doctor.h"

#include <stdarg.h>
#include <stdio.h>

#include <apr_strings.h>

#include "ctl_db.h"
#include "ctl_out.h"
#include "lib/base/plural.h"

/** Items of a list that a finding names; "..." replaces the others. */
#define MOST_NAMED 10

void doctor_finding(doctor *d, const char *check, doctor_state state, const char *advice, const char *fmt, ...)
{
    static const char *const words[] = {"ok", "warning", "PROBLEM"};
    const char **row = apr_palloc(d->c->pool, sizeof(*row) * 4);
    va_list args;

    va_start(args, fmt);
    row[0] = check;
    row[1] = words[state];
    row[2] = apr_pvsprintf(d->c->pool, fmt, args);
    row[3] = advice;
    va_end(args);
    APR_ARRAY_PUSH(d->rows, const char **) = row;
    d->problems += state == DOCTOR_PROBLEM;
}

const char *doctor_append(doctor *d, const char *list, int i, const char *text)
{
    return i > MOST_NAMED ? list : i == MOST_NAMED ? apr_pstrcat(d->c->pool, list, ", ...", NULL)
        : apr_pstrcat(d->c->pool, list, i ? ", " : "", text, NULL);
}

apr_int64_t doctor_number(doctor *d, const char *check, const char *sql)
{
    const char *value;

    if (ctl_db_value(d->c, &value, sql, 0) != CTL_OK || !value) {
        doctor_finding(d, check, DOCTOR_PROBLEM, "see the message of the database above", "could not be checked");
        return -1;
    }
    return apr_atoi64(value);
}

void doctor_list(doctor *d, const char *check, doctor_state state, const char *sql, const char *fine,
                 const char *bad, const char *advice)
{
    apr_array_header_t *rows;
    const char *list = "";
    int i;

    if (ctl_db_rows(d->c, &rows, d->c->pool, sql, 0) != CTL_OK) {
        doctor_finding(d, check, DOCTOR_PROBLEM, "see the message of the database above", "could not be checked");
        return;
    }
    for (i = 0; i < rows->nelts; i++) {
        list = doctor_append(d, list, i, CTL_ROW(rows, i)[0]);
    }
    if (rows->nelts == 0) {
        doctor_finding(d, check, DOCTOR_OK, NULL, "%s", fine);
    }
    else {
        const char *bar = strchr(bad, '|');
        const char *what = KISS_PLURAL(rows->nelts, apr_pstrmemdup(d->c->pool, bad, (apr_size_t)(bar - bad)), bar + 1);

        doctor_finding(d, check, state, advice, "%d %s: %s", rows->nelts, what, list);
    }
}

void doctor_print(const doctor *d)
{
    static const out_column columns[] = {{"Check", OUT_TEXT}, {"State", OUT_TEXT}, {"Finding", OUT_TEXT},
                                         {"Action", OUT_TEXT}};
    int i;

    if (d->c->json) {
        ctl_out_rows(d->c, columns, 4, d->rows);
        return;
    }
    for (i = 0; i < d->rows->nelts; i++) {
        const char **row = CTL_ROW(d->rows, i);

        printf("%-8s %s: ", row[1], row[0]);
        ctl_out_safe(stdout, row[2]);
        fputs(row[3] ? "\n         -> " : "", stdout);
        ctl_out_safe(stdout, row[3] ? row[3] : "");
        fputc('\n', stdout);
    }
}
