/* SPDX-License-Identifier: Apache-2.0 */
/* Unit test: what is put in comes out, in memory and from a file, whatever the sizes. */
#include <string.h>

#include <apr_strings.h>

#include "lib/file/merge_run.h"
#include "unit.h"

#define CELLS 4

/** The key of record n; every third record is missing. */
static kiss_value key_of(int n)
{
    const char *text = apr_psprintf(pool, "key%06d%.*s", n, n % 40, "........................................");
    kiss_value key = { text, strlen(text) };

    return key;
}

/** Row `j` of record n: of NULL, empty, short and long cells. `big` makes some longer than any buffer. */
static void fill_row(kiss_value *row, int n, int j, apr_size_t big)
{
    static const apr_size_t lengths[] = { 0, 1, 5, 253, 254, 255, 256, 1000 };
    static char text[1024 * 1024];
    int i;

    memset(text, 'x', sizeof(text));
    for (i = 1; i < CELLS; i++) {
        int kind = (n * 7 + j * 3 + i) % 9;

        row[i].data = kind == 8 ? NULL : text + (n + i) % 100;
        row[i].len = kind == 8 ? 0 : lengths[kind] + (n % 50 == 49 && i == 2 ? big : 0);
    }
}

static int same(const kiss_value *a, const kiss_value *b)
{
    return !a->data == !b->data && a->len == b->len && (!a->data || memcmp(a->data, b->data, a->len) == 0);
}

static int rows_in(int n)
{
    return n % 3 == 2 ? 0 : 1 + n % 4;
}

static int write_all(kiss_merge_run *r, int records, apr_size_t big)
{
    kiss_value row[CELLS];
    int n, j;

    for (n = 0; n < records; n++) {
        row[0] = key_of(n);
        for (j = 0; j < rows_in(n); j++) {
            fill_row(row, n, j, big);
            if (kiss_merge_run_add(r, row, CELLS) != APR_SUCCESS) {
                return 0;
            }
        }
    }
    return kiss_merge_run_done(r) == APR_SUCCESS;
}

/** Looks up every `step`-th key, present or not, each twice. @return how many were wrong */
static int wrong(kiss_merge_run *r, int records, apr_size_t big, int step)
{
    kiss_value key, rows, row[CELLS], expected[CELLS];
    int n, j, i, bad = 0;

    for (n = 0; n < records; n += step) {
        key = key_of(n);
        bad += kiss_merge_run_find(r, &key, &rows) != APR_SUCCESS || kiss_merge_run_find(r, &key, &rows) != APR_SUCCESS;
        bad += (rows.data != NULL) != (rows_in(n) > 0);
        for (j = 0; kiss_merge_run_row(&rows, row, CELLS); j++) {
            fill_row(expected, n, j, big);
            for (i = 1; i < CELLS; i++) {
                bad += !same(&row[i], &expected[i]);
            }
        }
        bad += j != rows_in(n);
    }
    key = key_of(999999);
    return bad + (kiss_merge_run_find(r, &key, &rows) != APR_SUCCESS) + (rows.data != NULL);
}

static void round_trip(kiss_merge_run *r, int records, apr_size_t big, int step, const char *what)
{
    ok(kiss_merge_run_clear(r) == APR_SUCCESS && write_all(r, records, big), what);
    ok(wrong(r, records, big, step) == 0, apr_psprintf(pool, "... is read again: %" APR_OFF_T_FMT " bytes",
                                                       kiss_merge_run_size(r)));
}

