/* SPDX-License-Identifier: Apache-2.0 */
/**
 * list_reader - reads a list in one transaction, or derives it from an earlier version and the rows that have changed.
 */
#include "list/list_reader.h"

#include <string.h>

#include <apr_strings.h>

#include "caller/caller.h"
#include "core/config.h"
#include "core/error.h"
#include "db/db_run.h"
#include "lib/api/csv_row.h"
#include "lib/api/list_plan.h"
#include "lib/base/json_text.h"
#include "lib/base/plural.h"
#include "lib/file/chunk_writer.h"
#include "lib/file/list_patch.h"
#include "lib/file/list_rows.h"
#include "lib/file/spool.h"
#include "list/list_base.h"
#include "list/list_cache.h"
#include "list/list_format.h"
#include "list/list_length.h"
#include "list/list_scan.h"

/* A divided list is read in ranges of keys. The first one is short, so that the first rows are ready soon. The others
 * are as long as fits into memory with what is merged: each range costs a round trip per scan. Measured with 10,000
 * products: 640 KB take 4 % less of the database's time, and 0.4 MB more for an answer, for all that grows with them. */
#define FIRST_RANGE 800
#define MAX_RANGE   16000
#define MAX_GROWTH  4
#define IN_MEMORY   (288 * 1024)

/* Number of keys that can be looked up one by one in the time of a scan of a catalogue of 10,000. */
#define SHORT_LIST 1000

/* If more than 1/5 of the rows have changed, reading the whole list is not slower. Measured with MariaDB 10.11 and 34,400
 * products: a key takes 43 us of processor time in /products, 11 in /prices, 12 in /stock; a row of the whole list 20,
 * 2.5 and 2.8. */
#define WORTH 5

/** A list that is being read. */
typedef struct {
    kiss_req *k;
    apr_pool_t *pool;                   /* of this attempt; the spool lives longer */
    const kiss_caller *caller;          /* of the transaction's snapshot */
    const char *tag;                    /* ETag of that snapshot */
    kiss_progress *progress;            /* receives what is written */
    kiss_spool *out;                    /* the answer */
    const kiss_row_format *format;      /* its format */
    kiss_chunks *chunks;                /* its chunks */
    int at;                             /* in the buffer of `out`: the start of the row that is being written */
    apr_int64_t written;                /* its rows, or records of CSV, so far */
    struct printbuf *key;               /* CSV: the SKU of `rows` */
    struct printbuf *line;              /* CSV: its record */
    struct printbuf *cell;              /* CSV: for temporary use */
    kiss_patch *patch;                  /* derives the list from an earlier version */
    struct printbuf *rows;              /* rows of one SKU that were not written yet: of the first key of the range,
                                           which `patch` has not received yet; or of CSV */
    apr_status_t patched;               /* result of `patch` */
    const kiss_list_cache_map *base;    /* that earlier version */
    int no_log;                         /* 1 when the log of changes cannot be read */
    int derived;                        /* 1 when the list was derived from an earlier version */
    kiss_list_scan scan;
} reader;

/* --- the whole list --- */

static kiss_db_status begin_row(void *baton, const kiss_value *key, struct printbuf **to)
{
    reader *b = baton;
    const kiss_row_format *f = b->format;
    const int first = b->written == 0;

    (void)key;
    *to = b->out->buffer;
    b->at = b->out->buffer->bpos;
    return kiss_json_text_raw(*to, first ? f->begin : f->separator, first ? f->begin_len : f->separator_len)
           ? kiss_list_scan_failed(b->k, APR_ENOMEM) : KISS_DB_OK;
}

static kiss_db_status end_row(void *baton)
{
    reader *b = baton;
    apr_status_t rv = kiss_chunks_row(b->chunks, b->at);

    b->written++;
    rv = rv == APR_SUCCESS ? kiss_spool_flush(b->out, 0) : rv;
    return rv == APR_SUCCESS ? KISS_DB_OK : kiss_list_scan_failed(b->k, rv);
}

static const kiss_list_sink to_list = { begin_row, end_row };

