/* SPDX-License-Identifier: Apache-2.0 */
/**
 * write_body - reads and writes objects by their plan.
 */
#include "lib/api/write_body.h"

#include <string.h>

#include <apr_hash.h>
#include <apr_strings.h>

#include "lib/base/json_parse.h"
#include "lib/base/json_text.h"
#include "lib/base/quote.h"
#include "lib/import/import_value.h"

/* Object, array, object. */
#define MAX_DEPTH 3

#define MAX_FAULTS 100

const char kiss_write_absent[] = "";

/* --- reading --- */

/** What is being read. */
typedef struct {
    const kiss_write_reading *how;
    const char *place;                  /* what precedes a member of the object: "", "[17]." */
    apr_array_header_t *faults;         /* of const char * */
    apr_pool_t *pool;
    int no_memory;                      /* 1 when faults[] lacks something, or has what is none */
} reader;

/* In place of what is wrong with a value. */
static const char no_memory[] = "";

/** Notes a fault: of `member`, in the row `i` of `array` unless that is NULL. */
static void blame(reader *r, const char *array, int i, const char *member, const char *what)
{
    const char *place = array ? apr_psprintf(r->pool, "%s[%d]%s", array, i, *member ? "." : "") : r->place;

    if (what == no_memory) {
        r->no_memory = 1;
    }
    else if (r->faults->nelts <= MAX_FAULTS) {
        APR_ARRAY_PUSH(r->faults, const char *) = apr_pstrcat(r->pool, place, member, *member ? ": " : "", what, NULL);
    }
}

/* Of a name that is none, an answer repeats this many bytes, in whole characters. */
#define MAX_NAME 100

/** Notes that there is no such member. */
static void blame_name(reader *r, const char *array, int i, const char *member)
{
    apr_size_t n = strlen(member);
    char *name, *c;

    if (n > MAX_NAME) {
        for (n = MAX_NAME; ((unsigned char)member[n] & 0xc0) == 0x80; n--) {
            continue;
        }
    }
    name = apr_pstrmemdup(r->pool, member, n);
    for (c = name; *c; c++) {
        *c = (unsigned char)*c < 0x20 || *c == 0x7f ? '?' : *c;
    }
    blame(r, array, i, member[n] ? apr_pstrcat(r->pool, name, "...", NULL) : name, "there is no such member");
}

/** A JSON value as the text of a cell. @return NULL, or what is wrong with it; no_memory */
static const char *cell_of(const char **text, apr_size_t *len, json_object *value, const import_column *column)
{
    int texts = column->type == IMPORT_TEXT || column->type == IMPORT_CODE || column->type == IMPORT_CURRENCY
                || column->type == IMPORT_DATE;

    *text = "";
    *len = 0;
    switch (json_object_get_type(value)) {
    case json_type_null:
        return NULL;
    case json_type_string:
        *text = json_object_get_string(value);
        *len = (apr_size_t)json_object_get_string_len(value);
        return memchr(*text, '\0', *len) ? "contains a NUL" : NULL;
    case json_type_boolean:
        *text = json_object_get_boolean(value) ? "1" : "0";
        *len = 1;
        return column->type == IMPORT_FLAG ? NULL : texts ? "must be a string" : "must be a number";
    case json_type_int:
        /* The parser takes the nearest number for one that is beyond 64 bits: its digits are lost. */
        if (json_object_get_uint64(value) >= APR_INT64_MAX || json_object_get_int64(value) == APR_INT64_MIN) {
            return texts ? "is a number with more digits than are safe: send it as a string" : "is too large";
        }
        *text = json_object_get_string(value);
        *len = *text ? strlen(*text) : 0;
        return *text ? NULL : no_memory;
    case json_type_double:
        *text = json_object_get_string(value);
        *len = *text ? strlen(*text) : 0;
        return texts ? "must be a string" : *text ? NULL : no_memory;
    case json_type_object:
    case json_type_array:
    default:
        return column->type == IMPORT_FLAG ? "must be true or false" : texts ? "must be a string" : "must be a number";
    }
}