/** Keys without rows, as they are kept where only the key matters. */
static void keys_only(kiss_merge_run *r, int records)
{
    kiss_value key, rows;
    int n, bad = kiss_merge_run_clear(r) != APR_SUCCESS;

    for (n = 0; n < records; n += 2) {
        key = key_of(n);
        bad += kiss_merge_run_add(r, &key, 1) != APR_SUCCESS || kiss_merge_run_add(r, &key, 1) != APR_SUCCESS;
    }
    bad += kiss_merge_run_done(r) != APR_SUCCESS;
    for (n = 0; n < records; n++) {
        key = key_of(n);
        bad += kiss_merge_run_find(r, &key, &rows) != APR_SUCCESS || (rows.data != NULL) != (n % 2 == 0) || rows.len != 0
               || kiss_merge_run_row(&rows, &key, 1);
    }
    ok(bad == 0, apr_psprintf(pool, "%d keys alone", records / 2));
}

/** Keys that share much or little with the one before: prefixes of each other, long ones, bytes beyond ASCII. */
static void shared_keys(kiss_merge_run *r)
{
    static const char *const end[] = { "", "a", "a\001", "aa", "ab", "b", "\x7f", "\xc3\xa4", "\xc3\xa4\xc3\xbc",
                                      "\xf0\x9f" };
    const int n = sizeof(end) / sizeof(*end);
    const apr_size_t length[] = { 0, 1, 254, 255, 256, 600, 65000 };
    kiss_value row[2], rows, cells[2], key;
    unsigned i, bad;
    int j, pass;

    for (i = 0; i < sizeof(length) / sizeof(*length); i++) {
        char *before = apr_palloc(pool, length[i] + 1);

        memset(before, 'k', length[i]);
        before[length[i]] = '\0';
        bad = kiss_merge_run_clear(r) != APR_SUCCESS;
        for (j = 0; j < n; j++) {
            row[0].data = apr_pstrcat(pool, before, end[j], NULL);
            row[0].len = strlen(row[0].data);
            row[1].data = end[j];
            row[1].len = strlen(end[j]);
            bad += kiss_merge_run_add(r, row, 2) != APR_SUCCESS;
        }
        bad += kiss_merge_run_done(r) != APR_SUCCESS;
        for (j = 0, pass = 0; j < n; j += pass++ % 2) {         /* each twice */
            key.data = apr_pstrcat(pool, before, end[j], NULL);
            key.len = strlen(key.data);
            bad += kiss_merge_run_find(r, &key, &rows) != APR_SUCCESS || !kiss_merge_run_row(&rows, cells, 2)
                   || cells[1].len != strlen(end[j]) || memcmp(cells[1].data, end[j], cells[1].len) != 0;
        }
        ok(bad == 0, apr_psprintf(pool, "keys that share %d bytes", (int)length[i]));
    }
    row[0].data = apr_pcalloc(pool, 65536);
    row[0].len = 65536;
    ok(kiss_merge_run_clear(r) == APR_SUCCESS && kiss_merge_run_add(r, row, 1) == APR_EINVAL, "a key that is too long");
}

void unit_merge_run(void)
{
    kiss_value empty = { "", 0 }, rows;
    kiss_merge_run *r;

    ok(kiss_merge_run_create(&r, "/tmp", pool) == APR_SUCCESS, "made");
    round_trip(r, 0, 0, 1, "nothing");
    round_trip(r, 100, 0, 1, "a little, in memory");
    round_trip(r, 5000, 0, 1, "much, in a file");
    round_trip(r, 10, 0, 1, "a little where there was much");
    round_trip(r, 3000, 0, 7, "much again, where keys are passed over");
    round_trip(r, 300, 500000, 1, "rows that are longer than a buffer");
    round_trip(r, 300, 500000, 11, "... which are passed over");
    keys_only(r, 100);
    keys_only(r, 50000);
    ok(kiss_merge_run_clear(r) == APR_SUCCESS && kiss_merge_run_add(r, &empty, 1) == APR_SUCCESS
       && kiss_merge_run_done(r) == APR_SUCCESS && kiss_merge_run_find(r, &empty, &rows) == APR_SUCCESS && rows.data,
       "an empty key");
    shared_keys(r);
    ok(kiss_merge_run_create(&r, "/nonexistent", pool) == APR_SUCCESS && !write_all(r, 5000, 0),
       "without a place for its file");
}
