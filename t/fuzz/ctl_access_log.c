/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzz target: access logs. The input as lines; and one line whose time the C library has written. */
#include <string.h>
#include <time.h>

#include <apr_strings.h>

#include "ctl_access_log.h"
#include "fuzz.h"

#define CALLER "C1"

static void check_rows(const ctl_access_log *log)
{
    apr_int64_t requests = 0;
    int i, k;

    for (i = 0; i < log->rows->nelts; i++) {
        const ctl_access_row *row = &APR_ARRAY_IDX(log->rows, i, ctl_access_row);

        MUST(row->bytes >= 0);
        MUST(row->requests > 0 && !strchr(row->endpoint, ' ') && row->first <= row->last);
        MUST(row->unchanged + row->limited + row->refused + row->failed <= row->requests);
        requests += row->requests;
        for (k = 0; k < i; k++) {
            MUST(strcmp(row->endpoint, APR_ARRAY_IDX(log->rows, k, ctl_access_row).endpoint) != 0);
        }
    }
    MUST(requests <= log->lines);
}

/** All lines of a text: each is one in the format, or a strange one. */
static void check_lines(const char *text, apr_pool_t *p)
{
    ctl_access_log *log = ctl_access_log_make(p);
    int n = 0;

    while (*text) {
        size_t len = strcspn(text, "\n");

        ctl_access_log_line(log, apr_pstrmemdup(p, text, len), CALLER, 0);
        text += len + (text[len] == '\n');
        n++;
    }
    MUST(log->lines + log->strange == n);
    check_rows(log);
}

/** A line of ours: its time is what the C library says, whatever the path is. */
static void check_written(const char *path, time_t when, int zone, apr_pool_t *p)
{
    ctl_access_log *log = ctl_access_log_make(p);
    time_t local = when + zone * 60;
    const ctl_access_row *row;
    char text[64], *escaped = apr_palloc(p, strlen(path) * 2 + 1), *to = escaped, *line;
    struct tm t;

    MUST(gmtime_r(&local, &t) && strftime(text, sizeof(text), "%d/%b/%Y:%H:%M:%S", &t));
    for (; *path; path++) {
        if (*path == '"' || *path == '\\') {
            *to++ = '\\';
        }
        *to++ = *path == '\n' ? 'n' : *path;
    }
    *to = '\0';
    line = apr_psprintf(p, "192.0.2.1 " CALLER " [%s %c%02d%02d] \"GET %s HTTP/1.1\" 304 17 \"-\" endpoint=prices x=y", text,
                        zone < 0 ? '-' : '+', abs(zone) / 60, abs(zone) % 60, escaped);
    ctl_access_log_line(log, line, CALLER, 0);
    MUST(log->lines == 1 && log->strange == 0 && log->rows->nelts == 1);
    row = &APR_ARRAY_IDX(log->rows, 0, ctl_access_row);
    MUST(strcmp(row->endpoint, "prices") == 0 && row->unchanged == 1 && row->bytes == 17);
    MUST(row->first == row->last && row->first == (apr_time_t)when * 1000000);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    apr_pool_t *p = fuzz_pool();
    fuzz_bytes in = { (const char *)data, size };
    time_t when = 1;
    const char *path;
    size_t len;
    int i, zone;

    check_lines(apr_pstrmemdup(p, (const char *)data, size), p);
    for (i = 0; i < 4; i++) {
        when = when << 8 | (time_t)fuzz_byte(&in);
    }
    zone = (int)fuzz_byte(&in) * 12 % 1560 - 720;
    path = fuzz_text(&in, &len, p);
    check_written(path, when, zone, p);
    apr_pool_clear(p);
    return 0;
}