/* --- the whole list as CSV: the rows of a SKU become one record --- */

/** Writes the rows of a SKU that were read, if there are any. */
static kiss_db_status write_record(reader *b)
{
    kiss_db_status status = KISS_DB_OK;
    struct printbuf *to;

    if (b->rows->bpos) {
        status = begin_row(b, NULL, &to);
        if (status == KISS_DB_OK
            && kiss_csv_row_write(to, b->k->endpoint->csv, b->cell, b->rows->buf, (apr_size_t)b->rows->bpos) != 0) {
            status = kiss_list_scan_failed(b->k, APR_ENOMEM);
        }
        status = status == KISS_DB_OK ? end_row(b) : status;
        printbuf_reset(b->rows);
    }
    return status;
}

static kiss_db_status begin_record_row(void *baton, const kiss_value *key, struct printbuf **to)
{
    reader *b = baton;
    kiss_db_status status = KISS_DB_OK;

    if (key->len != (apr_size_t)b->key->bpos || memcmp(key->data, b->key->buf, key->len) != 0) {
        status = write_record(b);
        printbuf_reset(b->key);
        if (status == KISS_DB_OK && kiss_json_text_raw(b->key, key->data, key->len)) {
            status = kiss_list_scan_failed(b->k, APR_ENOMEM);
        }
    }
    *to = b->rows;
    return status;
}

static kiss_db_status keep_row(void *baton)
{
    (void)baton;
    return KISS_DB_OK;
}

static const kiss_list_sink to_records = { begin_record_row, keep_row };

/** Finds the end of the range that starts at b->scan.range.from and has n keys: the rest when there are no more. */
static kiss_db_status end_range(reader *b, const kiss_rowset *driving_keys, int n)
{
    const kiss_statement *s = kiss_list_plan_find(b->k->conf->plan, driving_keys, KISS_SQL_NEXT);
    const char *args[KISS_MAX_BOUND_KEYS];
    const kiss_value *row = NULL;
    kiss_db_status status = KISS_DB_OK;

    b->scan.range.part = KISS_SQL_REST;
    b->scan.range.to = apr_itoa(b->scan.range_pool, n);
    if (kiss_list_scan_bind(&b->scan, s, args)) {
        status = kiss_db_row(&row, b->scan.conn, s, args, b->scan.range_pool);
    }
    if (row) {
        b->scan.range.part = KISS_SQL_RANGE;
        b->scan.range.to = apr_pstrmemdup(b->pool, row[0].data, row[0].len);
    }
    return status;
}

/** Number of keys of the next range, after one of n. */
static int next_range(const reader *b, int n)
{
    apr_off_t used = 1 + kiss_list_scan_memory(&b->scan), max = n * MAX_GROWTH < MAX_RANGE ? n * MAX_GROWTH : MAX_RANGE, fit;

    fit = (apr_off_t)n * IN_MEMORY / used;
    return (int)(fit > max ? max : fit > 0 ? fit : 1);
}

/** Writes rows that are divided, range by range. */
static kiss_db_status write_ranges(reader *b, const kiss_rowset *rows)
{
    kiss_db_status status;
    int n = FIRST_RANGE;
    apr_status_t rv;

    do {
        apr_pool_clear(b->scan.range_pool);
        status = end_range(b, rows->driving_keys, n);
        if (status == KISS_DB_OK) {
            status = kiss_list_scan_run(&b->scan, rows);
        }
        /* Makes the range available to a request that sends the list while it is written. */
        if (status == KISS_DB_OK && (rv = kiss_spool_flush(b->out, 1)) != APR_SUCCESS) {
            status = kiss_list_scan_failed(b->k, rv);
        }
        n = next_range(b, n);
        b->scan.range.from = b->scan.range.to;
    } while (status == KISS_DB_OK && b->scan.range.part == KISS_SQL_RANGE);
    return status;
}

/**
 * Writes rows that are read by joins where the list is short. How long it was when it was last read is remembered, since
 * counting costs a query; where that turns out to be wrong, the next one counts.
 */
