#include "kiss_json.h"

#include <limits.h>
#include <string.h>

#include <apr_strings.h>

#include "kiss_decimal.h"

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
    int at;                     /* its place among the values */
} member;

struct kiss_json_writer {
    int members;
    member member[];
};

const kiss_json_writer *kiss_json_writer_make(const kiss_column *columns, const char *key, unsigned roles, apr_pool_t *p)
{
    kiss_json_writer *w;
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

char *kiss_json_room(struct printbuf *pb, apr_size_t need)
{
    int at = pb->bpos;

    if (need >= (apr_size_t)(INT_MAX - at)) {
        return NULL;
    }
    if ((int)need >= pb->size - at) {
        /* The only call of json-c that grows a buffer without writing all of it. */
        if (printbuf_memset(pb, at + (int)need, 0, 1) != 0) {
            return NULL;
        }
        pb->bpos = at;
    }
    return pb->buf + at;
}

static apr_status_t free_buffer(void *buffer)
{
    printbuf_free(buffer);
    return APR_SUCCESS;
}

struct printbuf *kiss_json_buffer(apr_pool_t *p)
{
    struct printbuf *pb = printbuf_new();

    if (pb) {
        apr_pool_cleanup_register(p, pb, free_buffer, apr_pool_cleanup_null);
    }
    return pb;
}

int kiss_json_raw(struct printbuf *pb, const char *data, apr_size_t len)
{
    char *to = kiss_json_room(pb, len);

    if (!to) {
        return -1;
    }
    memcpy(to, data, len);
    pb->bpos += (int)len;
    return 0;
}

/** Length of the well-formed UTF-8 sequence at `s` (Unicode table 3-7), or 0. */
static int utf8_sequence(const unsigned char *s, apr_size_t left)
{
    unsigned char low = 0x80, high = 0xbf;
    int n, i;

    if (s[0] >= 0xc2 && s[0] <= 0xdf) {
        n = 2;
    }
    else if (s[0] >= 0xe0 && s[0] <= 0xef) {
        n = 3;
        low = s[0] == 0xe0 ? 0xa0 : 0x80;
        high = s[0] == 0xed ? 0x9f : 0xbf;
    }
    else if (s[0] >= 0xf0 && s[0] <= 0xf4) {
        n = 4;
        low = s[0] == 0xf0 ? 0x90 : 0x80;
        high = s[0] == 0xf4 ? 0x8f : 0xbf;
    }
    else {
        return 0;
    }
    if ((apr_size_t)n > left || s[1] < low || s[1] > high) {
        return 0;
    }
    for (i = 2; i < n; i++) {
        if (s[i] < 0x80 || s[i] > 0xbf) {
            return 0;
        }
    }
    return n;
}

int kiss_json_is_utf8(const char *text, apr_size_t len)
{
    const unsigned char *s = (const unsigned char *)text, *end = s + len;

    while (s < end) {
        int n = *s < 0x80 ? 1 : utf8_sequence(s, (apr_size_t)(end - s));

        if (n == 0) {
            return 0;
        }
        s += n;
    }
    return 1;
}

/** Writes the escape of one byte that may not stand as it is. @return bytes written, at most 6 */
static int escape(char *to, unsigned char c)
{
    static const char hex[] = "0123456789abcdef";
    static const char letter[] = "\bb\ff\nn\rr\tt\"\"\\\\";
    const char *l;

    for (l = letter; *l; l += 2) {
        if ((unsigned char)*l == c) {
            to[0] = '\\';
            to[1] = l[1];
            return 2;
        }
    }
    memcpy(to, "\\u00", 4);
    to[4] = hex[c >> 4];
    to[5] = hex[c & 15];
    return 6;
}

#define EACH_BYTE(b) (APR_UINT64_C(0x0101010101010101) * (b))

/** 1 when all eight bytes may stand in a JSON string as they are: printable ASCII but '"' and '\\'. */
static int are_plain(const unsigned char *s)
{
    apr_uint64_t x, quote, backslash;

    memcpy(&x, s, sizeof(x));
    quote = x ^ EACH_BYTE('"');
    backslash = x ^ EACH_BYTE('\\');
    /* A byte below n borrows from its highest bit when n is taken away; one that is above 0x7f has that bit itself. */
    return ((x | (x - EACH_BYTE(0x20)) | ((quote - EACH_BYTE(1)) & ~quote) | ((backslash - EACH_BYTE(1)) & ~backslash))
            & EACH_BYTE(0x80)) == 0;
}

int kiss_json_string(struct printbuf *pb, const char *text, apr_size_t len, apr_size_t *replaced)
{
    const unsigned char *s = (const unsigned char *)text, *end = s + len, *plain = s;
    char *start, *to;

    if (len > INT_MAX / 8 || !(start = to = kiss_json_room(pb, len * 6 + 2))) {
        return -1;
    }
    *to++ = '"';
    while (s < end) {
        int n;

        if (end - s >= 8 && are_plain(s)) {
            s += 8;
            continue;
        }
        if (*s >= 0x20 && *s < 0x80 && *s != '"' && *s != '\\') {
            s++;
            continue;
        }
        if (*s >= 0x80 && (n = utf8_sequence(s, (apr_size_t)(end - s))) > 0) {
            s += n;
            continue;
        }
        memcpy(to, plain, (apr_size_t)(s - plain));
        to += s - plain;
        if (*s >= 0x80) {
            memcpy(to, "\xef\xbf\xbd", 3);
            to += 3;
            ++*replaced;
        }
        else {
            to += escape(to, *s);
        }
        plain = ++s;
    }
    memcpy(to, plain, (apr_size_t)(s - plain));
    to += s - plain;
    *to++ = '"';
    pb->bpos += (int)(to - start);
    return 0;
}

kiss_value kiss_json_term(const char *text, apr_pool_t *p)
{
    kiss_value v = { "\"\"", 2 };
    struct printbuf *pb = printbuf_new();
    apr_size_t ignored = 0;

    if (pb) {
        if (kiss_json_string(pb, text, strlen(text), &ignored) == 0) {
            v.len = (apr_size_t)pb->bpos;
            v.data = apr_pmemdup(p, pb->buf, v.len);
        }
        printbuf_free(pb);
    }
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

/** Writes values[0], discounted if the flag in values[1] says so. */
static kiss_json_status write_price(struct printbuf *pb, const kiss_value *values, apr_int64_t discount)
{
    char text[KISS_DECIMAL_TEXT];
    apr_int64_t price;

    if (!values[0].data) {
        return KISS_JSON_VALUE;
    }
    if (discount == 0 || !is_true(&values[1])) {
        return kiss_json_raw(pb, values[0].data, values[0].len) ? KISS_JSON_MEMORY : KISS_JSON_OK;
    }
    if (kiss_decimal_parse(&price, values[0].data, values[0].len, PRICE_DIGITS, PRICE_SCALE) != KISS_DECIMAL_OK
        || kiss_decimal_discount(&price, price, discount) != 0) {
        return KISS_JSON_VALUE;
    }
    return kiss_json_raw(pb, text, (apr_size_t)kiss_decimal_format(text, price, PRICE_SCALE))
           ? KISS_JSON_MEMORY : KISS_JSON_OK;
}

/* --- days --- */

/* The Gregorian calendar repeats after 400 years; counted from 1 March, the leap day is a year's last day. */
#define DAYS_OF_400_YEARS 146097
#define DAYS_FROM_0000_03_01_TO_1970 719468

void kiss_json_day(char text[10], apr_int64_t day)
{
    apr_int64_t since = day + DAYS_FROM_0000_03_01_TO_1970, era = since / DAYS_OF_400_YEARS;
    int of_era = (int)(since % DAYS_OF_400_YEARS);
    int year = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    int of_year = of_era - (365 * year + year / 4 - year / 100);
    int shifted = (5 * of_year + 2) / 153;              /* 0 is March */
    int month = shifted < 10 ? shifted + 3 : shifted - 9, digits, i;

    digits = (int)((era * 400 + year + (month <= 2)) * 10000) + month * 100 + of_year - (153 * shifted + 2) / 5 + 1;
    for (i = 9; i >= 0; i--) {
        if (i == 4 || i == 7) {
            text[i] = '-';
        }
        else {
            text[i] = (char)('0' + digits % 10);
            digits /= 10;
        }
    }
}

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

/** The coming dates, four weeks long, that fall on the weekdays in `v`, joined by `between`. */
static int write_coming(struct printbuf *pb, const kiss_value *v, apr_int64_t today, const char *between)
{
    apr_size_t n = strlen(between);
    int first = 1, ahead;

    for (ahead = 1; ahead <= 28; ahead++) {
        /* 1970-01-01 was a Thursday, the fourth day. */
        char weekday = (char)('1' + (today + ahead + 3) % 7), text[10];

        if (!memchr(v->data, weekday, v->len)) {
            continue;
        }
        kiss_json_day(text, today + ahead);
        if ((!first && kiss_json_raw(pb, between, n)) || kiss_json_raw(pb, text, sizeof(text))) {
            return -1;
        }
        first = 0;
    }
    return 0;
}

/* --- values --- */

#define DAY_LEN  (sizeof("YYYY-MM-DD") - 1)
#define TIME_LEN (sizeof("YYYY-MM-DD HH:MM:SS.mmm") - 1)

/** 1 for '0000-00-00' and the like, which a program without strict mode may have stored for "none". */
static int is_no_day(const member *m, const kiss_value *v)
{
    return ((m->type == KISS_DATE && v->len == DAY_LEN) || (m->type == KISS_TIME && v->len == TIME_LEN))
           && (memcmp(v->data, "0000", 4) == 0 || memcmp(v->data + 5, "00", 2) == 0 || memcmp(v->data + 8, "00", 2) == 0);
}

/** "2026-02-24 17:06:10.610" becomes "2026-02-24T17:06:10.610Z". */
static kiss_json_status write_time(struct printbuf *pb, const kiss_value *v)
{
    char text[] = "\"YYYY-MM-DDTHH:MM:SS.mmmZ\"";

    if (v->len != TIME_LEN) {
        return KISS_JSON_VALUE;
    }
    memcpy(text + 1, v->data, v->len);
    text[11] = 'T';
    return kiss_json_raw(pb, text, sizeof(text) - 1) ? KISS_JSON_MEMORY : KISS_JSON_OK;
}

/** `Mon;Wed` becomes ["Mon","Wed"]. */
static int write_split(struct printbuf *pb, const kiss_value *v, apr_size_t *replaced)
{
    const char *s = v->data, *end = s + v->len;
    int failed = kiss_json_raw(pb, "[", 1);

    while (!failed && s < end) {
        const char *next = memchr(s, ';', (apr_size_t)(end - s));
        apr_size_t n = (apr_size_t)((next ? next : end) - s);

        failed = (s > v->data && kiss_json_raw(pb, ",", 1)) || kiss_json_string(pb, s, n, replaced);
        s += n + 1;
    }
    return failed || kiss_json_raw(pb, "]", 1);
}

static int write_quoted(struct printbuf *pb, const char *data, apr_size_t len)
{
    return kiss_json_raw(pb, "\"", 1) || kiss_json_raw(pb, data, len) || kiss_json_raw(pb, "\"", 1);
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
    return kiss_json_raw(pb, nothing[m->type], strlen(nothing[m->type]));
}

/** Writes a value that comes from the select list and is not NULL. */
static kiss_json_status write_value(struct printbuf *pb, const member *m, const kiss_value *v,
                                    const kiss_json_terms *terms, apr_size_t *replaced)
{
    int failed = 0;

    switch (m->type) {
    case KISS_TEXT:
    case KISS_DATE:
        failed = kiss_json_string(pb, v->data, v->len, replaced);
        break;
    case KISS_DECIMAL:
    case KISS_JSON:
        failed = kiss_json_raw(pb, v->data, v->len);
        break;
    case KISS_FIXED:
        failed = write_quoted(pb, v->data, v->len);
        break;
    case KISS_QUANTITY:
        failed = kiss_json_raw(pb, v->data, trimmed(v));
        break;
    case KISS_BOOLEAN:
        failed = is_true(v) ? kiss_json_raw(pb, "true", 4) : kiss_json_raw(pb, "false", 5);
        break;
    case KISS_TIME:
        return write_time(pb, v);
    case KISS_SPLIT:
        failed = write_split(pb, v, replaced);
        break;
    case KISS_COMING_DAYS:
        failed = !has_weekday(v) ? kiss_json_raw(pb, "[]", 2)
                 : kiss_json_raw(pb, "[\"", 2) || write_coming(pb, v, terms->today, "\",\"")
                   || kiss_json_raw(pb, "\"]", 2);
        break;
    case KISS_COMING_TEXT:
        failed = kiss_json_raw(pb, "\"", 1) || write_coming(pb, v, terms->today, ";") || kiss_json_raw(pb, "\"", 1);
        break;
    case KISS_NET_PRICE:
    case KISS_ROWS:
        return KISS_JSON_VALUE;         /* come from two values, and from `nested` */
    }
    return failed ? KISS_JSON_MEMORY : KISS_JSON_OK;
}

/** Writes what the select list holds for one member. @return KISS_JSON_OK or what went wrong */
static kiss_json_status write_member(struct printbuf *pb, const member *m, const kiss_value *values,
                                     const kiss_json_terms *terms, apr_size_t *replaced)
{
    if (m->type == KISS_NET_PRICE) {
        return write_price(pb, values, terms->discount);
    }
    if (values->data && !is_no_day(m, values)) {
        return write_value(pb, m, values, terms, replaced);
    }
    return (m->nullable ? kiss_json_raw(pb, "null", 4) : write_nothing(pb, m)) ? KISS_JSON_MEMORY : KISS_JSON_OK;
}

kiss_json_status kiss_json_row(struct printbuf *pb, const kiss_json_writer *w, const kiss_json_terms *terms,
                               const kiss_value *values, const kiss_value *nested, apr_size_t *replaced,
                               const char **column)
{
    int i;

    for (i = 0; i < w->members; i++) {
        const member *m = &w->member[i];
        kiss_json_status rv = KISS_JSON_OK;

        if (kiss_json_raw(pb, m->prefix, m->prefix_len)) {
            return KISS_JSON_MEMORY;
        }
        if (m->type == KISS_ROWS) {
            if (kiss_json_raw(pb, "[", 1) || kiss_json_raw(pb, nested->data, nested->len) || kiss_json_raw(pb, "]", 1)) {
                return KISS_JSON_MEMORY;
            }
            nested++;
        }
        else if (m->term) {
            if (kiss_json_raw(pb, terms->fragment[m->term].data, terms->fragment[m->term].len)) {
                return KISS_JSON_MEMORY;
            }
        }
        else {
            rv = write_member(pb, m, values + m->at, terms, replaced);
        }
        if (rv != KISS_JSON_OK) {
            *column = m->name;
            return rv;
        }
    }
    return kiss_json_raw(pb, "}", 1) ? KISS_JSON_MEMORY : KISS_JSON_OK;
}
