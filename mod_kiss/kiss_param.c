#include "kiss_param.h"

#include <stdlib.h>
#include <string.h>

#include <apr_strings.h>
#include <apr_tables.h>

#include "kiss_date.h"
#include "kiss_form.h"
#include "kiss_json.h"

/* Numbers have at most as many digits as surely fit 64 bits. */
#define MAX_DIGITS 18

/* Pages beyond this one exist for nobody; their rows' numbers would not fit. */
#define MAX_PAGE_DIGITS 15

/* DECIMAL(18,6) has twelve digits before the point. */
#define MAX_AMOUNT_DIGITS 12

/* --- single values: from a text to its normal form in `p`, or NULL --- */

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

/** More than 0, at most two decimals, written with two: equal amounts are equal texts. */
static const char *read_amount(const char *text, apr_pool_t *p)
{
    apr_size_t whole = strspn(text, "0123456789"), decimals = 0;
    const char *rest = text + whole;

    if (*rest == '.') {
        decimals = strspn(rest + 1, "0123456789");
        if (decimals == 0 || decimals > 2) {
            return NULL;
        }
    }
    if (whole == 0 || whole > MAX_AMOUNT_DIGITS || rest[decimals ? decimals + 1 : 0]
        || strspn(text, "0.") == strlen(text)) {
        return NULL;
    }
    while (whole > 1 && *text == '0') {
        text++;
        whole--;
    }
    return apr_psprintf(p, "%.*s.%c%c", (int)whole, text, decimals > 0 ? rest[1] : '0', decimals > 1 ? rest[2] : '0');
}

/** A date, or the day in UTC of a time; what lies beyond the calendar's ends means its ends: no row is there. */
static const char *read_date(const char *text, apr_pool_t *p)
{
    kiss_date date;
    kiss_date_status status = kiss_date_parse(&date, text, strlen(text), KISS_DATE_BLANK_IS_PLUS);

    return status == KISS_DATE_OK || status == KISS_DATE_BEYOND ? kiss_date_day(apr_palloc(p, KISS_DATE_DAY), &date) : NULL;
}

/** The word as the table writes it, if it is one of them. */
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

static const char *read_value(const kiss_param *param, const char *text, apr_pool_t *p)
{
    switch (param->type) {
    case KISS_PARAM_NUMBERS:
    case KISS_PARAM_NUMBER:
        return read_number(text, MAX_DIGITS, p);
    case KISS_PARAM_WORDS:
        return read_word(text, param->words, p);
    case KISS_PARAM_BOOLEANS:
        return strcmp(text, "true") == 0 ? "1" : strcmp(text, "false") == 0 ? "0" : NULL;
    case KISS_PARAM_DATE:
        return read_date(text, p);
    case KISS_PARAM_AMOUNT:
        return read_amount(text, p);
    case KISS_PARAM_TEXTS:
    case KISS_PARAM_TEXT:
        return *text && kiss_json_is_utf8(text, strlen(text)) ? text : NULL;
    }
    return NULL;
}

/* --- lists --- */

static int is_list(kiss_param_type type)
{
    return type == KISS_PARAM_NUMBERS || type == KISS_PARAM_TEXTS || type == KISS_PARAM_WORDS
           || type == KISS_PARAM_BOOLEANS;
}

/** Adds the values of one occurrence. @return 0, or -1 when one is malformed */
static int add_values(apr_array_header_t *all, const kiss_param *param, char *text, apr_pool_t *p)
{
    do {
        char *comma = is_list(param->type) ? strchr(text, ',') : NULL;
        const char *value;

        if (comma) {
            *comma++ = '\0';
        }
        if (!(value = read_value(param, text, p))) {
            return -1;
        }
        APR_ARRAY_PUSH(all, const char *) = value;
        text = comma;
    } while (text);
    return 0;
}

/** By length, then by bytes: ascending for numbers without leading zeros that have the same sign; total in any case. */
static int by_size(const void *a, const void *b)
{
    const char *x = *(const char *const *)a, *y = *(const char *const *)b;
    apr_size_t n = strlen(x), m = strlen(y);

    return n != m ? (n > m) - (n < m) : strcmp(x, y);
}

/** Sorts, and takes each value once: equal requests then have equal texts, and the database reads no key twice. */
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

/** One name=value of the query, decoded; value NULL: its encoding is broken. */
typedef struct {
    const char *name;
    char *value;
} field;

static void add_fields(apr_array_header_t *fields, const char *text, apr_pool_t *p)
{
    while (text && *text) {
        const char *end = text + strcspn(text, "&"), *equal = memchr(text, '=', (apr_size_t)(end - text));
        const char *name_end = equal ? equal : end;
        field *f = apr_array_push(fields);

        f->name = kiss_form_decode(text, (apr_size_t)(name_end - text), p);
        f->value = equal ? kiss_form_decode(equal + 1, (apr_size_t)(end - equal - 1), p) : apr_pstrdup(p, "");
        text = *end ? end + 1 : NULL;
    }
}

