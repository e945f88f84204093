/* SPDX-License-Identifier: Apache-2.0 */
/* Unit test: form bodies: what is taken, what is refused and why. */
#include "lib/base/urlencoded.h"
#include "unit.h"

void unit_urlencoded(void)
{
    apr_pool_t *p = pool;
    apr_table_t *f;

    ok(kiss_urlencoded_parse(&f, "a=1&b=%C3%A4+x&c=&d", 19, p) == KISS_URLENCODED_OK, "a form");
    is(kiss_urlencoded_get(f, "b"), "\xc3\xa4 x", "is decoded");
    ok(!kiss_urlencoded_get(f, "c") && !kiss_urlencoded_get(f, "d") && !kiss_urlencoded_get(f, "A"),
       "empty is absent; names keep their case");
    ok(kiss_urlencoded_parse(&f, "a=1&a=2", 7, p) == KISS_URLENCODED_REPEATED, "a name twice");
    ok(kiss_urlencoded_parse(&f, "a=&a=2", 6, p) == KISS_URLENCODED_REPEATED, "even when one is empty");
    ok(kiss_urlencoded_parse(&f, "a=%4", 4, p) == KISS_URLENCODED_ENCODING
       && kiss_urlencoded_parse(&f, "a=%zz", 5, p) == KISS_URLENCODED_ENCODING
       && kiss_urlencoded_parse(&f, "a=%00", 5, p) == KISS_URLENCODED_ENCODING, "broken escapes and NUL");
    ok(kiss_urlencoded_parse(&f, "", 0, p) == KISS_URLENCODED_OK
       && kiss_urlencoded_parse(&f, "&&=&", 4, p) == KISS_URLENCODED_OK, "nothing");
}
