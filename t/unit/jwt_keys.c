/* SPDX-License-Identifier: Apache-2.0 */
/* Unit test: the file of signing keys: which are taken, and that a refusal repeats no secret. */
#include <string.h>

#include <apr_strings.h>

#include "lib/credential/jwt_keys.h"
#include "unit.h"

void unit_jwt_keys(void)
{
    const char *line = "k1 AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n", *e;
    const char *other = "k2 BBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBA\n";
    apr_array_header_t *keys = NULL;

    ok(kiss_jwt_keys_parse(&keys, line, pool) == NULL && keys->nelts == 1, "a key file");
    ok(!kiss_jwt_keys_parse(&keys, apr_pstrcat(pool, "# new\n", other, line, NULL), pool) && keys->nelts == 2, "two keys");
    e = kiss_jwt_keys_parse(&keys, "k1 AAAA\n", pool);
    ok(e && strstr(e, "fewer than 256") && !strstr(e, "AAAA"), "a short key is refused, and not repeated");
    ok(kiss_jwt_keys_parse(&keys, "# none\n", pool) != NULL, "an empty file is refused");
    ok(kiss_jwt_keys_parse(&keys, apr_pstrcat(pool, line, line, NULL), pool) != NULL, "an id twice is refused");
    ok(kiss_jwt_keys_parse(&keys, "../x AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n", pool) != NULL, "an id is no path");
}