static kiss_db_status write_by_length(reader *b, const kiss_rowset *rows)
{
    const kiss_statement *s = kiss_list_plan_find(b->k->conf->plan, rows->driving_keys, KISS_SQL_NEXT);
    const char *args[KISS_MAX_BOUND_KEYS];
    const int has_terms = kiss_list_scan_bind(&b->scan, s, args);       /* without them there are no rows */
    const apr_uint32_t key = has_terms ? kiss_list_length_key(b->k->db, s, args, s->terms) : 0;
    const kiss_length remembered = has_terms ? kiss_list_length_get(key) : KISS_LENGTH_SHORT;
    kiss_length length = remembered;
    kiss_db_status status = KISS_DB_OK;

    if (remembered == KISS_LENGTH_UNKNOWN) {
        status = end_range(b, rows->driving_keys, SHORT_LIST);
        length = b->scan.range.part == KISS_SQL_REST ? KISS_LENGTH_SHORT : KISS_LENGTH_LONG;
    }
    b->scan.range.part = KISS_SQL_WHOLE;
    if (status == KISS_DB_OK) {
        status = kiss_list_scan_run(&b->scan, length == KISS_LENGTH_SHORT ? rows->if_short : rows);
    }
    if (status == KISS_DB_OK && has_terms) {
        const int as_long = (b->k->rows > SHORT_LIST) == (length == KISS_LENGTH_LONG);

        kiss_list_length_set(key, as_long || remembered == KISS_LENGTH_UNKNOWN ? length : KISS_LENGTH_UNKNOWN);
    }
    return status;
}

/** Writes all rows. */
static kiss_db_status write_rows(reader *b, const kiss_rowset *rows)
{
    b->scan.range.from = "";
    if (rows->if_short) {
        return write_by_length(b, rows);
    }
    if (rows->driving_keys) {
        return write_ranges(b, rows);
    }
    b->scan.range.part = KISS_SQL_WHOLE;
    return kiss_list_scan_run(&b->scan, rows);
}

/** Writes the whole array. */
static kiss_db_status write_list(reader *b)
{
    kiss_db_status status = write_rows(b, b->k->endpoint->rows);
    const char *end;

    status = status == KISS_DB_OK && b->k->endpoint->csv ? write_record(b) : status;
    end = b->written ? b->format->end : b->format->empty;
    if (status == KISS_DB_OK) {
        kiss_chunks_end(b->chunks);
    }
    if (status == KISS_DB_OK && kiss_json_text_raw(b->out->buffer, end, strlen(end))) {
        status = kiss_list_scan_failed(b->k, APR_ENOMEM);
    }
    return status;
}

/* --- a list derived from an earlier version --- */

/** Passes the rows of a SKU to the patch, as they are in the list. */
static apr_status_t put_rows(reader *b, const kiss_value *sku)
{
    const struct printbuf *rows = b->rows;

    if (b->k->endpoint->csv && b->rows->bpos) {
        printbuf_reset(b->line);
        if (kiss_csv_row_write(b->line, b->k->endpoint->csv, b->cell, b->rows->buf, (apr_size_t)b->rows->bpos) != 0) {
            return APR_ENOMEM;
        }
        rows = b->line;
    }
    return kiss_patch_put(b->patch, sku, &(kiss_value){ rows->buf, (apr_size_t)rows->bpos });
}

/** Passes the rows of the range's keys that precede this one to the patch; NULL: of all keys. A key without rows is gone. */
static kiss_db_status give_rows(reader *b, const kiss_value *key)
{
    for (; b->scan.range.count && (!key || kiss_rows_order(b->scan.range.keys, key) < 0); b->scan.range.keys++,
         b->scan.range.count--) {
        if (b->patched == APR_SUCCESS) {
            b->patched = put_rows(b, b->scan.range.keys);
        }
        printbuf_reset(b->rows);
    }
    /* If the cached file is no list, the list is read completely after all. */
    return b->patched == APR_SUCCESS || b->patched == APR_EGENERAL ? KISS_DB_OK : kiss_list_scan_failed(b->k, b->patched);
}