/** Checks a text as the import would a cell. @return NULL, or the fault */
static const char *check_text(const char **value, const char *text, apr_size_t len, const import_column *column,
                              apr_pool_t *p)
{
    const import_reading as_given = { 0, 0 };
    import_value checked;
    const char *e = import_value_check(&checked, column, &as_given, text, len, p);

    *value = e ? "" : checked.null ? NULL : apr_pstrmemdup(p, checked.text, checked.len);
    return e;
}

/** Checks a value that was sent. @return NULL, or the fault */
static const char *check(const char **value, json_object *sent, const import_column *column, apr_pool_t *p)
{
    apr_size_t len;
    const char *text, *e = cell_of(&text, &len, sent, column);

    *value = "";
    return e ? e : check_text(value, text, len, column, p);
}

/** The column with this JSON name, or -1. */
static int find(const kiss_write_table *t, const char *name)
{
    int i;

    for (i = 0; i < t->n; i++) {
        if (t->member[i] && strcmp(t->member[i], name) == 0) {
            return i;
        }
    }
    return -1;
}

static void read_other(reader *r, kiss_write_object *object, const char *name, json_object *value);

/**
 * Reads the members of a JSON object that are columns of a table into `values`; those of absent ones are untouched.
 *
 * @param object what other members may belong to; NULL: there are none
 */
static void read_members(reader *r, const char **values, const kiss_write_table *t, int row, json_object *o,
                         kiss_write_object *object)
{
    json_object_object_foreach(o, name, value) {
        int i = find(t, name);
        const char *e;

        if (i >= 0) {
            if ((e = check(&values[i], value, t->column[i], r->pool))) {
                blame(r, t->name, row, name, e);
            }
        }
        else if (object) {
            read_other(r, object, name, value);
        }
        else {
            blame_name(r, t->name, row, name);
        }
    }
}

/** Values of what was not sent: an empty cell each. */
static void fill(reader *r, const char **values, const kiss_write_table *t, int row)
{
    int i;

    for (i = 0; i < t->n; i++) {
        const char *e;

        if (values[i] == kiss_write_absent && t->member[i] && (e = check(&values[i], NULL, t->column[i], r->pool))) {
            blame(r, t->name, row, t->member[i], e);
        }
    }
}

static const char **new_row(const kiss_write_table *t, apr_pool_t *p)
{
    const char **values = apr_palloc(p, (apr_size_t)t->n * sizeof(*values));
    int i;

    for (i = 0; i < t->n; i++) {
        values[i] = kiss_write_absent;
    }
    return values;
}

/** 1 when two rows have the same key. */
static int same_key(const kiss_write_table *t, const char *const *a, const char *const *b)
{
    int i;

    for (i = t->keys; i < t->n; i++) {
        if (kiss_write_plan_is_key(t->column[i]) && strcmp(a[i] ? a[i] : "", b[i] ? b[i] : "") != 0) {
            return 0;
        }
    }
    return 1;
}

/** Blames a row whose key an earlier one has, or that is the second one of what there may be one. */
static void compare_rows(reader *r, const kiss_write_table *t, const apr_array_header_t *rows)
{
    const char *name = t->file->single;
    const import_column *single = name ? import_column_named(t->file, name, strlen(name)) : NULL;
    int i, j, singles = 0;

    for (i = 0; i < rows->nelts; i++) {
        const char *const *row = APR_ARRAY_IDX(rows, i, const char **);

        for (j = 0; j < i && !same_key(t, row, APR_ARRAY_IDX(rows, j, const char **)); j++) {
            continue;
        }
        if (j < i) {
            blame(r, t->name, i, "", apr_psprintf(r->pool, ": has the key of %s[%d]", t->name, j));
        }
        for (j = 0; j < t->n; j++) {
            if (single && t->column[j] == single && row[j] && strcmp(row[j], single->flags & IMPORT_NOT ? "0" : "1") == 0
                && singles++ > 0) {
                blame(r, t->name, i, t->member[j], t->file->single_error);
            }
        }
    }
}

/* Rows are compared with each other: a product has a few of each kind. */
#define MAX_ROWS 1000

