/* SPDX-License-Identifier: Apache-2.0 */
/* Unit test of list_times: a state keeps its time; every other one gets a later time, whatever the clock says; what is no
   line is passed over. */
#include <string.h>
#include <unistd.h>

#include <apr_strings.h>

#include "lib/file/list_times.h"
#include "lib/file/small_file.h"
#include "unit.h"

static const char *path;

static apr_int64_t recorded(const char *format, const char *coding, const char *tag, apr_int64_t now)
{
    const kiss_list_given given = { format, coding, tag };
    apr_int64_t since = -1;

    return kiss_times_record(&since, path, &given, now, pool) == APR_SUCCESS ? since : -1;
}

static apr_int64_t found(const char *format, const char *coding, const char *tag)
{
    const kiss_list_given given = { format, coding, tag };
    apr_int64_t since = -1;

    return kiss_times_find(&since, path, &given, pool) == APR_SUCCESS ? since : -1;
}

static void states(void)
{
    ok(found("stock", "identity", "A") == 0, "no file: no time");
    ok(recorded("stock", "identity", "A", 1000) == 1000, "a state gets the present time");
    ok(found("stock", "identity", "A") == 1000 && recorded("stock", "identity", "A", 2000) == 1000, "... and keeps it");
    ok(found("stock", "identity", "B") == 0 && found("stock", "identity", "AA") == 0, "... another one has none");
    ok(recorded("stock", "identity", "B", 1000) == 1001, "another state in the same second gets the next one");
    ok(recorded("stock", "identity", "A", 1000) == 1002, "a state that returns gets a new one");
    ok(recorded("stock", "identity", "B", 400) == 1003, "... also after the clock was set back");
    ok(recorded("stock", "identity", "C", 5000) == 5000, "... and the present one when the clock is right again");
    ok(found("stock", "identity", "A") == 0 && found("stock", "identity", "B") == 0, "former states have none");
}

static void variants(void)
{
    ok(recorded("stock", "gzip", "C-gzip", 5000) == 5001, "no variant has the time of another one");
    ok(recorded("stock-csv", "identity", "D", 5000) == 5002, "... nor a format");
    ok(found("stock", "identity", "C") == 5000 && found("stock", "gzip", "C-gzip") == 5001, "others stay");
    ok(recorded("stock", "gzip", "E-gzip", 7000) == 7000 && found("stock", "identity", "C") == 5000, "... always");
}

static void strange_lines(void)
{
    char *text;

    kiss_small_file_read(&text, path, 8192, 0, pool);
    ok(kiss_small_file_replace(path, apr_pstrcat(pool, "\n \nx\nstock-csv identity X\nstock-csv identity X 1 2\n"
                                                       "stock-csv identity X -1\nstock-csv identity X 1e9\n"
                                                       "stock-csv identity X 999999999999\nstock-csv identity X 0\n", text,
                                                       "prices identity P 800", NULL), pool) == APR_SUCCESS,
       "lines that are none are written");
    ok(found("stock-csv", "identity", "D") == 5002 && found("stock-csv", "identity", "X") == 0, "they are passed over");
    ok(found("prices", "identity", "P") == 0, "... as is one without its end");
    ok(recorded("prices", "identity", "P", 9000) == 9000, "... which is replaced");
}

static void many(void)
{
    int i, good = 1;

    for (i = 0; i < 500 && good; i++) {
        good = recorded(apr_itoa(pool, i), "identity", "T", 10000) == 10000 + i;
    }
    ok(good && found("499", "identity", "T") == 10499 && found("0", "identity", "T") == 0, "the last of many are known");
    ok(recorded("0", "identity", "T", 10000) == 10500, "... and no time is given twice");
}

void unit_list_times(void)
{
    const kiss_list_given given = { "stock", "identity", "A" };
    apr_int64_t since;

    path = apr_psprintf(pool, "/tmp/kiss-times.%ld", (long)getpid());
    states();
    variants();
    strange_lines();
    many();
    ok(kiss_times_record(&since, "/nonexistent/x", &given, 1, pool) != APR_SUCCESS, "without its folder none is recorded");
    apr_file_remove(path, pool);
}
