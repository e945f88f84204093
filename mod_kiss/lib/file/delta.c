/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/file/delta.h"

#include <apr_strings.h>
#include <json-c/json.h>

#include <string.h>

#include "lib/base/json_text.h"

static const char sku_member[] = "\"SKU\":\"";

/** The rows of one SKU, and where the list goes on behind them. */
typedef struct {
    const char *rows;               /* "{...}", or "{...},\n{...}" */
    apr_size_t len;                 /* 0 behind the last */
    kiss_value key;                 /* the SKU as JSON text, without its quotes */
    const char *rest;               /* what follows: "{...", or "]" */
    const char *end;                /* of the list */
} group;

/** What is written in one pass. */
typedef enum { ADDED, CHANGED, REMOVED } kind;

/* --- reading: "[row,\nrow,\nrow]", each row from '{' to '}', with no line feed in it --- */

/** Finds the SKU of a row. Quotes within values are escaped: this text stands nowhere but at the member itself. */
static int find_key(kiss_value *key, const char *row, const char *end)
{
    const char *at = row;

    while ((at = memchr(at, '"', (apr_size_t)(end - at)))
           && ((apr_size_t)(end - at) < sizeof(sku_member) || memcmp(at, sku_member, sizeof(sku_member) - 1) != 0)) {
        at++;
    }
    if (!at) {
        return -1;
    }
    key->data = at += sizeof(sku_member) - 1;
    while (at < end && *at != '"') {
        at += *at == '\\' ? 2 : 1;
    }
    key->len = (apr_size_t)(at - key->data);
    return at < end ? 0 : -1;
}

/** Finds the end of the row that begins here, and the next one. @return NULL when it is none */
static const char *end_of_row(const char *row, const char *end, const char **next)
{
    const char *feed = row < end ? memchr(row, '\n', (apr_size_t)(end - row)) : NULL;
    const char *last = feed ? feed - 1 : end - 1;               /* at "," or "]" */

    if (last - row < 2 || *row != '{' || last[-1] != '}' || *last != (feed ? ',' : ']') || (feed && feed[1] != '{')) {
        return NULL;
    }
    *next = feed ? feed + 1 : last;
    return last;
}

/** Goes to the next SKU. @return 0, or -1 when this is not such a list */
static int next_group(group *g)
{
    const char *at = g->rest, *next = at, *row_end;
    kiss_value key;

    g->rows = at;
    g->len = 0;
    while (g->end - at > 1) {
        row_end = end_of_row(at, g->end, &next);
        if (!row_end || find_key(&key, at, row_end) != 0) {
            return -1;
        }
        if (g->len && (key.len != g->key.len || memcmp(key.data, g->key.data, key.len) != 0)) {
            break;
        }
        g->key = key;
        g->len = (apr_size_t)(row_end - g->rows);
        g->rest = at = next;
    }
    return 0;
}

static int begin(group *g, const kiss_value *list)
{
    memset(g, 0, sizeof(*g));
    if (list->len < 2 || list->data[0] != '[' || list->data[list->len - 1] != ']') {
        return -1;
    }
    g->rest = list->data + 1;
    g->end = list->data + list->len;
    return next_group(g);
}

/* --- comparing --- */

/** The text of a key, of which the order is that of its bytes. */
static kiss_value plain(const kiss_value *key, apr_pool_t *p)
{
    const char *quoted;
    kiss_value v = *key;
    json_object *o;

    if (memchr(key->data, '\\', key->len)) {
        quoted = apr_pstrcat(p, "\"", apr_pstrmemdup(p, key->data, key->len), "\"", NULL);
        o = json_tokener_parse(quoted);
        if (json_object_get_type(o) == json_type_string) {
            v.len = (apr_size_t)json_object_get_string_len(o);
            v.data = apr_pstrmemdup(p, json_object_get_string(o), v.len);
        }
        json_object_put(o);
    }
    return v;
}

static int compare(const kiss_value *a, const kiss_value *b, apr_pool_t *p)
{
    kiss_value x = plain(a, p), y = plain(b, p);
    int order = memcmp(x.data, y.data, x.len < y.len ? x.len : y.len);

    return order ? order : (x.len > y.len) - (x.len < y.len);
}

/** Goes on in a list, which must be in order. */
static int advance(group *g, apr_pool_t *p)
{
    kiss_value key = g->key;

    return next_group(g) != 0 || (g->len && compare(&key, &g->key, p) >= 0) ? -1 : 0;
}

/* --- writing --- */

static apr_status_t write_group(kiss_spool *delta, const group *g, kind what, int *count)
{
    struct printbuf *pb = delta->buffer;
    int failed = (*count)++ ? kiss_json_text_raw(pb, ",\n", 2) : 0;

    if (what == REMOVED) {
        failed = failed || kiss_json_text_raw(pb, "\"", 1) || kiss_json_text_raw(pb, g->key.data, g->key.len)
                 || kiss_json_text_raw(pb, "\"", 1);
    }
    else {
        failed = failed || kiss_json_text_raw(pb, g->rows, g->len);
    }
    return failed ? APR_ENOMEM : kiss_spool_flush(delta, 0);
}

/** Walks through both lists and writes what is of one kind. `scratch` is cleared for each SKU. */
static apr_status_t pass(kiss_spool *delta, const kiss_value *before, const kiss_value *now, kind what, apr_pool_t *scratch)
{
    group old, new;
    apr_status_t rv = begin(&old, before) || begin(&new, now) ? APR_EGENERAL : APR_SUCCESS;
    int count = 0;

    while (rv == APR_SUCCESS && (old.len || new.len)) {
        int order = !old.len ? 1 : !new.len ? -1 : compare(&old.key, &new.key, scratch);
        int altered = order == 0 && (old.len != new.len || memcmp(old.rows, new.rows, old.len) != 0);

        if (what == (order > 0 ? ADDED : order < 0 ? REMOVED : CHANGED) && (order || altered)) {
            rv = write_group(delta, order < 0 ? &old : &new, what, &count);
        }
        if (rv == APR_SUCCESS && ((order <= 0 && advance(&old, scratch)) || (order >= 0 && advance(&new, scratch)))) {
            rv = APR_EGENERAL;
        }
        apr_pool_clear(scratch);
    }
    return rv;
}

apr_status_t kiss_delta_write(kiss_spool *delta, const kiss_value *before, const kiss_value *now, apr_pool_t *p)
{
    static const char *const heads[] = { "{\"added\":[", "],\n\"changed\":[", "],\n\"removed\":[" };
    apr_pool_t *scratch;
    apr_status_t rv = apr_pool_create(&scratch, p);
    kind what;

    for (what = ADDED; what <= REMOVED && rv == APR_SUCCESS; what++) {
        rv = kiss_json_text_raw(delta->buffer, heads[what], strlen(heads[what])) ? APR_ENOMEM
                                                                            : pass(delta, before, now, what, scratch);
    }
    if (rv == APR_SUCCESS) {
        rv = kiss_json_text_raw(delta->buffer, "]}", 2) ? APR_ENOMEM : APR_SUCCESS;
        apr_pool_destroy(scratch);
    }
    return rv;                          /* after a failure it goes with `p` */
}
