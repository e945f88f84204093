/* SPDX-License-Identifier: Apache-2.0 */
/* Unit test: bodies of requests that write: what is taken, what is refused with which words, and what is written of it. */
#include <string.h>

#include <apr_strings.h>

#include "lib/api/customer_write.h"
#include "lib/api/write_body.h"
#include "unit.h"

static kiss_write_plan *plan_of(const kiss_writeset *set)
{
    kiss_write_plan *plan = NULL;

    ok(kiss_write_plan_make(&plan, set, &import_customer_set, pool) == NULL, set->item);
    return plan;
}

/** What a body is, as text: the object as JSON, its faults, or "!" when it is no JSON object. */
static const char *read_as(const kiss_write_plan *plan, const char *const *key, const char *body)
{
    const kiss_write_reading how = { plan, key, !key };
    kiss_write_object object;
    const char *faults;

    if (kiss_write_body_read(&object, &faults, &how, body, strlen(body), pool) != APR_SUCCESS) {
        return "!";
    }
    if (faults) {
        return faults;
    }
    kiss_write_body_fill(object.self, &plan->self, pool);
    return kiss_write_body_text(plan, &object, NULL, pool);
}

static void objects(void)
{
    static const char *const key[] = { "UK01", "CAPE-1" };
    static const struct { const char *body, *is; } cases[] = {
        { "{}", "{\"stockLocation\":\"UK01\",\"sku\":\"CAPE-1\",\"availableQTY\":0.000,\"nextAvailableETA\":null}" },
        { "{\"availableQTY\":null,\"nextAvailableETA\":\"\"}",
          "{\"stockLocation\":\"UK01\",\"sku\":\"CAPE-1\",\"availableQTY\":0.000,\"nextAvailableETA\":null}" },
        { "{\"sku\":\"CAPE-1\",\"availableQTY\":\"7\",\"nextAvailableETA\":\"2026-12-24\"}",
          "{\"stockLocation\":\"UK01\",\"sku\":\"CAPE-1\",\"availableQTY\":7.000,\"nextAvailableETA\":\"2026-12-24\"}" },
        { "{\"sku\":\"CAPE-2\"}", "sku: is not 'CAPE-1', which the path names." },
        { "{\"availableQTY\":-1,\"size\":1}", "availableQTY: '-1' is negative; size: there is no such member." },
        { "{\"a\\nb\":1}", "a?b: there is no such member." },
        { "{\"availableQTY\":1,\"availableQTY\":1}", "!" }, { "[]", "!" }, { "", "!" }, { "{", "!" }, { "null", "!" }
    };
    const kiss_write_plan *plan = plan_of(&kiss_customer_write_stock);
    size_t i;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        is(read_as(plan, key, cases[i].body), cases[i].is, cases[i].body);
    }
}

/** A name that is none, as long as its sentence has it. */
static void long_names(void)
{
    const kiss_write_plan *plan = plan_of(&kiss_customer_write_stock);
    static const char *const key[] = { "UK01", "CAPE-1" };
    char name[201], *c;

    for (c = name; c < name + 200; c += 2) {
        memcpy(c, "\xc3\xa4", 2);
    }
    *c = '\0';
    is(read_as(plan, key, apr_pstrcat(pool, "{\"", name, "\":1}", NULL)),
       apr_pstrcat(pool, apr_pstrndup(pool, name, 100), "...: there is no such member.", NULL), "a long name is cut");
    is(read_as(plan, key, apr_pstrcat(pool, "{\"a", name, "\":1}", NULL)),
       apr_pstrcat(pool, "a", apr_pstrndup(pool, name, 98), "...: there is no such member.", NULL),
       "... not within a character");
}

static void arrays(void)
{
    static const char *const key[] = { "UKTRADE", "CAPE-1" };
    const kiss_write_plan *plan = plan_of(&kiss_customer_write_price);
    char *many = apr_pcalloc(pool, 1001 * 3 + 20), *to = many;
    int i;

    is(read_as(plan, key, "{\"prices\":[{\"unitPrice\":1},{\"unitPrice\":2,\"moq\":0}]}"),
       "prices[1]: has the key of prices[0].", "an absent key and its default are the same key");
    is(read_as(plan, key, "{\"prices\":[{\"unitPrice\":1,\"moq\":1},"
               "{\"unitPrice\":0.9,\"moq\":10.5,\"discountEligible\":true}]}"),
       "{\"priceListCode\":\"UKTRADE\",\"sku\":\"CAPE-1\",\"prices\":[{\"unitPrice\":1.0000,\"discountEligible\":false,"
       "\"moq\":1.000,\"orderMultiple\":0.000},{\"unitPrice\":0.9000,\"discountEligible\":true,\"moq\":10.500,"
       "\"orderMultiple\":0.000}]}", "quantity breaks");
    is(read_as(plan, key, "{\"prices\":[{},1,{\"unitPrice\":1,\"sku\":2}]}"),
       "prices[0].unitPrice: is empty: write 0 if it costs nothing; prices[1]: must be an object; "
       "prices[2].sku: there is no such member.", "each fault has its place");
    is(read_as(plan, key, "{\"prices\":{}}"), "prices: must be an array, or null.", "no array");
    memcpy(to, "{\"prices\":", 10);
    for (to += 10, i = 0; i < 1001; i++, to += 3) {
        memcpy(to, i ? ",{}" : "[{}", 3);
    }
    memcpy(to, "]}", 2);
    is(read_as(plan, key, many), "prices: 1001 elements, at most 1000 fit.", "too many");
}

