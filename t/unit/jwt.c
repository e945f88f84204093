/* SPDX-License-Identifier: Apache-2.0 */
/* Unit test: access tokens: whose they are, from when to when they are good, for which issuer, audience and keys. */
#include <string.h>

#include <apr_strings.h>

#include "lib/credential/jwt.h"
#include "lib/credential/jwt_keys.h"
#include "unit.h"

void unit_jwt(void)
{
    apr_pool_t *p = pool;
    const char *line = "k1 AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n", *token;
    const char *other = "k2 BBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBA\n";
    kiss_jwt_policy policy = { NULL, "https://issuer", "https://issuer", 3600 }, second;
    apr_array_header_t *keys = NULL;
    kiss_jwt_claims said;

    ok(kiss_jwt_keys_parse(&keys, line, p) == NULL && keys->nelts == 1, "a key file");
    policy.keys = keys;
    token = kiss_jwt_sign(&policy, "ACME01", 1000000, p);
    ok(token && !kiss_jwt_verify(&said, &policy, token, 1000000, p), "a token is good");
    is(said.customer, "ACME01", "and names the customer");
    ok(said.from == 999970 && said.until == 1003630, "and says when it is good");
    ok(!kiss_jwt_verify(&said, &policy, token, 1003629, p), "29 s past its end it still is");
    is(kiss_jwt_verify(&said, &policy, token, 1003630, p), "expired", "30 s past its end it is not");
    is(kiss_jwt_verify(&said, &policy, token, 999969, p), "not valid yet", "31 s before its time neither");
    ok(!kiss_jwt_sign(&policy, "\xff", 1000000, p), "none is made for a name that is not UTF-8");
    second = policy;
    second.issuer = "a \"b\" \\ \xc3\xbc";
    token = kiss_jwt_sign(&second, "\"\xc3\xbc\"\n", 1000000, p);
    ok(token && !kiss_jwt_verify(&said, &second, token, 1000000, p), "quotes are no end");
    is(said.customer, "\"\xc3\xbc\"\n", "of a name");
    token = kiss_jwt_sign(&policy, "ACME01", 1000000, p);
    second = policy;
    second.audience = "x";
    ok(kiss_jwt_verify(&said, &second, token, 1000000, p) != NULL, "for another audience");
    ok(!kiss_jwt_keys_parse(&keys, apr_pstrcat(p, "# new\n", other, line, NULL), p) && keys->nelts == 2, "two keys");
    second = policy;
    second.keys = keys;
    ok(!kiss_jwt_verify(&said, &second, token, 1000000, p), "an old key still verifies");
    kiss_jwt_keys_parse(&keys, other, p);
    second.keys = keys;
    is(kiss_jwt_verify(&said, &second, token, 1000000, p), "the key id is unknown", "until it is removed");
}