/** Reads the rows of an array. */
static void read_rows(reader *r, apr_array_header_t **rows, const kiss_write_table *t, json_object *array)
{
    apr_size_t i, n;

    if (!json_object_is_type(array, json_type_array)) {
        blame(r, NULL, 0, t->name, "must be an array, or null");
        return;
    }
    n = json_object_array_length(array);
    if (n > MAX_ROWS) {
        blame(r, NULL, 0, t->name, apr_psprintf(r->pool, "%" APR_SIZE_T_FMT " elements, at most %d fit", n, MAX_ROWS));
        return;
    }
    *rows = apr_array_make(r->pool, (int)n, sizeof(const char **));
    for (i = 0; i < n; i++) {
        json_object *o = json_object_array_get_idx(array, i);
        const char **values = new_row(t, r->pool);

        if (!json_object_is_type(o, json_type_object)) {
            blame(r, t->name, (int)i, "", ": must be an object");
            continue;
        }
        read_members(r, values, t, (int)i, o, NULL);
        fill(r, values, t, (int)i);
        APR_ARRAY_PUSH(*rows, const char **) = values;
    }
    if ((apr_size_t)(*rows)->nelts == n && r->faults->nelts == 0) {
        compare_rows(r, t, *rows);
    }
}

/** A member of the object that is no column: an array, or the owner. */
static void read_other(reader *r, kiss_write_object *object, const char *name, json_object *value)
{
    const kiss_write_plan *plan = r->how->plan;
    int i;

    for (i = 0; i < plan->nnested && strcmp(plan->nested[i].name, name) != 0; i++) {
        continue;
    }
    if (i < plan->nnested) {
        if (value) {
            read_rows(r, &object->nested[i], &plan->nested[i], value);
        }
    }
    else if (!plan->set->owner || strcmp(name, KISS_WRITE_OWNER) != 0) {
        blame_name(r, NULL, 0, name);
    }
}

/** A value of the key: that of the path, which must be a good one, too; or that of the body. */
static void settle_key(reader *r, const char **values, int i)
{
    const kiss_write_table *t = &r->how->plan->self;
    const char *value, *e;

    if (!r->how->key) {
        if (values[i] == kiss_write_absent) {
            blame(r, NULL, 0, t->member[i], "is missing");
        }
        else if (r->how->create && values[i] && (strcmp(values[i], ".") == 0 || strcmp(values[i], "..") == 0)) {
            blame(r, NULL, 0, t->member[i], apr_pstrcat(r->pool, "'", values[i], "' cannot be part of a path", NULL));
        }
        return;
    }
    e = check_text(&value, r->how->key[i], strlen(r->how->key[i]), t->column[i], r->pool);
    e = e || value ? e : "is empty";
    if (e) {
        blame(r, NULL, 0, apr_pstrcat(r->pool, t->member[i], " of the path", NULL), e);
    }
    else if (values[i] != kiss_write_absent && values[i] && *values[i] && strcmp(values[i], value) != 0) {
        blame(r, NULL, 0, t->member[i], apr_pstrcat(r->pool, "is not ", kiss_quote(r->pool, value, strlen(value)),
                                                    ", which the path names", NULL));
    }
    else {
        values[i] = value;
    }
}

/** The faults as one sentence, or NULL. */
static const char *sentence(const reader *r)
{
    const char *text = "";
    int i;

    for (i = 0; i < r->faults->nelts && i < MAX_FAULTS; i++) {
        text = apr_pstrcat(r->pool, text, i ? "; " : "", APR_ARRAY_IDX(r->faults, i, const char *), NULL);
    }
    return r->faults->nelts == 0 ? NULL
           : apr_pstrcat(r->pool, text, r->faults->nelts > MAX_FAULTS ? "; and more." : ".", NULL);
}

apr_status_t kiss_write_body_read(kiss_write_object *object, const char **faults, const kiss_write_reading *how,
                                  const char *body, apr_size_t len, apr_pool_t *p)
{
    reader r = { how, "", apr_array_make(p, 4, sizeof(const char *)), p, 0 };
    json_object *o;
    apr_status_t rv = kiss_json_read(&o, body, len, MAX_DEPTH, p);
    int i;

    memset(object, 0, sizeof(*object));
    if (rv != APR_SUCCESS || !json_object_is_type(o, json_type_object)) {
        return rv == APR_SUCCESS ? APR_EGENERAL : rv;
    }
    object->self = new_row(&how->plan->self, p);
    read_members(&r, object->self, &how->plan->self, 0, o, object);
    for (i = 0; i < how->plan->self.keys; i++) {
        settle_key(&r, object->self, i);
    }
    if (how->create && r.faults->nelts == 0) {
        fill(&r, object->self, &how->plan->self, 0);
    }
    *faults = sentence(&r);
    return r.no_memory ? APR_ENOMEM : APR_SUCCESS;
}

