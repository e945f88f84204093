/* SPDX-License-Identifier: Apache-2.0 */
/**
 * params - parsers of parameters: single values, lists, paging, defaults.
 */
#include "lib/api/params.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include <apr_strings.h>

#include "lib/base/date.h"
#include "lib/base/decimal.h"
#include "lib/base/json_text.h"
#include "lib/base/urlencoded.h"

/* Maximum of digits of a number, so that it fits in 64 bits. */
#define MAX_DIGITS 18

/* DECIMAL(18,6) has twelve digits before the point; a cent is the smallest amount that can be allocated. */
#define AMOUNT_DIGITS 14
#define AMOUNT_SCALE 2

/* Characters ignored around the items of a list. */
#define BLANKS " \t"

/* --- single values: a text to its normal form in `p`, or NULL --- */

static const char *read_number(const char *text, int max_digits, apr_pool_t *p)
{
    const char *digits = *text == '-' ? text + 1 : text;
    apr_size_t n = strspn(digits, "0123456789");

    if (n == 0 || digits[n]) {
        return NULL;
    }
    while (n > 1 && *digits == '0') {
        digits++;
        n--;
    }
    if (n > (apr_size_t)max_digits) {
        return NULL;
    }
    return *text == '-' && *digits != '0' ? apr_pstrcat(p, "-", digits, NULL) : digits;
}

/**
 * More than 0, in whole cents, written with two decimals: equal amounts have equal texts. Zeros after the cents, as in
 * balances, are ignored.
 */
static const char *read_amount(const char *text, const char **reason, apr_pool_t *p)
{
    kiss_decimal_status status = KISS_DECIMAL_SYNTAX;
    apr_int64_t cents = 0;
    char *out;

    /* No sign, and a digit before the point: ".5" is more likely a typing error than an amount. */
    if (*text >= '0' && *text <= '9') {
        status = kiss_decimal_parse(&cents, text, strlen(text), AMOUNT_DIGITS, AMOUNT_SCALE);
    }
    if (status != KISS_DECIMAL_OK || cents == 0) {
        *reason = status == KISS_DECIMAL_SCALE ? "it has more than 2 decimals"
             : status == KISS_DECIMAL_RANGE ? "it has more than 12 digits before the point"
             : status == KISS_DECIMAL_OK ? "it is 0" : "it is not a number like 70.00";
        return NULL;
    }
    out = apr_palloc(p, KISS_DECIMAL_TEXT);
    kiss_decimal_format(out, cents, AMOUNT_SCALE);
    return out;
}

/**
 * A date, or the day in UTC of a time; what is outside the calendar becomes its first or last day, where there are no
 * rows.
 */
static const char *read_date(const char *text, const char **reason, apr_pool_t *p)
{
    kiss_date date;
    kiss_date_status status = kiss_date_parse(&date, text, strlen(text), KISS_DATE_BLANK_IS_PLUS);

    if (status != KISS_DATE_OK && status != KISS_DATE_BEYOND) {
        *reason = apr_pstrcat(p, "it ", kiss_date_reason(status), NULL);
        return NULL;
    }
    return kiss_date_day(apr_palloc(p, KISS_DATE_DAY), &date);
}

/** The word in the spelling of the table, if it is one of `words`. */
static const char *read_word(const char *text, const char *words, apr_pool_t *p)
{
    apr_size_t n = strlen(text);
    const char *w = words;

    while (w) {
        const char *end = strchr(w, ',');
        apr_size_t len = end ? (apr_size_t)(end - w) : strlen(w);

        if (len == n && memcmp(w, text, n) == 0) {
            return apr_pstrmemdup(p, w, len);
        }
        w = end ? end + 1 : NULL;
    }
    return NULL;
}

/** @param why receives the reason of a refusal, where one is to be named */
static const char *read_value(const kiss_param *param, const char *text, const char **reason, apr_pool_t *p)
{
    switch (param->type) {
    case KISS_PARAM_NUMBERS:
    case KISS_PARAM_NUMBER:
        return read_number(text, MAX_DIGITS, p);
    case KISS_PARAM_COUNT:
        text = read_number(text, INT_MAX, p);
        return text && *text != '-' && *text != '0' ? text : NULL;
    case KISS_PARAM_WORDS:
        return read_word(text, param->words, p);
    case KISS_PARAM_BOOLEANS:
        return strcmp(text, "true") == 0 ? "1" : strcmp(text, "false") == 0 ? "0" : NULL;
    case KISS_PARAM_DATE:
        return read_date(text, reason, p);
    case KISS_PARAM_AMOUNT:
        return read_amount(text, reason, p);
    case KISS_PARAM_TEXTS:
    case KISS_PARAM_TEXT:
        return *text && kiss_json_text_is_utf8(text, strlen(text)) ? text : NULL;
    }
    return NULL;
}

/* --- lists --- */

static int is_list(kiss_param_type type)
{
    return type == KISS_PARAM_NUMBERS || type == KISS_PARAM_TEXTS || type == KISS_PARAM_WORDS
           || type == KISS_PARAM_BOOLEANS;
}

