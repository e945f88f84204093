/* SPDX-License-Identifier: Apache-2.0 */
/* Unit test: credentials that were right are remembered for one revision of one database, until their key expires. */
#include <string.h>

#include <apr_strings.h>

#include "lib/credential/client_cache.h"
#include "unit.h"

#define MINUTE APR_INT64_C(60000000)

static kiss_client_cache *cache;

/** The number of the key that is remembered for credentials, or NULL. */
static const char *get(const void *database, const char *code, const char *secret, const char *revision, apr_int64_t now,
                       int *note)
{
    kiss_client client;

    okf(kiss_client_cache_key(&client, cache, database, code, secret, pool), "%s: a digest", code);
    return kiss_client_cache_get(cache, note, &client, revision, now, pool);
}

static void put(const void *database, const char *code, const char *secret, const char *revision, const char *id,
                apr_int64_t now, apr_int64_t until)
{
    kiss_client client;

    kiss_client_cache_key(&client, cache, database, code, secret, pool);
    kiss_client_cache_put(cache, &client, revision, id, now, until);
}

static int known(const void *database, const char *code, const char *secret)
{
    kiss_client client;

    kiss_client_cache_key(&client, cache, database, code, secret, pool);
    return kiss_client_cache_known(cache, &client);
}

/** What is not the same. */
static void others(const void *a, const void *b)
{
    int note;

    ok(!get(a, "ACME01", "kiss_x", "r1", 5, &note) && !known(a, "ACME01", "kiss_x"), "nothing at first");
    put(a, "ACME01", "kiss_x", "r1", "17", 5, 0);
    is(get(a, "ACME01", "kiss_x", "r1", 5, &note), "17", "the number of the key");
    ok(known(a, "ACME01", "kiss_x"), "they are known");
    ok(!get(a, "ACME01", "kiss_x", "r2", 5, &note), "not at another revision");
    ok(!get(a, "ACME01", "kiss_x", "r", 5, &note) && !get(a, "ACME01", "kiss_x", "r11", 5, &note),
       "... nor at one that begins so");
    ok(known(a, "ACME01", "kiss_x"), "... but it is worth reading it");
    ok(!get(b, "ACME01", "kiss_x", "r1", 5, &note) && !known(b, "ACME01", "kiss_x"), "not in another database");
    ok(!known(a, "ACME01", "kiss_y") && !known(a, "BEAU02", "kiss_x"), "not another secret or customer");
    ok(!known(a, "ACME01k", "iss_x") && !known(a, "ACME0", "1kiss_x") && !known(a, "", "ACME01kiss_x"),
       "not with another limit between them");
    put(a, "ACME01", "kiss_x", "r2", "17", 5, 0);
    is(get(a, "ACME01", "kiss_x", "r2", 5, &note), "17", "right again at the next revision");
    ok(!get(a, "ACME01", "kiss_x", "r1", 5, &note), "... and not at the one before");
}

static void times(const void *a)
{
    int note;

    put(a, "LATE", "s", "r", "1", 100, 1000);
    is(get(a, "LATE", "s", "r", 999, &note), "1", "before the key expires");
    ok(!get(a, "LATE", "s", "r", 1000, &note), "not from then on");
    put(a, "USED", "s", "r", "2", 100, 0);
    is(get(a, "USED", "s", "r", 99 + MINUTE, &note), "2", "used within a minute");
    ok(!note, "... is not noted");
    ok(get(a, "USED", "s", "r", 100 + MINUTE, &note) && note, "after a minute it is");
    ok(get(a, "USED", "s", "r", 101 + MINUTE, &note) && !note, "... once");
    ok(get(a, "USED", "s", "r", 100 + 2 * MINUTE, &note) && note, "... and a minute later again");
    put(a, "BOTH", "s", "r", "3", 100, 150 + MINUTE);
    ok(get(a, "BOTH", "s", "r", 100 + MINUTE, &note) && note, "noting");
    ok(!get(a, "BOTH", "s", "r", 150 + MINUTE, &note), "... does not change when the key expires");
}

void unit_client_cache(void)
{
    const char a = 0, b = 0;
    char revision[200];
    kiss_client one, two;
    kiss_client_cache *second = NULL;
    int i, good = 0;

    ok(kiss_client_cache_create(&cache, pool) == APR_SUCCESS && kiss_client_cache_create(&second, pool) == APR_SUCCESS,
       "two caches");
    others(&a, &b);
    times(&a);
    memset(revision, '1', sizeof(revision));
    revision[sizeof(revision) - 1] = '\0';
    put(&a, "LONG", "s", revision, "4", 1, 0);
    ok(!known(&a, "LONG", "s"), "a revision that is too long is not remembered");
    put(&a, "LONG", "s", "r", "1234567890123456789012345", 1, 0);
    ok(!known(&a, "LONG", "s"), "nor a number of a key that is");
    for (i = 0; i < 3000; i++) {
        put(&a, apr_psprintf(pool, "C%d", i), "s", "r", apr_itoa(pool, i), 1, 0);
    }
    for (i = 0; i < 3000; i++) {
        good += known(&a, apr_psprintf(pool, "C%d", i), "s");
    }
    ok(good > 100 && good < 1000 && known(&a, "C2999", "s") && !known(&a, "C0", "s"), "of very many the last ones");
    kiss_client_cache_key(&one, cache, &a, "ACME01", "kiss_x", pool);
    kiss_client_cache_key(&two, second, &a, "ACME01", "kiss_x", pool);
    ok(memcmp(one.digest, two.digest, sizeof(one.digest)) != 0, "each child has digests of its own");
}
