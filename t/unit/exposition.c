/* SPDX-License-Identifier: Apache-2.0 */
/* Unit test: metrics in the text format of Prometheus: numbers, seconds, escaped labels. */
#include <apr_strings.h>

#include "lib/base/exposition.h"
#include "lib/base/json_text.h"
#include "unit.h"

void unit_exposition(void)
{
    struct printbuf *pb = kiss_json_text_buffer(pool);
    const char *const plain[] = { "api", "kss", "host", "a.example:443", NULL };
    const char *const hostile[] = { "path", "a\\b\"c\nd{}=,", NULL };
    const char *const broken[] = { "path", "\xc3\xa9\xff", NULL };
    const char *const empty[] = { NULL };
    const char *labels = kiss_exposition_labels(pool, "", plain);

    is(labels, "api=\"kss\",host=\"a.example:443\"", "labels");
    is(kiss_exposition_labels(pool, labels, empty), labels, "no more labels");
    is(kiss_exposition_labels(pool, "a=\"b\"", hostile), "a=\"b\",path=\"a\\\\b\\\"c\\nd{}=,\"", "an escaped value");
    is(kiss_exposition_labels(pool, "", broken), "path=\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"",
       "a value that is not UTF-8");
    is(kiss_exposition_labels(pool, "", (const char *const[]) { "path", "\xc3\xa9", NULL }), "path=\"\xc3\xa9\"", "UTF-8");

    is(kiss_exposition_time(pool, 0), "0", "no time");
    is(kiss_exposition_time(pool, 1), "0.000001", "a microsecond");
    is(kiss_exposition_time(pool, 2500), "0.0025", "no zeros at the end");
    is(kiss_exposition_time(pool, 10000000), "10", "nor a point");
    is(kiss_exposition_time(pool, APR_UINT64_MAX), "18446744073709.551615", "the longest one");

    kiss_exposition_begin(pb, "a_total", KISS_COUNTER, "All.");
    kiss_exposition_number(pb, "a_total", "", labels, APR_UINT64_MAX);
    kiss_exposition_begin(pb, "b_seconds", KISS_HISTOGRAM, "Times.");
    kiss_exposition_seconds(pb, "b_seconds", "_sum", "", 1500000);
    is(apr_pstrmemdup(pool, pb->buf, (apr_size_t)pb->bpos), "# HELP a_total All.\n# TYPE a_total counter\n"
       "a_total{api=\"kss\",host=\"a.example:443\"} 18446744073709551615\n"
       "# HELP b_seconds Times.\n# TYPE b_seconds histogram\nb_seconds_sum 1.5\n", "two metrics");
}