/** Rows as text: place, location, SKU and quantity of each; or the faults. */
static const char *rows_as(const kiss_write_plan *plan, int lines, const char *body, apr_size_t len)
{
    apr_array_header_t *rows;
    const char *faults, *text = "";
    apr_status_t rv;
    int i;

    rv = kiss_write_body_rows(&rows, &faults, plan, lines, body, len, pool);
    if (rv != APR_SUCCESS) {
        return rv == APR_ENOSPC ? faults : "!";
    }
    for (i = 0; i < rows->nelts; i++) {
        const kiss_write_row *row = &APR_ARRAY_IDX(rows, i, kiss_write_row);

        text = apr_pstrcat(pool, text, row->place, " ", row->values[0], " ", row->values[1], " ",
                           row->values[2] == kiss_write_absent ? "absent" : row->values[2], ";", NULL);
    }
    return faults ? faults : text;
}

/** An array of `n` rows that are {}, with `between` before all but the first: 3 * n + 1 bytes. */
static const char *empty_rows(int n, char between)
{
    char *text = apr_pcalloc(pool, (apr_size_t)n * 3 + 3), *to = text;
    int i;

    for (i = 0; i < n; i++, to += 3) {
        to[0] = i ? between : '[';
        memcpy(to + 1, "{}", 2);
    }
    *to = ']';
    return text;
}

static void many(void)
{
#define A "{\"stockLocation\":\"UK01\",\"sku\":\"A\",\"availableQTY\":1}"
#define B "{\"stockLocation\":\"UK01\",\"sku\":\"B\"}"
    static const struct { int lines; const char *body, *is; } cases[] = {
        { 0, "[" A "," B "]", "[0] UK01 A 1.000;[1] UK01 B absent;" }, { 0, "[]", "" },
        { 1, A "\n\r\n  \n" B, "line 1 UK01 A 1.000;line 4 UK01 B absent;" }, { 1, "", "" },
        { 1, A "\r\n" B "\r\n", "line 1 UK01 A 1.000;line 2 UK01 B absent;" },
        { 0, "[" A "," B "," A "]", "[2]: sku: was in [0], too." },
        { 1, A "\n" A, "line 2: sku: was in line 1, too." },
        { 0, "[{},1]", "[0]: stockLocation: is missing; [0]: sku: is missing; [1]: must be an object." },
        { 1, "{}\n1\n{", "line 1: stockLocation: is missing; line 1: sku: is missing; line 2: is not one JSON object; "
          "line 3: is not one JSON object." },
        { 0, "[{\"stockLocation\":\"..\",\"sku\":\".\"}]",
          "[0]: stockLocation: '..' cannot be part of a path; [0]: sku: '.' cannot be part of a path." },
        { 0, A, "!" }, { 0, "[" A, "!" }, { 0, "[[]]", "[0]: must be an object." }, { 0, "[[[]]]", "!" }, { 0, "[] []", "!" }
    };
    const kiss_write_plan *plan = plan_of(&kiss_customer_write_stock);
    size_t i;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        is(rows_as(plan, cases[i].lines, cases[i].body, strlen(cases[i].body)), cases[i].is, cases[i].body);
    }
    is(rows_as(plan, 0, empty_rows(KISS_WRITE_ROWS + 1, ','), 3 * KISS_WRITE_ROWS + 4),
       "10001 rows, at most 10000 fit in a request: send several, each of which is done whole or not at all.",
       "an array of too many, whatever they are");
    is(rows_as(plan, 1, empty_rows(KISS_WRITE_ROWS + 1, '\n') + 1, 3 * KISS_WRITE_ROWS + 2),
       "10001 rows, at most 10000 fit in a request: send several, each of which is done whole or not at all.", "... as lines");
    is(rows_as(plan, 0, empty_rows(KISS_WRITE_ROWS + 1, ','), 3 * KISS_WRITE_ROWS + 3), "!", "... which is no array");
    is(rows_as(plan, 1, A "\n   not of the body", sizeof(A "\n   ") - 1), "line 1 UK01 A 1.000;", "it ends where it ends");
#undef A
#undef B
}

void unit_write_body(void)
{
    objects();
    long_names();
    arrays();
    many();
}
