/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fuzz target: what admin clients write. An input whose first byte is one of `objects` is a body with an object; any other
 * one is many rows, as an array and as lines.
 */
#include "lib/api/write_body.h"

#include <string.h>

#include <apr_strings.h>

#include "fuzz.h"
#include "lib/api/customer_write.h"
#include "lib/base/json_parse.h"
#include "lib/base/utf8.h"

static const struct {
    char first;
    const kiss_writeset *set;
    const char *key[KISS_MAX_WRITE_KEYS];   /* in the path; none: POST */
} objects[] = {
    { 'P', &kiss_customer_write_product, { NULL } },
    { 'U', &kiss_customer_write_product, { "CAPE-1" } },
    { 'C', &kiss_customer_write_price, { "UKTRADE", "CAPE-1" } },
    { 'S', &kiss_customer_write_stock, { "UK01", "CAPE-1" } }
};

#define OBJECTS (sizeof(objects) / sizeof(objects[0]))

/** The plan of a writeset; constant, so it outlives the input. */
static const kiss_write_plan *plan_of(const kiss_writeset *set)
{
    static kiss_write_plan *plans[OBJECTS];
    static apr_pool_t *forever;
    size_t i;

    if (!forever) {
        fuzz_pool();
        apr_pool_create(&forever, NULL);
    }
    for (i = 0; i + 1 < OBJECTS && objects[i].set != set; i++) {
        continue;
    }
    MUST(plans[i] || !kiss_write_plan_make(&plans[i], set, &import_customer_set, forever));
    return plans[i];
}

/** Bytes without a NUL after them. */
static const char *exactly(const char *text, size_t len, apr_pool_t *p)
{
    return apr_pmemdup(p, text, len);
}

/** Faults are one line of text for people, of a size that an answer can have. */
static void check_sentence(const char *faults)
{
    size_t len = strlen(faults), i;

    MUST(len > 1 && len < 101 * 1000 && faults[len - 1] == '.');
    MUST(kiss_utf8_check(faults, len, NULL) == len);
    for (i = 0; i < len; i++) {
        MUST((unsigned char)faults[i] >= 0x20 && faults[i] != 0x7f);
    }
}

static int same(const char *a, const char *b)
{
    return (a == kiss_write_absent) == (b == kiss_write_absent) && (a == b || (a && b && strcmp(a, b) == 0));
}

static int same_row(const kiss_write_table *t, const char *const *a, const char *const *b)
{
    int i;

    for (i = 0; i < t->n && (!t->member[i] || same(a[i], b[i])); i++) {
        continue;
    }
    return i == t->n;
}

static void check_same(const kiss_write_plan *plan, const kiss_write_object *a, const kiss_write_object *b)
{
    int i, j;

    MUST(same_row(&plan->self, a->self, b->self));
    for (i = 0; i < plan->nnested; i++) {
        MUST((a->nested[i] ? a->nested[i]->nelts : 0) == (b->nested[i] ? b->nested[i]->nelts : 0));
        for (j = 0; a->nested[i] && j < a->nested[i]->nelts; j++) {
            MUST(same_row(&plan->nested[i], APR_ARRAY_IDX(a->nested[i], j, const char **),
                          APR_ARRAY_IDX(b->nested[i], j, const char **)));
        }
    }
}

/** An object that was taken is written as JSON, which is read as the same object. */
static void check_round(kiss_write_object *object, const kiss_write_reading *how, apr_pool_t *p)
{
    kiss_write_reading again = *how;
    kiss_write_object same_one;
    const char *text, *faults = "";

    kiss_write_body_fill(object->self, &how->plan->self, p);
    text = kiss_write_body_text(how->plan, object, how->plan->set->owner ? "pim" : NULL, p);
    MUST(text && kiss_json_parse(text, strlen(text), 3, p));
    again.create = 1;
    MUST(kiss_write_body_read(&same_one, &faults, &again, exactly(text, strlen(text), p), strlen(text), p) == APR_SUCCESS);
    MUST(!faults);
    check_same(how->plan, object, &same_one);
    MUST(strcmp(text, kiss_write_body_text(how->plan, &same_one, how->plan->set->owner ? "pim" : NULL, p)) == 0);
    /* The path that the answer names it by leads to it. */
    again.create = 0;
    again.key = (const char *const *)object->self;
    MUST(kiss_write_body_read(&same_one, &faults, &again, text, strlen(text), p) == APR_SUCCESS && !faults);
}

