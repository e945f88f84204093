/* SPDX-License-Identifier: Apache-2.0 */
/* Unit test: what the comparison of two large lists keeps in memory: nothing of a SKU, also of one with an escape in JSON.
   */
#include <limits.h>
#include <stdlib.h>
#include <sys/resource.h>

#include <apr_strings.h>

#include "lib/file/delta.h"
#include "unit.h"

#define ROWS 20000
#define ROW_BYTES 64
#ifdef __SANITIZE_ADDRESS__
#define MOST_KB LONG_MAX                /* the sanitizer keeps what was freed */
#else
#define MOST_KB 8192                    /* of memory, for the comparison itself */
#endif

static char *list_of(int stock, apr_size_t *len)
{
    char *text = malloc((apr_size_t)ROWS * ROW_BYTES + 16), *at = text;
    int i;

    *at++ = '[';
    for (i = 0; i < ROWS; i++) {
        at += apr_snprintf(at, ROW_BYTES, "%s{\"SKU\":\"A\\\"%06d\",\"AvailableQTY\":%d}", i ? ",\n" : "", i,
                           i % 100 ? 7 : stock);
    }
    *at++ = ']';
    *len = (apr_size_t)(at - text);
    return text;
}

static long peak(void)
{
    struct rusage usage;

    getrusage(RUSAGE_SELF, &usage);
    return usage.ru_maxrss;
}

void unit_delta(void)
{
    kiss_list_text before, now;
    kiss_piece pieces[2];
    apr_size_t len;
    char *text;
    kiss_spool *delta;
    long kb;

    text = list_of(1, &len);
    before = kiss_list_text_of(&pieces[0], text, len, &kiss_row_format_json);
    text = list_of(2, &len);
    now = kiss_list_text_of(&pieces[1], text, len, &kiss_row_format_json);
    ok(kiss_spool_create(&delta, "/tmp", pool) == APR_SUCCESS, "a place for the changes");
    kb = peak();
    ok(kiss_delta_write(delta, &before, &now) == APR_SUCCESS,
       apr_psprintf(pool, "two lists of %d rows were compared", ROWS));
    kb = peak() - kb;
    ok(kb < MOST_KB, apr_psprintf(pool, "in %ld KB", kb));
}
