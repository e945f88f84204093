/* SPDX-License-Identifier: Apache-2.0 */
/**
 * row_json - writes the values of rows by the types of their columns.
 */
#include "lib/api/row_json.h"

#include <string.h>

#include <apr_strings.h>

#include "lib/base/date.h"
#include "lib/base/decimal.h"
#include "lib/base/json_text.h"

/* unit_price and discount_percent in sql/: DECIMAL(12,4), and the percentage at the same scale. */
#define PRICE_DIGITS 12
#define PRICE_SCALE  4

typedef struct {
    const char *prefix;         /* `{"SKU":` for the first member, `,"Name":` for the others */
    apr_size_t prefix_len;
    kiss_type type;
    kiss_term term;
    const char *name;
    unsigned nullable;
    unsigned scale;
    int at;                     /* its index in the values of a row */
} member;

struct kiss_row_json_writer {
    int members;
    member member[];
};

const kiss_row_json_writer *kiss_row_json_writer_make(const kiss_column *columns, const char *key, unsigned roles,
                                                      apr_pool_t *p)
{
    kiss_row_json_writer *w;
    const kiss_column *c;
    int n = 0, at = key != NULL;

    for (c = columns; c->name; c++) {
        n += !(c->hidden & roles);
    }
    w = apr_palloc(p, sizeof(*w) + (apr_size_t)n * sizeof(member));
    w->members = 0;
    for (c = columns; c->name; c++) {
        member *m = &w->member[w->members];

        if (!(c->hidden & roles)) {
            m->prefix = apr_pstrcat(p, w->members ? "," : "{", "\"", c->name, "\":", NULL);
            m->prefix_len = strlen(m->prefix);
            m->type = c->type;
            m->term = c->term;
            m->name = c->name;
            m->nullable = c->nullable;
            m->scale = c->scale;
            m->at = key && c->sql && strcmp(c->sql, key) == 0 ? 0 : at;
            if (m->at == at && m->type != KISS_ROWS && !m->term) {
                at += m->type == KISS_NET_PRICE ? 2 : 1;
            }
            w->members++;
        }
    }
    return w;
}

const kiss_row_json_writer *kiss_row_json_writer_bind(const kiss_row_json_writer *w, const kiss_row_json_terms *terms,
                                                      apr_pool_t *p)
{
    kiss_row_json_writer *bound = apr_palloc(p, sizeof(*bound) + (apr_size_t)w->members * sizeof(member));
    const char *before = "";
    int i;

    bound->members = 0;
    for (i = 0; i < w->members; i++) {
        const member *m = &w->member[i];
        member *to = &bound->member[bound->members];

        *to = *m;
        to->prefix = apr_pstrcat(p, before, m->prefix, NULL);
        to->prefix_len = strlen(to->prefix);
        if (m->term && i + 1 < w->members) {
            const kiss_value *term = &terms->fragment[m->term];

            before = apr_pstrcat(p, to->prefix, apr_pstrmemdup(p, term->data, term->len), NULL);
        }
        else {                          /* also a term at the end, since nothing follows that it could precede */
            before = "";
            bound->members++;
        }
    }
    return bound;
}

kiss_value kiss_row_json_term(const char *text, apr_pool_t *p)
{
    apr_size_t ignored = 0;
    kiss_value v = { kiss_json_text_quoted(text, &ignored, p), 0 };

    v.len = strlen(v.data);
    return v;
}

/** `12.000` becomes `12`, `1.500` becomes `1.5`. */
static apr_size_t trimmed(const kiss_value *v)
{
    apr_size_t n = v->len;

    if (memchr(v->data, '.', n)) {
        while (v->data[n - 1] == '0') {
            n--;
        }
        if (v->data[n - 1] == '.') {
            n--;
        }
    }
    return n;
}

static int is_true(const kiss_value *v)
{
    return v->data && !(v->len == 1 && v->data[0] == '0');
}