/**
 * Removes the next item from a list, without the blanks around it. "\\," is a comma that does not separate, and "\\\\"
 * a backslash; before any other character a backslash is literal.
 *
 * @param rest where it starts; receives the start of the next one, or NULL
 */
static char *next_item(char **rest)
{
    char *item = *rest, *from = item, *to = item;

    while (*from && *from != ',') {
        from += from[0] == '\\' && (from[1] == ',' || from[1] == '\\');
        *to++ = *from++;
    }
    *rest = *from ? from + 1 : NULL;
    while (to > item && strchr(BLANKS, to[-1])) {
        to--;
    }
    *to = '\0';
    return item + strspn(item, BLANKS);
}

/** Adds the values of one occurrence. @return 0, or -1 when one is malformed */
static int add_values(apr_array_header_t *all, const kiss_param *param, char *text, const char **reason, apr_pool_t *p)
{
    const int list = is_list(param->type);
    char *rest = text;

    do {
        const char *value = read_value(param, list ? next_item(&rest) : text, reason, p);

        if (!value) {
            return -1;
        }
        APR_ARRAY_PUSH(all, const char *) = value;
    } while (list && rest);
    return 0;
}

/**
 * Orders by length, then by bytes: ascending for numbers without leading zeros that have the same sign; a total order
 * in any case.
 */
static int by_size(const void *a, const void *b)
{
    const char *x = *(const char *const *)a, *y = *(const char *const *)b;
    apr_size_t n = strlen(x), m = strlen(y);

    return n != m ? (n > m) - (n < m) : strcmp(x, y);
}

/** Sorts and removes duplicates: equal requests have equal texts, and the database reads no key twice. */
static int normalise(const char **values, int n)
{
    int from, to = 0;

    qsort(values, (size_t)n, sizeof(*values), by_size);
    for (from = 0; from < n; from++) {
        if (to == 0 || strcmp(values[from], values[to - 1]) != 0) {
            values[to++] = values[from];
        }
    }
    return to;
}

/* --- the request --- */

static void add_fields(apr_array_header_t *fields, const char *text, apr_pool_t *p)
{
    while (text && *text) {
        const char *end = text + strcspn(text, "&"), *equal = memchr(text, '=', (apr_size_t)(end - text));
        const char *name_end = equal ? equal : end;
        kiss_param_field *f = apr_array_push(fields);

        f->name = kiss_urlencoded_decode(text, (apr_size_t)(name_end - text), p);
        f->value = equal ? kiss_urlencoded_decode(equal + 1, (apr_size_t)(end - equal - 1), p) : "";
        text = *end ? end + 1 : NULL;
    }
}

/** @param why the reason, or NULL */
static const char *invalid(const char *name, const char *reason, apr_pool_t *p)
{
    return apr_pstrcat(p, name, " parameter is invalid", reason ? ": " : NULL, reason, NULL);
}

/** 1 when the field has a value or a broken encoding; a list of blanks has none. */
static int is_given(const kiss_param_field *f, int list)
{
    return !f->value || f->value[list ? strspn(f->value, BLANKS) : 0];
}

/** Collects the values of a parameter from all fields with its name. @return NULL or the sentence */
static const char *collect(apr_array_header_t *all, const kiss_param *param, const apr_array_header_t *fields,
                           apr_pool_t *p)
{
    const char *reason = NULL;
    int i;

    for (i = 0; i < fields->nelts; i++) {
        const kiss_param_field *f = &APR_ARRAY_IDX(fields, i, kiss_param_field);

        if (f->name && strcmp(f->name, param->name) == 0 && is_given(f, is_list(param->type))
            && (!f->value || add_values(all, param, apr_pstrdup(p, f->value), &reason, p))) {
            return invalid(param->name, reason, p);
        }
    }
    /* One value is expected; the same value twice is accepted. */
    if (!is_list(param->type) && all->nelts > 1 && normalise((const char **)all->elts, all->nelts) > 1) {
        return invalid(param->name, "it is given more than once", p);
    }
    return NULL;
}

static int in_set(unsigned set, kiss_role role)
{
    return (set & (1u << role)) != 0;
}

/** 1 when another parameter that is given disables this one. */
static int is_disabled(const kiss_param *param, const apr_array_header_t *fields, kiss_role role)
{
    int i;

    if (param->only_for && !in_set(param->only_for, role)) {
        return 1;
    }
    for (i = 0; param->unless && i < fields->nelts; i++) {
        const kiss_param_field *f = &APR_ARRAY_IDX(fields, i, kiss_param_field);

        if (f->name && strcmp(f->name, param->unless) == 0 && f->value && is_given(f, 1)) {
            return 1;
        }
    }
    return 0;
}