static void check_object(int which, const char *body, size_t len, apr_pool_t *p)
{
    const kiss_write_plan *plan = plan_of(objects[which].set);
    const kiss_write_reading how = { plan, *objects[which].key ? objects[which].key : NULL, !*objects[which].key };
    kiss_write_object object;
    const char *faults = NULL;
    apr_status_t rv = kiss_write_body_read(&object, &faults, &how, exactly(body, len, p), len, p);
    int i;

    MUST(rv == APR_SUCCESS || rv == APR_EGENERAL);
    if (rv != APR_SUCCESS) {
        return;
    }
    MUST(kiss_json_parse(body, len, 3, p));
    if (faults) {
        check_sentence(faults);
        return;
    }
    for (i = 0; i < plan->self.n; i++) {
        MUST(object.self[i] != kiss_write_absent || !how.create);
    }
    for (i = 0; i < plan->self.keys; i++) {
        MUST(object.self[i] && *object.self[i] && (!how.key || strcmp(object.self[i], how.key[i]) == 0));
    }
    check_round(&object, &how, p);
}

/* --- many rows --- */

/** What a body of rows is. */
typedef struct {
    apr_status_t rv;
    apr_array_header_t *rows;       /* of kiss_write_row */
    const char *faults;
} reading;

static reading read_rows(const kiss_write_plan *plan, int lines, const char *body, size_t len, apr_pool_t *p)
{
    reading r = { 0, NULL, NULL };

    r.rv = kiss_write_body_rows(&r.rows, &r.faults, plan, lines, exactly(body, len, p), len, p);
    MUST(r.rv == APR_SUCCESS || r.rv == APR_EGENERAL || r.rv == APR_ENOSPC);
    MUST(r.rv == APR_ENOSPC || r.rows->nelts <= KISS_WRITE_ROWS);
    if (r.rv != APR_EGENERAL && r.faults) {
        check_sentence(r.faults);
    }
    return r;
}

/** A sentence in which no places are: "[17]" and "line 18" become "#". */
static const char *without_places(const char *text, apr_pool_t *p)
{
    char *out = apr_pstrdup(p, text), *to = out;

    for (; *text; ) {
        size_t skip = strncmp(text, "line ", 5) == 0 ? 5 : *text == '[' ? 1 : 0, digits = strspn(text + skip, "0123456789");

        if (skip && digits && (skip == 5 || text[1 + digits] == ']')) {
            text += skip + digits + (skip == 1);
            *to++ = '#';
        }
        else {
            *to++ = *text++;
        }
    }
    *to = '\0';
    return out;
}

/** Both readings have the same rows; where neither was taken, the same faults. */
static void check_both(const kiss_write_plan *plan, const reading *a, const reading *b, apr_pool_t *p)
{
    int i;

    MUST(a->rv == b->rv);
    if (a->rv != APR_SUCCESS) {
        return;
    }
    MUST((a->faults == NULL) == (b->faults == NULL));
    if (a->faults) {
        MUST(strcmp(without_places(a->faults, p), without_places(b->faults, p)) == 0);
        return;
    }
    MUST(a->rows->nelts == b->rows->nelts);
    for (i = 0; i < a->rows->nelts; i++) {
        MUST(same_row(&plan->self, APR_ARRAY_IDX(a->rows, i, kiss_write_row).values,
                      APR_ARRAY_IDX(b->rows, i, kiss_write_row).values));
    }
}