void kiss_write_body_fill(const char **values, const kiss_write_table *t, apr_pool_t *p)
{
    reader r = { NULL, "", apr_array_make(p, 1, sizeof(const char *)), p, 0 };

    fill(&r, values, t, 0);
}

/* --- many rows --- */

/** Many rows that are being read. */
typedef struct {
    reader r;
    apr_array_header_t *rows;           /* of kiss_write_row */
    apr_hash_t *seen;                   /* keys of those before, to their places */
    apr_size_t n;                       /* rows that came, bad ones included */
} rows_reader;

/** Reads one of many rows. @param place "[17]", "line 18"; it may be temporary */
static void read_row(rows_reader *all, json_object *o, const char *place)
{
    reader *r = &all->r;
    const kiss_write_table *t = &r->how->plan->self;
    kiss_write_row row = { NULL, NULL };
    const char *key = "", *before;
    const int faults = r->faults->nelts;
    int i;

    if (faults > MAX_FAULTS) {
        return;                         /* nobody reads of more */
    }
    row.values = new_row(t, r->pool);
    read_members(r, row.values, t, 0, o, NULL);
    for (i = 0; i < t->keys; i++) {
        settle_key(r, row.values, i);
        /* No key contains a control character. */
        key = apr_pstrcat(r->pool, key, row.values[i] ? row.values[i] : "", "\n", NULL);
    }
    if (r->faults->nelts > faults) {
        return;
    }
    before = apr_hash_get(all->seen, key, APR_HASH_KEY_STRING);
    if (before) {
        blame(r, NULL, 0, t->member[t->keys - 1], apr_pstrcat(r->pool, "was in ", before, ", too", NULL));
        return;
    }
    row.place = apr_pstrdup(r->pool, place);
    apr_hash_set(all->seen, key, APR_HASH_KEY_STRING, row.place);
    APR_ARRAY_PUSH(all->rows, kiss_write_row) = row;
}

/** 1 for a line of blanks. */
static int is_blank(const char *line, apr_size_t n)
{
    apr_size_t i;

    for (i = 0; i < n && (line[i] == ' ' || line[i] == '\t' || line[i] == '\r'); i++) {
        continue;
    }
    return i == n;
}

/** Reads an object a line. Empty lines do not count. @param p memory for one line at a time */
static apr_status_t read_lines(rows_reader *all, const char *body, apr_size_t len, apr_pool_t *p)
{
    const char *end = body + len, *next;
    int line;

    for (line = 1; body < end; body = next, line++) {
        const char *place;
        json_object *o;
        apr_size_t n;
        apr_status_t rv;

        next = memchr(body, '\n', (apr_size_t)(end - body));
        n = (apr_size_t)((next ? next : end) - body);
        next = next ? next + 1 : end;
        if (is_blank(body, n) || ++all->n > KISS_WRITE_ROWS) {
            continue;
        }
        apr_pool_clear(p);
        rv = kiss_json_read(&o, body, n, 1, p);
        if (rv == APR_ENOMEM) {
            return rv;
        }
        place = apr_psprintf(p, "line %d", line);
        all->r.place = apr_pstrcat(p, place, ": ", NULL);
        if (rv != APR_SUCCESS || !json_object_is_type(o, json_type_object)) {
            blame(&all->r, NULL, 0, "", "is not one JSON object");
            continue;
        }
        read_row(all, o, place);
    }
    return APR_SUCCESS;
}