/** Writes values[0], discounted if the flag in values[1] is true. */
static kiss_row_json_status write_price(struct printbuf *pb, const kiss_value *values, apr_int64_t discount)
{
    char text[KISS_DECIMAL_TEXT];
    apr_int64_t price;

    if (!values[0].data) {
        return KISS_ROW_JSON_VALUE;
    }
    if (discount == 0 || !is_true(&values[1])) {
        return kiss_json_text_raw(pb, values[0].data, values[0].len) ? KISS_ROW_JSON_MEMORY : KISS_ROW_JSON_OK;
    }
    if (kiss_decimal_parse(&price, values[0].data, values[0].len, PRICE_DIGITS, PRICE_SCALE) != KISS_DECIMAL_OK
        || kiss_decimal_discount(&price, price, discount) != 0) {
        return KISS_ROW_JSON_VALUE;
    }
    return kiss_json_text_raw(pb, text, (apr_size_t)kiss_decimal_format(text, price, PRICE_SCALE))
           ? KISS_ROW_JSON_MEMORY : KISS_ROW_JSON_OK;
}

/* --- coming days --- */

static int has_weekday(const kiss_value *v)
{
    apr_size_t i;

    for (i = 0; i < v->len; i++) {
        if (v->data[i] >= '1' && v->data[i] <= '7') {
            return 1;
        }
    }
    return 0;
}

/** The dates of the next four weeks on the weekdays in `v`, joined by `between`. */
static int write_coming(struct printbuf *pb, const kiss_value *v, apr_int64_t today, const char *between)
{
    apr_size_t n = strlen(between);
    int first = 1, ahead;

    for (ahead = 1; ahead <= 28; ahead++) {
        /* 1970-01-01 was a Thursday, the fourth day. */
        char weekday = (char)('1' + (today + ahead + 3) % 7), text[KISS_DATE_DAY];

        if (!memchr(v->data, weekday, v->len)) {
            continue;
        }
        kiss_date_of_day_number(text, today + ahead);
        if ((!first && kiss_json_text_raw(pb, between, n)) || kiss_json_text_raw(pb, text, sizeof(text) - 1)) {
            return -1;
        }
        first = 0;
    }
    return 0;
}

/* --- values --- */

#define DAY_LEN  (sizeof("YYYY-MM-DD") - 1)
#define TIME_LEN (sizeof("YYYY-MM-DD HH:MM:SS.mmm") - 1)

/** 1 for '0000-00-00' and the like, which a program without strict mode may have stored as "none". */
static int is_no_day(const member *m, const kiss_value *v)
{
    return ((m->type == KISS_DATE && v->len == DAY_LEN) || (m->type == KISS_TIME && v->len == TIME_LEN))
           && (memcmp(v->data, "0000", 4) == 0 || memcmp(v->data + 5, "00", 2) == 0 || memcmp(v->data + 8, "00", 2) == 0);
}

/** "2026-02-24 17:06:10.610" becomes "2026-02-24T17:06:10.610Z". */
static kiss_row_json_status write_time(struct printbuf *pb, const kiss_value *v)
{
    char text[] = "\"YYYY-MM-DDTHH:MM:SS.mmmZ\"";

    if (v->len != TIME_LEN) {
        return KISS_ROW_JSON_VALUE;
    }
    memcpy(text + 1, v->data, v->len);
    text[11] = 'T';
    return kiss_json_text_raw(pb, text, sizeof(text) - 1) ? KISS_ROW_JSON_MEMORY : KISS_ROW_JSON_OK;
}

/** `Mon;Wed` becomes ["Mon","Wed"]. */
static int write_split(struct printbuf *pb, const kiss_value *v, apr_size_t *replaced)
{
    const char *s = v->data, *end = s + v->len;
    int failed = kiss_json_text_raw(pb, "[", 1);

    while (!failed && s < end) {
        const char *next = memchr(s, ';', (apr_size_t)(end - s));
        apr_size_t n = (apr_size_t)((next ? next : end) - s);

        failed = (s > v->data && kiss_json_text_raw(pb, ",", 1)) || kiss_json_text_string(pb, s, n, replaced);
        s += n + 1;
    }
    return failed || kiss_json_text_raw(pb, "]", 1);
}

static int write_quoted(struct printbuf *pb, const char *data, apr_size_t len)
{
    return kiss_json_text_raw(pb, "\"", 1) || kiss_json_text_raw(pb, data, len) || kiss_json_text_raw(pb, "\"", 1);
}

/** Writes SQL NULL in a column that is not nullable. */
static int write_nothing(struct printbuf *pb, const member *m)
{
    static const char *const nothing[] = {
        [KISS_TEXT] = "\"\"", [KISS_DECIMAL] = "0", [KISS_QUANTITY] = "0", [KISS_BOOLEAN] = "false", [KISS_DATE] = "null",
        [KISS_TIME] = "null", [KISS_JSON] = "[]", [KISS_SPLIT] = "[]", [KISS_COMING_DAYS] = "[]",
        [KISS_COMING_TEXT] = "\"\""
    };

    if (m->type == KISS_FIXED) {
        return write_quoted(pb, "0.000000000000000", m->scale ? m->scale + 2 : 1);
    }
    return kiss_json_text_raw(pb, nothing[m->type], strlen(nothing[m->type]));
}