static const char *read_param(kiss_param_values *values, const kiss_param *param, const apr_array_header_t *fields,
                              const kiss_param_source *source, apr_pool_t *p)
{
    apr_array_header_t *all = apr_array_make(p, 4, sizeof(const char *));
    const char *e = NULL, *reason = NULL;

    values->param = param;
    values->count = 0;
    if (is_disabled(param, fields, source->role)) {
        return NULL;
    }
    if ((e = collect(all, param, fields, p))) {
        return e;
    }
    if (all->nelts == 0 && param->required) {
        return apr_pstrcat(p, param->name, " parameter is required", NULL);
    }
    if (param->fallback && (all->nelts == 0 || in_set(param->locked_for, source->role))
        && (!param->fallback_for || in_set(param->fallback_for, source->role))) {
        const char *text = strcmp(param->fallback, "today") == 0 ? source->today : param->fallback;

        apr_array_clear(all);
        if (add_values(all, param, apr_pstrdup(p, text), &reason, p)) {
            return invalid(param->name, reason, p);
        }
    }
    values->count = normalise((const char **)all->elts, all->nelts);
    values->value = (const char *const *)all->elts;
    return NULL;
}

/** Reads Page or PageSize: APR_INT64_MAX when it has too many digits; unchanged when it is not given. */
static const char *read_paging(apr_int64_t *n, const char *name, const apr_array_header_t *fields, apr_pool_t *p)
{
    const kiss_param param = { .name = name, .type = KISS_PARAM_COUNT };
    apr_array_header_t *all = apr_array_make(p, 1, sizeof(const char *));
    const char *e = collect(all, &param, fields, p), *text;

    if (!e && all->nelts > 0) {
        text = APR_ARRAY_IDX(all, 0, const char *);
        *n = strlen(text) > MAX_DIGITS ? APR_INT64_MAX : apr_atoi64(text);
    }
    return e;
}

/**
 * Reads number and size of the page: a size that is too large is lowered; a number is not, since the answer contains
 * it.
 */
static const char *read_page(kiss_params *params, const apr_array_header_t *fields, apr_pool_t *p)
{
    apr_int64_t size = KISS_PAGE_SIZE;
    const char *e = read_paging(&params->page, "Page", fields, p);

    if (!e && params->page == APR_INT64_MAX) {
        e = invalid("Page", "it has more than 18 digits", p);
    }
    e = e ? e : read_paging(&size, "PageSize", fields, p);
    params->page_size = size > KISS_PAGE_SIZE_MAX ? KISS_PAGE_SIZE_MAX : (int)size;
    return e;
}

const char *kiss_params_read(kiss_params *params, const kiss_endpoint *endpoint, const kiss_param_source *source,
                             apr_pool_t *p)
{
    apr_array_header_t *fields = apr_array_make(p, 8, sizeof(kiss_param_field));
    apr_array_header_t *path_param = apr_array_make(p, 1, sizeof(kiss_param_field));
    const kiss_param *param;
    const char *e = NULL;

    add_fields(fields, source->query, p);
    add_fields(fields, source->body, p);
    if (source->members) {
        apr_array_cat(fields, source->members);
    }
    params->page = 1;
    params->page_size = KISS_PAGE_SIZE;
    params->count = 0;
    for (param = endpoint->params; param->name && !e; param++) {
        const apr_array_header_t *from = fields;

        if (source->path_param && params->count == 0) {
            /* The first parameter is the path's; httpd has decoded the path already. */
            kiss_param_field *f = apr_array_push(path_param);

            f->name = param->name;
            f->value = source->path_param;
            from = path_param;
        }
        e = read_param(&params->values[params->count++], param, from, source, p);
    }
    return !e && endpoint->run == KISS_RUN_PAGE ? read_page(params, fields, p) : e;
}

const kiss_param_values *kiss_params_find(const kiss_params *params, const char *name, apr_size_t len)
{
    int i;

    for (i = 0; i < params->count; i++) {
        const kiss_param_values *v = &params->values[i];

        if (v->count && strlen(v->param->name) == len && memcmp(v->param->name, name, len) == 0) {
            return v;
        }
    }
    return NULL;
}

const char *kiss_params_text(const kiss_params *params, apr_pool_t *p)
{
    apr_array_header_t *parts = apr_array_make(p, 16, sizeof(const char *));
    int i, j;

    APR_ARRAY_PUSH(parts, const char *) = apr_psprintf(p, "page\n%" APR_INT64_T_FMT "\n%d\n", params->page,
                                                       params->page_size);
    for (i = 0; i < params->count; i++) {
        const kiss_param_values *v = &params->values[i];

        /* Each value with its length: no value can be mistaken for two, or for another parameter. */
        APR_ARRAY_PUSH(parts, const char *) = apr_psprintf(p, "%s\n%d\n", v->param->name, v->count);
        for (j = 0; j < v->count; j++) {
            APR_ARRAY_PUSH(parts, const char *) = apr_psprintf(p, "%" APR_SIZE_T_FMT ":", strlen(v->value[j]));
            APR_ARRAY_PUSH(parts, const char *) = v->value[j];
        }
    }
    return apr_array_pstrcat(p, parts, 0);
}
