/* SPDX-License-Identifier: Apache-2.0 */
/* Unit test: rows in any order have one digest, and other rows another. */
#include <string.h>

#include "import_digest.h"
#include "unit.h"

static const import_column text = {.csv = "T", .type = IMPORT_TEXT, .size = 100};
static const import_column price = {.csv = "P", .type = IMPORT_DECIMAL, .size = 12, .scale = 4};
static const unsigned char key[IMPORT_DIGEST_KEY] = "0123456789abcdef";

/** Adds a row of two values; NULL: none. */
static void add(import_digest *d, const import_column *column, const char *a, const char *b)
{
    import_digest_value(d, column, a, a ? strlen(a) : 7);
    import_digest_value(d, column, b, b ? strlen(b) : 0);
    import_digest_row(d);
}

/** Whether a row of these values is one of those. */
static int same(const import_column *column, const char *a, const char *b, const char *c, const char *d, apr_pool_t *p)
{
    import_digest one, other;

    import_digest_start(&one, key, p);
    import_digest_start(&other, key, p);
    add(&one, column, a, b);
    add(&other, column, c, d);
    return import_digest_same(&one, &other);
}

static void test_values(apr_pool_t *p)
{
    ok(same(&text, "a", "b", "a", "b", p), "a row is itself");
    ok(!same(&text, "ab", "", "a", "b", p), "values have bounds");
    ok(!same(&text, NULL, "", "", "", p), "no value is not an empty one");
    ok(!same(&text, "1.50", "", "1.5", "", p), "a text is what it says");
    ok(same(&price, "1.50", "0", "1.5", "0.0000", p), "zeros behind a number");
    ok(same(&price, ".5", "00012", "0.5000", "12.", p), "zeros before it, a point behind it");
    ok(same(&price, "-0.0", "+3", "0", "3", p), "signs of nothing");
    ok(!same(&price, "-1", "1", "1", "1", p), "a sign");
    ok(!same(&price, "100", "1", "10", "1", p), "zeros within a number");
}

static void test_order(apr_pool_t *p)
{
    import_digest one, other;

    import_digest_start(&one, key, p);
    import_digest_start(&other, key, p);
    add(&one, &text, "a", "1");
    add(&one, &text, "b", "2");
    add(&other, &text, "b", "2");
    ok(!import_digest_same(&one, &other), "a row is missing");
    add(&other, &text, "a", "1");
    ok(import_digest_same(&one, &other), "rows in another order");
    add(&one, &text, "a", "1");
    add(&other, &text, "b", "2");
    ok(!import_digest_same(&one, &other), "another row twice");
}

void unit_import_digest(void)
{
    apr_pool_t *p;

    apr_pool_create(&p, NULL);
    test_values(p);
    test_order(p);
    apr_pool_destroy(p);
}