/** Rows that were taken have each a key of its own; alone, each is the same to PUT. */
static void check_rows(const kiss_write_plan *plan, const apr_array_header_t *rows, apr_array_header_t *texts, apr_pool_t *p)
{
    int i, j;

    for (i = 0; i < rows->nelts; i++) {
        const kiss_write_row *row = &APR_ARRAY_IDX(rows, i, kiss_write_row);
        const char *text = texts ? APR_ARRAY_IDX(texts, i, const char *) : NULL, *faults = NULL;
        const kiss_write_reading how = { plan, (const char *const *)row->values, 0 };
        kiss_write_object object;

        MUST(row->place && row->values[0] && row->values[1] && *row->values[0] && *row->values[1]);
        for (j = 0; j < i && i < 100; j++) {
            const kiss_write_row *other = &APR_ARRAY_IDX(rows, j, kiss_write_row);

            MUST(strcmp(row->values[0], other->values[0]) != 0 || strcmp(row->values[1], other->values[1]) != 0);
        }
        if (text) {
            MUST(kiss_write_body_read(&object, &faults, &how, exactly(text, strlen(text), p), strlen(text), p) == APR_SUCCESS
                 && !faults && same_row(&plan->self, row->values, object.self));
        }
    }
}

/** The lines of a body joined as an array, without empty ones. */
static const char *array_of(const char *body, size_t len, apr_pool_t *p)
{
    char *text = apr_palloc(p, len + 3), *to = text;
    const char *end = body + len;

    *to++ = '[';
    while (body < end) {
        const char *next = memchr(body, '\n', (size_t)(end - body));
        size_t n = (size_t)((next ? next : end) - body), i;

        for (i = 0; i < n && strchr(" \t\r", body[i]); i++) {
            MUST(body[i]);
        }
        if (i < n) {
            if (to > text + 1) {
                *to++ = ',';
            }
            memcpy(to, body, n);
            to += n;
        }
        body += n + 1;
    }
    memcpy(to, "]", 2);
    return text;
}

/** The elements of an array as texts of their own; NULL when one of them is no object. */
static apr_array_header_t *elements_of(const char *body, size_t len, apr_pool_t *p)
{
    json_object *array = kiss_json_parse(body, len, 2, p);
    apr_array_header_t *texts = apr_array_make(p, 4, sizeof(const char *));
    size_t i;

    for (i = 0; json_object_is_type(array, json_type_array) && i < json_object_array_length(array); i++) {
        json_object *o = json_object_array_get_idx(array, i);

        if (!json_object_is_type(o, json_type_object)) {
            return NULL;
        }
        APR_ARRAY_PUSH(texts, const char *) = apr_pstrdup(p, json_object_to_json_string_ext(o, JSON_C_TO_STRING_PLAIN));
    }
    return array ? texts : NULL;
}

static void check_many(const char *body, size_t len, apr_pool_t *p)
{
    const kiss_write_plan *plan = plan_of(&kiss_customer_write_stock);
    const reading array = read_rows(plan, 0, body, len, p), lines = read_rows(plan, 1, body, len, p);
    apr_array_header_t *texts;
    const char *other;

    if (array.rv == APR_SUCCESS && (texts = elements_of(body, len, p))) {
        reading same_rows;

        other = apr_array_pstrcat(p, texts, '\n');
        same_rows = read_rows(plan, 1, other, strlen(other), p);
        check_both(plan, &array, &same_rows, p);
        if (!array.faults) {
            check_rows(plan, array.rows, texts, p);
        }
    }
    if (lines.rv == APR_SUCCESS && !lines.faults) {
        reading same_rows;

        other = array_of(body, len, p);
        same_rows = read_rows(plan, 0, other, strlen(other), p);
        check_both(plan, &lines, &same_rows, p);
        check_rows(plan, lines.rows, NULL, p);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    apr_pool_t *p = fuzz_pool();
    const char *body = (const char *)data;
    size_t i;

    for (i = 0; i < OBJECTS && size && objects[i].first != *body; i++) {
        continue;
    }
    if (size && i < OBJECTS) {
        check_object((int)i, body + 1, size - 1, p);
    }
    else {
        check_many(body, size, p);
    }
    apr_pool_clear(p);
    return 0;
}