/** Writes a value that comes from the select list and is not NULL. */
static kiss_row_json_status write_value(struct printbuf *pb, const member *m, const kiss_value *v,
                                        const kiss_row_json_terms *terms, apr_size_t *replaced)
{
    int failed = 0;

    switch (m->type) {
    case KISS_TEXT:
    case KISS_DATE:
        failed = kiss_json_text_string(pb, v->data, v->len, replaced);
        break;
    case KISS_DECIMAL:
    case KISS_JSON:
        failed = kiss_json_text_raw(pb, v->data, v->len);
        break;
    case KISS_FIXED:
        failed = write_quoted(pb, v->data, v->len);
        break;
    case KISS_QUANTITY:
        failed = kiss_json_text_raw(pb, v->data, trimmed(v));
        break;
    case KISS_BOOLEAN:
        failed = is_true(v) ? kiss_json_text_raw(pb, "true", 4) : kiss_json_text_raw(pb, "false", 5);
        break;
    case KISS_TIME:
        return write_time(pb, v);
    case KISS_SPLIT:
        failed = write_split(pb, v, replaced);
        break;
    case KISS_COMING_DAYS:
        failed = !has_weekday(v) ? kiss_json_text_raw(pb, "[]", 2)
                 : kiss_json_text_raw(pb, "[\"", 2) || write_coming(pb, v, terms->today, "\",\"")
                   || kiss_json_text_raw(pb, "\"]", 2);
        break;
    case KISS_COMING_TEXT:
        failed = kiss_json_text_raw(pb, "\"", 1) || write_coming(pb, v, terms->today, ";")
            || kiss_json_text_raw(pb, "\"", 1);
        break;
    case KISS_NET_PRICE:
    case KISS_ROWS:
        return KISS_ROW_JSON_VALUE;         /* written from two values, and from `nested` */
    }
    return failed ? KISS_ROW_JSON_MEMORY : KISS_ROW_JSON_OK;
}

/** Writes one member from the select list. @return KISS_ROW_JSON_OK or the error */
static kiss_row_json_status write_member(struct printbuf *pb, const member *m, const kiss_value *values,
                                         const kiss_row_json_terms *terms, apr_size_t *replaced)
{
    if (m->type == KISS_NET_PRICE) {
        return write_price(pb, values, terms->discount);
    }
    if (values->data && !is_no_day(m, values)) {
        return write_value(pb, m, values, terms, replaced);
    }
    return (m->nullable ? kiss_json_text_raw(pb, "null", 4) : write_nothing(pb, m)) ? KISS_ROW_JSON_MEMORY
        : KISS_ROW_JSON_OK;
}

kiss_row_json_status kiss_row_json_write(struct printbuf *pb, const kiss_row_json_writer *w,
                                         const kiss_row_json_terms *terms,
                                         const kiss_value *values, const kiss_value *nested, apr_size_t *replaced,
                                         const char **column)
{
    int i;

    for (i = 0; i < w->members; i++) {
        const member *m = &w->member[i];
        kiss_row_json_status rv = KISS_ROW_JSON_OK;

        if (kiss_json_text_raw(pb, m->prefix, m->prefix_len)) {
            return KISS_ROW_JSON_MEMORY;
        }
        if (m->type == KISS_ROWS) {
            if (kiss_json_text_raw(pb, "[", 1) || kiss_json_text_raw(pb, nested->data, nested->len)
                || kiss_json_text_raw(pb, "]", 1)) {
                return KISS_ROW_JSON_MEMORY;
            }
            nested++;
        }
        else if (m->term) {
            if (kiss_json_text_raw(pb, terms->fragment[m->term].data, terms->fragment[m->term].len)) {
                return KISS_ROW_JSON_MEMORY;
            }
        }
        else {
            rv = write_member(pb, m, values + m->at, terms, replaced);
        }
        if (rv != KISS_ROW_JSON_OK) {
            *column = m->name;
            return rv;
        }
    }
    return kiss_json_text_raw(pb, "}", 1) ? KISS_ROW_JSON_MEMORY : KISS_ROW_JSON_OK;
}