static const char *invalid(const char *name, apr_pool_t *p)
{
    return apr_pstrcat(p, name, " parameter is invalid", NULL);
}

/** Collects a parameter's values from wherever they stand. @return NULL or the sentence */
static const char *collect(apr_array_header_t *all, const kiss_param *param, const apr_array_header_t *fields,
                           apr_pool_t *p)
{
    int i;

    for (i = 0; i < fields->nelts; i++) {
        const field *f = &APR_ARRAY_IDX(fields, i, field);

        if (f->name && strcmp(f->name, param->name) == 0) {
            if (!f->value || (*f->value && add_values(all, param, apr_pstrdup(p, f->value), p))) {
                return invalid(param->name, p);
            }
        }
    }
    /* One value is asked for; the same one twice is one. */
    if (!is_list(param->type) && all->nelts > 1 && normalise((const char **)all->elts, all->nelts) > 1) {
        return invalid(param->name, p);
    }
    return NULL;
}

static int in_set(unsigned set, kiss_role role)
{
    return (set & (1u << role)) != 0;
}

/** 1 when another parameter, which is given, switches this one off. */
static int switched_off(const kiss_param *param, const apr_array_header_t *fields, kiss_role role)
{
    int i;

    if (param->only_for && !in_set(param->only_for, role)) {
        return 1;
    }
    for (i = 0; param->unless && i < fields->nelts; i++) {
        const field *f = &APR_ARRAY_IDX(fields, i, field);

        if (f->name && strcmp(f->name, param->unless) == 0 && f->value && *f->value) {
            return 1;
        }
    }
    return 0;
}

static const char *read_param(kiss_param_values *values, const kiss_param *param, const apr_array_header_t *fields,
                              const kiss_param_source *source, apr_pool_t *p)
{
    apr_array_header_t *all = apr_array_make(p, 4, sizeof(const char *));
    const char *e = NULL;

    values->param = param;
    values->count = 0;
    if (switched_off(param, fields, source->role)) {
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
        if (add_values(all, param, apr_pstrdup(p, text), p)) {
            return invalid(param->name, p);
        }
    }
    values->count = normalise((const char **)all->elts, all->nelts);
    values->value = (const char *const *)all->elts;
    return NULL;
}

/** Reads Page or PageSize: from 1, in digits. @return NULL or the sentence */
static const char *read_paging(apr_int64_t *n, const char *name, int max_digits, const apr_array_header_t *fields,
                               apr_pool_t *p)
{
    int i;

    for (i = 0; i < fields->nelts; i++) {
        const field *f = &APR_ARRAY_IDX(fields, i, field);
        const char *text;

        if (!f->name || strcmp(f->name, name) != 0 || (f->value && !*f->value)) {
            continue;
        }
        if (!f->value || !(text = read_number(f->value, (int)strlen(f->value), p)) || *text == '-' || *text == '0') {
            return invalid(name, p);
        }
        /* With more digits it is past every end in any case. */
        *n = apr_atoi64(apr_pstrndup(p, text, (apr_size_t)max_digits));
    }
    return NULL;
}

const char *kiss_params_read(kiss_params *params, const kiss_endpoint *endpoint, const kiss_param_source *source,
                             apr_pool_t *p)
{
    apr_array_header_t *fields = apr_array_make(p, 8, sizeof(field)), *named = apr_array_make(p, 1, sizeof(field));
    apr_int64_t size = KISS_PAGE_SIZE;
    const kiss_param *param;
    const char *e = NULL;

    add_fields(fields, source->query, p);
    add_fields(fields, source->body, p);
    params->page = 1;
    params->count = 0;
    for (param = endpoint->params; param->name && !e; param++) {
        const apr_array_header_t *from = fields;

        if (source->named && params->count == 0) {
            /* The first parameter is the path's; httpd has decoded the path already. */
            field *f = apr_array_push(named);

            f->name = param->name;
            f->value = apr_pstrdup(p, source->named);
            from = named;
        }
        e = read_param(&params->values[params->count++], param, from, source, p);
    }
    if (!e && endpoint->run == KISS_RUN_PAGE) {
        e = read_paging(&params->page, "Page", MAX_PAGE_DIGITS, fields, p);
        e = e ? e : read_paging(&size, "PageSize", MAX_DIGITS, fields, p);
    }
    params->page_size = size > KISS_PAGE_SIZE_MAX ? KISS_PAGE_SIZE_MAX : (int)size;
    return e;
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

        /* Each value with its length: no value can look like two, or like another parameter. */
        APR_ARRAY_PUSH(parts, const char *) = apr_psprintf(p, "%s\n%d\n", v->param->name, v->count);
        for (j = 0; j < v->count; j++) {
            APR_ARRAY_PUSH(parts, const char *) = apr_psprintf(p, "%" APR_SIZE_T_FMT ":", strlen(v->value[j]));
            APR_ARRAY_PUSH(parts, const char *) = v->value[j];
        }
    }
    return apr_array_pstrcat(p, parts, 0);
}