static kiss_db_status begin_changed_row(void *baton, const kiss_value *key, struct printbuf **to)
{
    reader *b = baton;
    kiss_db_status status = give_rows(b, key);

    *to = b->rows;
    return status == KISS_DB_OK && b->rows->bpos
           && kiss_json_text_raw(b->rows, b->format->separator, b->format->separator_len)
           ? kiss_list_scan_failed(b->k, APR_ENOMEM)
           : status;
}

static const kiss_list_sink to_patch = { begin_changed_row, keep_row };

/** The KISS_DATA_ sets that the keys of the semi-joins depend on. */
static unsigned semi_join_data(const reader *b, const kiss_rowset *rows)
{
    const kiss_rowset *const *w;
    unsigned data = 0;

    for (w = rows->semi_join; w && *w; w++) {
        data |= kiss_list_plan_find(b->k->conf->plan, *w, KISS_SQL_FEW)->data;
    }
    return data & b->k->endpoint->data;
}

/**
 * Finds the keys of the range that must be looked up in the semi-joins: those that have changed there, and those that the
 * earlier version lacks. The others were in all of them for the earlier version, and still are.
 */
static void find_unsure(reader *b, kiss_row_group *at, const unsigned *data, unsigned asked)
{
    kiss_value *unsure = apr_palloc(b->scan.range_pool, (apr_size_t)b->scan.range.count * sizeof(*unsure));
    char buffer[KISS_ROWS_KEY];
    kiss_value key;
    int i, n = 0;

    for (i = 0; i < b->scan.range.count && asked && b->patched == APR_SUCCESS; i++) {
        const kiss_value *sku = &b->scan.range.keys[i];

        if (kiss_rows_seek(at, sku) != 0 || (at->len && at->list->format->plain_key(&key, buffer, &at->key) != 0)) {
            b->patched = APR_EGENERAL;
        }
        else if (data[i] & asked || !at->len || kiss_rows_order(&key, sku) != 0) {
            unsure[n++] = *sku;
        }
    }
    b->scan.range.unsure = unsure;
    b->scan.range.unsure_count = n;
}

/** Reads the rows of the changed SKUs, in batches, and passes them to the patch. */
static kiss_db_status write_changes(reader *b, const kiss_base *base)
{
    const kiss_rowset *rows = b->k->endpoint->rows;
    const unsigned asked = semi_join_data(b, rows);
    kiss_db_status status = KISS_DB_OK;
    kiss_row_group at;
    int from, n;

    b->patched = kiss_rows_first(&at, &base->list.text) == 0 ? APR_SUCCESS : APR_EGENERAL;
    for (from = 0; from < base->skus->nelts && status == KISS_DB_OK && b->patched == APR_SUCCESS; from += n) {
        n = base->skus->nelts - from < KISS_MANY_KEYS ? base->skus->nelts - from : KISS_MANY_KEYS;
        apr_pool_clear(b->scan.range_pool);
        b->scan.range.part = kiss_list_scan_part(n);
        b->scan.range.keys = &APR_ARRAY_IDX(base->skus, from, kiss_value);
        b->scan.range.count = n;
        find_unsure(b, &at, base->data + from, asked);
        status = kiss_list_scan_run(&b->scan, rows);
        status = status == KISS_DB_OK ? give_rows(b, NULL) : status;
    }
    return status;
}

/** Whether the new version is to refer to the base's file instead of containing all bytes. */
static int may_refer(const reader *b, const kiss_base *base)
{
    const apr_off_t size = kiss_list_text_size(&base->list.text), rows = (apr_off_t)kiss_rows_estimate(&base->list.text);
    const apr_off_t changed = base->skus->nelts * (rows ? size / rows : size);

    /* A changed SKU makes two more pieces. */
    return base->list.chunks && kiss_list_cache_may_refer(b->k->server, size, base->own + changed,
                                                          base->list.text.count + 2 * base->skus->nelts);
}

/**
 * Derives the list from an earlier version.
 *
 * @param done receives 1 when it is complete; without it, base->why is set
 */
