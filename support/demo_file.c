/* SPDX-License-Identifier: Apache-2.0 */
/**
 * demo_file - writes CSV files of made-up data.
 */
#include "demo_file.h"

#include <stdarg.h>
#include <string.h>

#include <apr_strings.h>

#include "ctl_message.h"
#include "lib/base/decimal.h"

int demo_pick(int what, int id, int n)
{
    /* splitmix64 */
    apr_uint64_t x = ((apr_uint64_t)what << 32) + (apr_uint64_t)id + 0x9e3779b97f4a7c15ULL;

    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ULL;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebULL;
    return (int)((x ^ (x >> 31)) % (apr_uint64_t)n);
}

int demo_day(int year, int month, int day)
{
    /* The year is taken to begin in March: a leap day is then its last. */
    int y = month <= 2 ? year - 1 : year, m = month <= 2 ? month + 9 : month - 3;

    return 365 * y + y / 4 - y / 100 + y / 400 + (153 * m + 2) / 5 + day - 719469;
}

/** The other way, as YYYY-MM-DD. */
static void print_day(char out[16], int day)
{
    int year = 1970 + day / 366, month = 1;

    while (demo_day(year + 1, 1, 1) <= day) {
        year++;
    }
    while (month < 12 && demo_day(year, month + 1, 1) <= day) {
        month++;
    }
    apr_snprintf(out, 16, "%04d-%02d-%02d", year, month, day - demo_day(year, month, 1) + 1);
}

static void fail(demo_file *f, apr_status_t rv)
{
    if (!f->d->failed) {
        f->d->failed = 1;
        ctl_fail("cannot write %s: %s%s", f->path, apr_psprintf(f->d->pool, "%pm", &rv),
                 APR_STATUS_IS_EEXIST(rv) ? ". Name a folder without such files." : "");
    }
}

static void put(demo_file *f, const char *text, apr_size_t len)
{
    apr_status_t rv;

    if (!f->d->failed && (rv = apr_file_write_full(f->f, text, len, NULL)) != APR_SUCCESS) {
        fail(f, rv);
    }
}

void demo_open(demo *d, demo_file *f, const char *name, const char *header)
{
    apr_status_t rv;

    f->d = d;
    f->rows = 0;
    f->path = apr_pstrcat(d->pool, d->dir, "/", name, NULL);
    if (d->failed) {
        return;
    }
    rv = apr_file_open(&f->f, f->path, APR_FOPEN_WRITE | APR_FOPEN_CREATE | APR_FOPEN_EXCL | APR_FOPEN_BUFFERED,
                       APR_OS_DEFAULT, d->pool);
    if (rv != APR_SUCCESS) {
        fail(f, rv);
    }
    put(f, header, strlen(header));
    put(f, "\n", 1);
}

static void put_text(demo_file *f, const char *text)
{
    const char *c;

    if (!text[strcspn(text, ",\"\r\n")]) {
        put(f, text, strlen(text));
        return;
    }
    put(f, "\"", 1);
    for (c = text; *c; c++) {
        put(f, *c == '"' ? "\"\"" : c, *c == '"' ? 2 : 1);
    }
    put(f, "\"", 1);
}

/** Decimals after the second are left out when they are zeros. */
static void put_decimal(demo_file *f, apr_int64_t value, int scale)
{
    char text[KISS_DECIMAL_TEXT];
    int len = kiss_decimal_format(text, value, scale);

    while (scale-- > 2 && text[len - 1] == '0') {
        len--;
    }
    put(f, text, (apr_size_t)len);
}

/** A day as demo_row() defines it. */
static void put_day(demo_file *f, int day, char type)
{
    char text[16], time[24];

    if (day == DEMO_NONE) {
        return;
    }
    print_day(text, day);
    put(f, text, strlen(text));
    if (type == 'a') {
        put(f, "T07:00:00.000Z", 14);
    }
    else if (type == 't') {
        apr_snprintf(time, sizeof(time), "T%02d:%02d:%02d.%03dZ", 6 + demo_pick(1, f->rows, 14),
                     demo_pick(2, f->rows, 60), demo_pick(3, f->rows, 60), demo_pick(4, f->rows, 1000));
        put(f, time, strlen(time));
    }
}

static void put_cell(demo_file *f, char type, va_list *values)
{
    const char *text;
    int i;

    switch (type) {
    case 's':
        text = va_arg(*values, const char *);
        put_text(f, text ? text : "");
        break;
    case 'm':
        put_decimal(f, va_arg(*values, apr_int64_t), 6);
        break;
    case 'u':
        put_decimal(f, va_arg(*values, apr_int64_t), 2);
        break;
    case 'd':
    case 'a':
    case 't':
        put_day(f, va_arg(*values, int), type);
        break;
    default:
        i = va_arg(*values, int);
        if (i != DEMO_NONE) {
            char number[16];

            apr_snprintf(number, sizeof(number), "%d", type == 'b' ? i != 0 : i);
            put(f, number, strlen(number));
        }
        break;
    }
}

void demo_row(demo_file *f, const char *types, ...)
{
    va_list values;
    const char *type;

    f->rows++;
    va_start(values, types);
    for (type = types; *type && !f->d->failed; type++) {
        if (type > types) {
            put(f, ",", 1);
        }
        put_cell(f, *type, &values);
    }
    va_end(values);
    put(f, "\n", 1);
}

void demo_close(demo_file *f)
{
    apr_status_t rv;

    if (!f->d->failed && (rv = apr_file_close(f->f)) != APR_SUCCESS) {
        fail(f, rv);
    }
}
