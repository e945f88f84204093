/* SPDX-License-Identifier: Apache-2.0 */
/* Unit test: a token that was verified once is accepted again, and no other is. */
#include <string.h>

#include <apr_strings.h>

#include "lib/credential/jwt.h"
#include "lib/credential/jwt_cache.h"
#include "lib/credential/jwt_keys.h"
#include "unit.h"

void unit_jwt_cache(void)
{
    const char *line = "k1 AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n", *customer = NULL, *token, *last = NULL;
    kiss_jwt_policy policy = { NULL, "https://issuer", "https://issuer", 3600, 0 }, other;
    int admin = 0;
    apr_array_header_t *keys = NULL, *elsewhere = NULL;
    apr_pool_t *p = pool;
    kiss_jwt_cache *v = NULL;
    int i, good = 0;

    ok(kiss_jwt_cache_create(&v, p) == APR_SUCCESS, "a cache is made");
    kiss_jwt_keys_parse(&keys, line, p);
    kiss_jwt_keys_parse(&elsewhere, "k1 BBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBA\n", p);
    policy.keys = keys;
    token = kiss_jwt_sign(&policy, "ACME01", 1000000, p);
    ok(!kiss_jwt_cache_verify(v, &customer, &admin, &policy, token, 1000000, p), "a token is good");
    customer = NULL;
    ok(!kiss_jwt_cache_verify(v, &customer, &admin, &policy, token, 1000001, p), "and again");
    is(customer, "ACME01", "and names the customer");
    ok(!kiss_jwt_cache_verify(v, &customer, &admin, &policy, token, 1003629, p), "29 s past its end it still is");
    is(kiss_jwt_cache_verify(v, &customer, &admin, &policy, token, 1003630, p), "expired", "30 s past its end it is not");
    is(kiss_jwt_cache_verify(v, &customer, &admin, &policy, token, 999969, p), "not valid yet",
       "31 s before its time neither");
    other = policy;
    other.audience = "x";
    is(kiss_jwt_cache_verify(v, &customer, &admin, &other, token, 1000000, p), "meant for another audience",
       "another audience");
    other.audience = policy.audience;
    other.issuer = "x";
    is(kiss_jwt_cache_verify(v, &customer, &admin, &other, token, 1000000, p), "issued by another issuer", "another issuer");
    other.issuer = policy.issuer;
    other.keys = elsewhere;
    is(kiss_jwt_cache_verify(v, &customer, &admin, &other, token, 1000000, p), "the signature is wrong",
       "a key of the same id");
    for (i = 0; token[i]; i++) {
        char *changed = apr_pstrdup(p, token);

        changed[i] ^= 1;
        good += !kiss_jwt_cache_verify(v, &customer, &admin, &policy, changed, 1000000, p);
    }
    ok(good == 0, "no token with one character changed is good");
    for (i = 0; i < 2000; i++) {
        last = kiss_jwt_sign(&policy, apr_psprintf(p, "C%d", i), 1000000, p);
        good += !kiss_jwt_cache_verify(v, &customer, &admin, &policy, last, 1000000, p)
                && strcmp(customer, apr_psprintf(p, "C%d", i)) == 0;
    }
    ok(good == 2000, "more tokens than there is room for");
    ok(!kiss_jwt_cache_verify(v, &customer, &admin, &policy, token, 1000000, p) && strcmp(customer, "ACME01") == 0,
       "one whose place was taken is verified again");
    last = kiss_jwt_sign(&policy, apr_psprintf(p, "%0200d", 7), 1000000, p);
    ok(!kiss_jwt_cache_verify(v, &customer, &admin, &policy, last, 1000000, p)
       && !kiss_jwt_cache_verify(v, &customer, &admin, &policy, last, 1000000, p) && strlen(customer) == 200, "a long name");
    ok(!kiss_jwt_cache_verify(NULL, &customer, &admin, &policy, token, 1000000, p), "without any memory");
}