static kiss_db_status patch_list(reader *b, kiss_base *base, int *done)
{
    kiss_db_status status = KISS_DB_OK;

    b->scan.sink = &to_patch;
    b->patched = kiss_list_cache_begin(&b->out, kiss_config_cache_dir(b->k->server), b->k->pool);
    if (b->patched == APR_SUCCESS && may_refer(b, base)) {
        kiss_spool_refer_to(b->out, base->file, base->file_tag);
    }
    if (b->patched == APR_SUCCESS) {
        b->patched = kiss_patch_begin(&b->patch, b->out, &base->list, b->k->pool);
    }
    if (b->patched == APR_SUCCESS) {
        status = write_changes(b, base);
    }
    if (status == KISS_DB_OK && b->patched == APR_SUCCESS) {
        b->patched = kiss_patch_end(b->patch);
    }
    base->why = "the cached version is not a list";
    if (!kiss_list_cache_map_is_unaltered(base->map)) {
        base->why = "the cached version was altered while it was read";
        b->patched = b->patched == APR_SUCCESS ? APR_EGENERAL : b->patched;
    }
    *done = status == KISS_DB_OK && b->patched == APR_SUCCESS;
    return status != KISS_DB_OK || *done || b->patched == APR_EGENERAL ? status : kiss_list_scan_failed(b->k, b->patched);
}

/** Whether the changed SKUs can be found in the version: in CSV a CR LF is written as LF. Sets base->why when not. */
static int are_written(kiss_base *base)
{
    int i;

    for (i = 0; i < base->skus->nelts && base->list.text.format->has_feeds; i++) {
        const kiss_value *sku = &APR_ARRAY_IDX(base->skus, i, kiss_value);

        if (memmem(sku->data, sku->len, "\r\n", 2)) {
            base->why = "a SKU that has changed contains a line break";
            return 0;
        }
    }
    return 1;
}

/** Whether deriving costs less than reading. Sets base->why when it does not. */
static int is_worth(const reader *b, kiss_base *base)
{
    apr_size_t rows = kiss_rows_estimate(&base->list.text), changed = (apr_size_t)base->skus->nelts;

    if (changed > rows / WORTH) {
        base->why = apr_psprintf(b->pool, "%" APR_SIZE_T_FMT " of about %" APR_SIZE_T_FMT " SKU%s changed", changed,
                                 rows, KISS_PLURAL(rows, " has", "s have"));
    }
    return changed <= rows / WORTH;
}

/** Derives the list from an earlier version, if possible and cheaper than reading it. @param done receives 1 when it was */
static kiss_db_status try_patch(reader *b, int *done)
{
    kiss_base base = { .why = "the log of changes cannot be read" };
    kiss_db_status status = KISS_DB_OK;

    *done = 0;
    if (!b->no_log) {
        status = kiss_base_find(&base, b->scan.conn, b->k, b->caller, b->pool);
        b->no_log = status == KISS_DB_FAILED;
    }
    if (status == KISS_DB_OK && base.tag && are_written(&base) && is_worth(b, &base)) {
        status = patch_list(b, &base, done);
        b->base = base.map;
    }
    if (status != KISS_DB_OK) {
        return status;
    }
    if (*done) {
        KISS_LOG(b->k, APLOG_DEBUG, 0, KISS_LOGNO(0615) "%s: derived from %s, %d SKU%s changed", b->k->endpoint->name,
                 base.tag, base.skus->nelts, KISS_PLURAL(base.skus->nelts, " has", "s have"));
    }
    else {
        KISS_LOG(b->k, APLOG_DEBUG, 0, KISS_LOGNO(0616) "%s: read completely (%s)", b->k->endpoint->name, base.why);
    }
    return KISS_DB_OK;
}

