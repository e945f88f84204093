/* SPDX-License-Identifier: Apache-2.0 */
/**
 * ctl_access_log - reads access logs in the format `kiss`.
 */
#include "ctl_access_log.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <apr_lib.h>
#include <apr_strings.h>

#define LINE 16384                      /* longest line that is read; a longer one is none of ours */
#define MOST_ENDPOINTS 100

ctl_access_log *ctl_access_log_make(apr_pool_t *p)
{
    ctl_access_log *u = apr_pcalloc(p, sizeof(*u));

    u->rows = apr_array_make(p, 16, sizeof(ctl_access_row));
    u->pool = p;
    return u;
}

/** The time of `02/Nov/2026:10:11:12 +0100`; 0 when it is none. */
static apr_time_t time_of(const char *text)
{
    static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    char month[4] = "", sign;
    int day, year, h, m, s, zone;
    apr_time_exp_t t = {0};
    const char *at;
    apr_time_t time;

    if (sscanf(text, "%2d/%3[A-Za-z]/%4d:%2d:%2d:%2d %c%4d", &day, month, &year, &h, &m, &s, &sign, &zone) != 8
        || !(at = strstr(months, month)) || (at - months) % 3 != 0) {
        return 0;
    }
    t.tm_mday = day;
    t.tm_mon = (int)(at - months) / 3;
    t.tm_year = year - 1900;
    t.tm_hour = h;
    t.tm_min = m;
    t.tm_sec = s;
    t.tm_gmtoff = (sign == '-' ? -1 : 1) * (zone / 100 * 3600 + zone % 100 * 60);
    return apr_time_exp_gmt_get(&time, &t) == APR_SUCCESS ? time : 0;
}

/** The row of an endpoint; NULL when there are too many for a real log. */
static ctl_access_row *row_of(ctl_access_log *u, const char *endpoint)
{
    ctl_access_row *row;
    int i;

    for (i = 0; i < u->rows->nelts; i++) {
        row = &APR_ARRAY_IDX(u->rows, i, ctl_access_row);
        if (strcmp(row->endpoint, endpoint) == 0) {
            return row;
        }
    }
    if (i == MOST_ENDPOINTS) {
        return NULL;
    }
    row = apr_array_push(u->rows);
    memset(row, 0, sizeof(*row));
    row->endpoint = apr_pstrdup(u->pool, endpoint);
    return row;
}

static void count(ctl_access_row *row, int status, apr_int64_t bytes, apr_time_t time)
{
    row->requests++;
    row->unchanged += status == 304;
    row->limited += status == 429;
    row->refused += status >= 400 && status < 500 && status != 429;
    row->failed += status >= 500;
    /* A log may have been altered: no sum is larger than its type. */
    row->bytes = bytes < 0 ? row->bytes : bytes < APR_INT64_MAX - row->bytes ? row->bytes + bytes : APR_INT64_MAX;
    row->first = !row->first || time < row->first ? time : row->first;
    row->last = time > row->last ? time : row->last;
}

/** Ends the text at `mark`. @return what follows, or NULL */
static char *cut(char *text, const char *mark)
{
    char *at = text ? strstr(text, mark) : NULL;

    if (at) {
        *at = '\0';
        at += strlen(mark);
    }
    return at;
}

/* ADDRESS CALLER [TIME] "METHOD PATH VERSION" STATUS BYTES ... endpoint=NAME ... */
void ctl_access_log_line(ctl_access_log *u, char *line, const char *caller, apr_time_t since)
{
    char *who = cut(line, " "), *when = cut(who, " ["), *request = cut(when, "] \""), *end;
    char *status = NULL, *endpoint;
    ctl_access_row *row;
    apr_time_t time;

    /* A quotation mark in the path is written \". */
    for (end = request; end && *end && *end != '"'; end++) {
        end += *end == '\\' && end[1];
    }
    if (end && strncmp(end, "\" ", 2) == 0 && apr_isdigit(end[2])) {
        status = end + 2;
    }
    endpoint = status ? strstr(status, " endpoint=") : NULL;
    time = when ? time_of(when) : 0;
    if (!endpoint || !time) {
        u->strange++;
        return;
    }
    u->lines++;
    if (time < since || strcmp(who, caller) != 0) {
        return;
    }
    endpoint += sizeof(" endpoint=") - 1;
    endpoint[strcspn(endpoint, " ")] = '\0';
    row = row_of(u, endpoint);
    if (row) {
        char *bytes = strchr(status, ' ');

        count(row, (int)apr_atoi64(status), bytes ? apr_atoi64(bytes + 1) : 0, time);
    }
}

apr_status_t ctl_access_log_file(ctl_access_log *u, const char *path, const char *caller, apr_time_t since)
{
    const int is_stdin = strcmp(path, "-") == 0;
    FILE *f = is_stdin ? stdin : fopen(path, "r");
    char line[LINE];
    apr_status_t rv;

    if (!f) {
        return APR_FROM_OS_ERROR(errno);
    }
    while (fgets(line, sizeof(line), f)) {
        apr_size_t n = strlen(line);

        if (n > 0 && line[n - 1] == '\n') {
            line[n - 1] = '\0';
            ctl_access_log_line(u, line, caller, since);
            continue;
        }
        u->strange++;
        while (n == sizeof(line) - 1 && line[n - 1] != '\n' && fgets(line, sizeof(line), f)) {
            n = strlen(line);
        }
    }
    rv = ferror(f) ? APR_FROM_OS_ERROR(errno) : APR_SUCCESS;
    if (!is_stdin) {
        fclose(f);
    }
    return rv;
}
