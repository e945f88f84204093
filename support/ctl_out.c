/* SPDX-License-Identifier: Apache-2.0 */
/**
 * ctl_out - data on standard output: tables, JSON, CSV.
 */
#include "ctl_out.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <apr_strings.h>
#include <json-c/json.h>

#define JSON_FLAGS (JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_SPACED | JSON_C_TO_STRING_NOSLASHESCAPE)

/** Characters of a UTF-8 text: near enough to columns on a screen. */
static int width_of(const char *text)
{
    int n = 0;

    for (; *text; text++) {
        n += ((unsigned char)*text & 0xc0) != 0x80;
    }
    return n;
}

void ctl_out_safe(FILE *f, const char *text)
{
    for (; *text; text++) {
        unsigned char ch = (unsigned char)*text;

        fputc(ch < 0x20 || ch == 0x7f ? '?' : ch, f);
    }
}

/** "1,2" as an array. */
static struct json_object *numbers_of(const char *text)
{
    struct json_object *all = json_object_new_array();

    for (; text; text = strchr(text, ',') ? strchr(text, ',') + 1 : NULL) {
        json_object_array_add(all, json_object_new_int64(strtoll(text, NULL, 10)));
    }
    return all;
}

static struct json_object *value_of(const out_column *column, const char *text)
{
    if (!text) {
        return NULL;
    }
    switch (column->type) {
    case OUT_NUMBERS:
        return numbers_of(text);
    case OUT_FLAG:
        return json_object_new_boolean(*text == '1');
    case OUT_NUMBER:
        /* The digits travel as text; the double is only what json-c itself would compute with. */
        return json_object_new_double_s(strtod(text, NULL), text);
    case OUT_TEXT:
    default:
        return json_object_new_string(text);
    }
}

static struct json_object *object_of(const out_column *columns, int n, const char *const *row)
{
    struct json_object *o = json_object_new_object();
    int i;

    for (i = 0; i < n; i++) {
        json_object_object_add(o, columns[i].name, value_of(&columns[i], row[i]));
    }
    return o;
}

static void print_json(struct json_object *o)
{
    puts(json_object_to_json_string_ext(o, JSON_FLAGS));
    json_object_put(o);
}

static const char *shown(const out_column *column, const char *text)
{
    if (!text) {
        return "-";
    }
    return column->type == OUT_FLAG ? (*text == '1' ? "yes" : "no") : text;
}

/** One cell of the table: numbers to the right, the last column without trailing blanks. */
static void print_cell(const char *text, int width, int right, int last)
{
    int pad = width - width_of(text);

    if (right) {
        printf("%*s", pad > 0 ? pad : 0, "");
    }
    ctl_out_safe(stdout, text);
    if (!right && !last) {
        printf("%*s", pad > 0 ? pad : 0, "");
    }
    fputs(last ? "\n" : "  ", stdout);
}

static void print_table(const ctl *c, const out_column *columns, int n, const apr_array_header_t *rows)
{
    int *widths = apr_palloc(c->pool, sizeof(*widths) * n), i, k;

    for (k = 0; k < n; k++) {
        widths[k] = width_of(columns[k].name);
        for (i = 0; i < rows->nelts; i++) {
            int width = width_of(shown(&columns[k], APR_ARRAY_IDX(rows, i, const char **)[k]));

            widths[k] = width > widths[k] ? width : widths[k];
        }
    }
    for (k = 0; k < n; k++) {
        print_cell(columns[k].name, widths[k], columns[k].type == OUT_NUMBER, k + 1 == n);
    }
    for (i = 0; i < rows->nelts; i++) {
        for (k = 0; k < n; k++) {
            print_cell(shown(&columns[k], APR_ARRAY_IDX(rows, i, const char **)[k]), widths[k],
                       columns[k].type == OUT_NUMBER, k + 1 == n);
        }
    }
}

void ctl_out_rows(const ctl *c, const out_column *columns, int n, const apr_array_header_t *rows)
{
    struct json_object *all;
    int i;

    if (!c->json) {
        print_table(c, columns, n, rows);
        return;
    }
    all = json_object_new_array();
    for (i = 0; i < rows->nelts; i++) {
        json_object_array_add(all, object_of(columns, n, APR_ARRAY_IDX(rows, i, const char **)));
    }
    print_json(all);
}

/** One cell of CSV: in quotes where the text needs them. */
static void print_csv_cell(const char *text, int last)
{
    int quotes = text && text[strcspn(text, ",\"\r\n")];

    fputs(quotes ? "\"" : "", stdout);
    for (; text && *text; text++) {
        fputs(*text == '"' ? "\"" : "", stdout);
        putchar(*text);
    }
    fputs(quotes ? "\"" : "", stdout);
    fputs(last ? "\r\n" : ",", stdout);
}

void ctl_out_csv(const out_column *columns, int n, const apr_array_header_t *rows)
{
    int i, k;

    for (k = 0; k < n; k++) {
        print_csv_cell(columns[k].name, k + 1 == n);
    }
    for (i = 0; i < rows->nelts; i++) {
        for (k = 0; k < n; k++) {
            print_csv_cell(APR_ARRAY_IDX(rows, i, const char **)[k], k + 1 == n);
        }
    }
}

static int by_bytes(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

void ctl_out_sort(apr_array_header_t *texts)
{
    qsort(texts->elts, texts->nelts, sizeof(const char *), by_bytes);
}

apr_status_t ctl_out_flush(void)
{
    errno = 0;
    if (fflush(stdout) != 0 || ferror(stdout)) {
        return errno ? errno : EIO;         /* what an earlier write failed of is not known any more */
    }
    if (fsync(STDOUT_FILENO) != 0 && errno != EINVAL && errno != EROFS && errno != ENOTSUP) {
        return errno;                       /* those three: a pipe or a terminal, which have nothing to synchronise */
    }
    return APR_SUCCESS;
}

void ctl_out_row(const ctl *c, const out_column *columns, int n, const char *const *row)
{
    int i, width = 0;

    if (c->json) {
        print_json(object_of(columns, n, row));
        return;
    }
    for (i = 0; i < n; i++) {
        int w = width_of(columns[i].name);

        width = w > width ? w : width;
    }
    for (i = 0; i < n; i++) {
        printf("%s:%*s", columns[i].name, width - width_of(columns[i].name) + 1, "");
        ctl_out_safe(stdout, shown(&columns[i], row[i]));
        fputc('\n', stdout);
    }
}