/** Reads the whole list. Other threads read it while it is written. */
static kiss_db_status read_list(reader *b)
{
    apr_status_t rv = kiss_list_cache_begin(&b->out, kiss_config_cache_dir(b->k->server), b->k->pool);

    if (rv == APR_SUCCESS) {
        rv = kiss_chunks_begin(&b->chunks, b->out, b->format, b->k->pool);
    }
    if (rv != APR_SUCCESS) {
        return kiss_list_scan_failed(b->k, rv);
    }
    memset(&b->scan.range, 0, sizeof(b->scan.range));
    b->scan.sink = b->k->endpoint->csv ? &to_records : &to_list;
    printbuf_reset(b->rows);
    printbuf_reset(b->key);
    b->written = 0;
    b->scan.replaced = 0;
    b->k->rows = 0;
    b->out->progress = b->progress;
    return write_list(b);
}

/** Derives or reads the list, of the transaction's snapshot. */
static kiss_db_status make_list(reader *b)
{
    kiss_db_status status;

    b->tag = kiss_caller_etag(b->caller, b->k->api, b->k->endpoint, b->k->pool);
    kiss_progress_name(b->progress, b->tag);
    status = try_patch(b, &b->derived);
    if (status == KISS_DB_OK && b->derived && !b->out->extents) {
        b->out->progress = b->progress;     /* not before: until then it could have been necessary to read it completely */
    }
    return status == KISS_DB_OK && !b->derived ? read_list(b) : status;
}

static int create_buffers(reader *b)
{
    return (b->rows = kiss_json_text_buffer(b->pool)) && (b->key = kiss_json_text_buffer(b->pool))
           && (b->line = kiss_json_text_buffer(b->pool)) && (b->cell = kiss_json_text_buffer(b->pool));
}

/** Reads the list once: on one connection, in one transaction with a consistent snapshot. */
static kiss_db_status build(kiss_db_conn *conn, void *baton)
{
    reader *b = baton;
    kiss_req *k = b->k;
    kiss_db_status status;
    apr_status_t rv;

    if (b->out && b->out->progress && b->out->size) {
        return KISS_DB_AWAY;            /* already started on a connection that was lost: a part may have been sent */
    }
    apr_pool_clear(b->pool);
    b->out = NULL;
    k->rows = 0;
    status = kiss_db_begin(conn);
    if (status == KISS_DB_OK) {
        status = kiss_caller_fetch(&b->caller, conn, k->conf->plan, k->principal, k->pool);
    }
    if (status != KISS_DB_OK || !b->caller->code || !b->caller->enabled) {
        return status == KISS_DB_OK ? kiss_db_end(conn) : status;
    }
    rv = create_buffers(b) ? kiss_list_scan_begin(&b->scan, k, conn, b->caller, b->pool) : APR_ENOMEM;
    if (rv != APR_SUCCESS) {
        return kiss_list_scan_failed(k, rv);
    }
    b->scan.baton = b;
    status = make_list(b);
    return status == KISS_DB_OK ? kiss_db_end(conn) : status;
}

const kiss_error *kiss_list_reader_run(kiss_list_reader_result *built, kiss_req *k, kiss_progress *progress)
{
    reader b = { .k = k, .progress = progress, .format = kiss_list_format_of(k->endpoint, k->pool) };
    kiss_db_status status;

    if (apr_pool_create(&b.pool, k->pool) != APR_SUCCESS) {
        return &kiss_error_internal;
    }
    status = kiss_db_run(k, build, &b);
    if (status == KISS_DB_FAILED && b.no_log) {
        status = kiss_db_run(k, build, &b);     /* the list can be read all the same, on another connection */
    }
    apr_pool_destroy(b.pool);
    if (status != KISS_DB_OK) {
        return kiss_db_error(status);
    }
    if (!b.caller->code) {
        return &kiss_error_no_customer;         /* deleted or disabled between the two reads */
    }
    if (!b.caller->enabled) {
        return &kiss_error_bearer;
    }
    if (b.scan.replaced) {
        KISS_LOG(k, APLOG_WARNING, 0, KISS_LOGNO(0603) "%" APR_SIZE_T_FMT " bytes in the database are not UTF-8; they were "
                 "sent as U+FFFD", b.scan.replaced);
    }
    k->caller = b.caller;
    built->spool = b.out;
    built->tag = b.tag;
    built->caller = b.caller;
    built->base = b.derived ? b.base : NULL;
    return NULL;
}