/** Reads an element of an array of objects. */
static void read_element(void *baton, apr_size_t i, json_object *o)
{
    rows_reader *all = baton;
    char place[32], lead[36];

    if (++all->n > KISS_WRITE_ROWS) {
        return;
    }
    apr_snprintf(place, sizeof(place), "[%" APR_SIZE_T_FMT "]", i);
    apr_snprintf(lead, sizeof(lead), "%s: ", place);
    all->r.place = lead;
    if (json_object_is_type(o, json_type_object)) {
        read_row(all, o, place);
    }
    else {
        blame(&all->r, NULL, 0, "", "must be an object");
    }
    all->r.place = "";
}

apr_status_t kiss_write_body_rows(apr_array_header_t **rows, const char **faults, const kiss_write_plan *plan, int lines,
                                  const char *body, apr_size_t len, apr_pool_t *p)
{
    const kiss_write_reading how = { plan, NULL, 1 };      /* a row may be a new one */
    rows_reader all = { { &how, "", apr_array_make(p, 4, sizeof(const char *)), p, 0 }, NULL, apr_hash_make(p), 0 };
    apr_pool_t *each;
    apr_status_t rv;

    *rows = all.rows = apr_array_make(p, 64, sizeof(kiss_write_row));
    apr_pool_create(&each, p);
    rv = lines ? read_lines(&all, body, len, each) : kiss_json_elements(body, len, 1, read_element, &all, each);
    apr_pool_destroy(each);
    *faults = sentence(&all.r);
    if (rv == APR_SUCCESS && all.n > KISS_WRITE_ROWS) {
        *faults = apr_psprintf(p, "%" APR_SIZE_T_FMT " rows, at most %d fit in a request: send several, each of which is done "
                               "whole or not at all.", all.n, KISS_WRITE_ROWS);
        rv = APR_ENOSPC;
    }
    return all.r.no_memory ? APR_ENOMEM : rv;
}

/* --- writing --- */

static int put(struct printbuf *pb, const char *text)
{
    return kiss_json_text_raw(pb, text, strlen(text));
}

static int write_value(struct printbuf *pb, const import_column *column, const char *value)
{
    apr_size_t ignored = 0;

    if (!value) {
        return put(pb, "null");
    }
    switch (column->type) {
    case IMPORT_DECIMAL:
    case IMPORT_INT:
        return put(pb, value);
    case IMPORT_FLAG:
        return put(pb, (strcmp(value, "0") != 0) != ((column->flags & IMPORT_NOT) != 0) ? "true" : "false");
    default:
        return kiss_json_text_string(pb, value, strlen(value), &ignored);
    }
}

/** The members of a row, without braces. @return 0, or -1 without memory */
static int write_members(struct printbuf *pb, const kiss_write_table *t, const char *const *values)
{
    int i, e = 0, first = 1;

    for (i = 0; i < t->n && !e; i++) {
        if (t->member[i]) {
            e = put(pb, first ? "\"" : ",\"") || put(pb, t->member[i]) || put(pb, "\":")
                || write_value(pb, t->column[i], values[i]);
            first = 0;
        }
    }
    return e;
}

static int write_rows(struct printbuf *pb, const kiss_write_table *t, const apr_array_header_t *rows)
{
    int i, e = put(pb, ",\"") || put(pb, t->name) || put(pb, "\":[");

    for (i = 0; rows && i < rows->nelts && !e; i++) {
        e = put(pb, i ? ",{" : "{") || write_members(pb, t, APR_ARRAY_IDX(rows, i, const char **)) || put(pb, "}");
    }
    return e || put(pb, "]");
}

const char *kiss_write_body_text(const kiss_write_plan *plan, const kiss_write_object *object, const char *owner,
                                 apr_pool_t *p)
{
    struct printbuf *pb = kiss_json_text_buffer(p);
    int i, e = !pb || put(pb, "{") || write_members(pb, &plan->self, object->self);

    for (i = 0; i < plan->nnested && !e; i++) {
        e = write_rows(pb, &plan->nested[i], object->nested[i]);
    }
    if (owner) {
        e = e || put(pb, ",\"" KISS_WRITE_OWNER "\":\"") || put(pb, owner) || put(pb, "\"");
    }
    e = e || put(pb, "}") || kiss_json_text_raw(pb, "", 1);
    return e ? NULL : apr_pstrdup(p, pb->buf);
}
