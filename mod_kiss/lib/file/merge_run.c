/* SPDX-License-Identifier: Apache-2.0 */
/**
 * merge_run - sorted rows in a buffer or a file, read by key.
 */
#include "lib/file/merge_run.h"

#include <errno.h>
#include <string.h>

#include "lib/base/json_text.h"
#include "lib/file/spool.h"

/* A larger run is written to a file: an answer has a few of them, and may use less than a megabyte. */
#define IN_MEMORY (192 * 1024)

/** The header of a record: key, then its rows. */
typedef struct {
    apr_uint32_t key_len;
    apr_uint32_t rows_len;
} header;

/* Each cell is preceded by a byte with its length; or by one of these, the first followed by four bytes. */
#define LONG_CELL 254
#define NULL_CELL 255

struct kiss_merge_run {
    kiss_spool *spool;          /* its buffer contains all, or what follows the file; while reading, a piece of the file */
    apr_size_t at;              /* where the last record starts in the buffer */
    header current;             /* of that record; while writing, without the length of its rows */
    int has_current;            /* 1 when there is one: while reading, all of it is in the buffer */
    apr_off_t size;             /* bytes of all records, after all were written */
    apr_off_t left;             /* while reading: bytes of the file that are not in the buffer yet */
};

apr_status_t kiss_merge_run_create(kiss_merge_run **run, const char *dir, apr_pool_t *p)
{
    *run = apr_pcalloc(p, sizeof(**run));
    return kiss_spool_create(&(*run)->spool, dir, p);
}

/** Rewinds the file. Its blocks are reused for the next records. */
static apr_status_t rewind_file(kiss_merge_run *r)
{
    apr_off_t start = 0;

    return r->spool->file ? apr_file_seek(r->spool->file, APR_SET, &start) : APR_SUCCESS;
}

apr_status_t kiss_merge_run_clear(kiss_merge_run *r)
{
    printbuf_reset(r->spool->buffer);
    r->spool->size = 0;
    r->at = 0;
    r->has_current = 0;
    r->left = 0;
    return rewind_file(r);
}

/** Compares two keys by their bytes, which is the order by code point and that of the database. */
static int compare(const char *a, apr_size_t a_len, const kiss_value *b)
{
    int order = memcmp(a, b->data, a_len < b->len ? a_len : b->len);

    return order ? order : (a_len > b->len) - (a_len < b->len);
}

static apr_size_t rows_at(const kiss_merge_run *r)
{
    return r->at + sizeof(header) + r->current.key_len;
}

/** Ends the last record: sets the length of its rows, which is known now. */
static void end_record(kiss_merge_run *r)
{
    if (r->has_current) {
        r->current.rows_len = (apr_uint32_t)((apr_size_t)r->spool->buffer->bpos - rows_at(r));
        memcpy(r->spool->buffer->buf + r->at, &r->current, sizeof(header));
    }
}

/** Starts a record. The buffer contains complete records up to here and may be flushed. */
static apr_status_t begin_record(kiss_merge_run *r, const kiss_value *key)
{
    struct printbuf *pb = r->spool->buffer;
    apr_status_t rv;

    end_record(r);
    if (pb->bpos >= IN_MEMORY && (rv = kiss_spool_flush(r->spool, 1)) != APR_SUCCESS) {
        return rv;
    }
    r->at = (apr_size_t)pb->bpos;
    r->current.key_len = (apr_uint32_t)key->len;
    r->has_current = 1;
    return kiss_json_text_raw(pb, (const char *)&r->current, sizeof(header)) || kiss_json_text_raw(pb, key->data, key->len)
           ? APR_ENOMEM : APR_SUCCESS;
}

/** Writes a cell into reserved room. @return the position after it */
static char *write_cell(char *to, const kiss_value *cell)
{
    apr_uint32_t len = (apr_uint32_t)cell->len;

    if (!cell->data) {
        *to++ = (char)NULL_CELL;
        return to;
    }
    *to++ = (char)(len < LONG_CELL ? len : LONG_CELL);
    if (len >= LONG_CELL) {
        memcpy(to, &len, sizeof(len));
        to += sizeof(len);
    }
    memcpy(to, cell->data, len);
    return to + len;
}

apr_status_t kiss_merge_run_add(kiss_merge_run *r, const kiss_value *row, int n)
{
    struct printbuf *pb = r->spool->buffer;
    apr_size_t need = 0;
    apr_status_t rv;
    char *to;
    int i;

    if ((!r->has_current || compare(pb->buf + r->at + sizeof(header), r->current.key_len, &row[0]) != 0)
        && (rv = begin_record(r, &row[0])) != APR_SUCCESS) {
        return rv;
    }
    for (i = 1; i < n; i++) {
        need += 1 + sizeof(apr_uint32_t) + row[i].len;
    }
    to = kiss_json_text_room(pb, need);
    if (!to) {
        return APR_ENOMEM;
    }
    for (i = 1; i < n; i++) {
        to = write_cell(to, &row[i]);
    }
    pb->bpos = (int)(to - pb->buf);
    return APR_SUCCESS;
}

apr_status_t kiss_merge_run_done(kiss_merge_run *r)
{
    apr_status_t rv = APR_SUCCESS;

    end_record(r);
    r->at = 0;
    r->has_current = 0;
    r->size = r->spool->size + r->spool->buffer->bpos;
    if (r->spool->file && r->spool->size > 0) {
        rv = kiss_spool_flush(r->spool, 1);
        r->left = r->spool->size;
        rv = rv == APR_SUCCESS ? rewind_file(r) : rv;
    }
    return rv;
}

/** Makes sure that `need` bytes from the current record on are in the buffer. */
static apr_status_t fill(kiss_merge_run *r, apr_size_t need)
{
    struct printbuf *pb = r->spool->buffer;
    apr_size_t n = (apr_size_t)pb->bpos - r->at;
    apr_status_t rv;

    if (n >= need) {
        return APR_SUCCESS;
    }
    memmove(pb->buf, pb->buf + r->at, n);
    r->at = 0;
    pb->bpos = (int)n;
    if (!kiss_json_text_room(pb, need - n)) {
        return APR_ENOMEM;
    }
    n = (apr_size_t)pb->size - n;
    n = r->left < (apr_off_t)n ? (apr_size_t)r->left : n;
    rv = n ? apr_file_read_full(r->spool->file, pb->buf + pb->bpos, n, &n) : APR_SUCCESS;
    pb->bpos += (int)n;
    r->left -= (apr_off_t)n;
    return rv != APR_SUCCESS ? rv : (apr_size_t)pb->bpos >= need ? APR_SUCCESS : APR_EOF;
}

/** Reads the record at r->at into the buffer. @return APR_EOF after the last one */
static apr_status_t load(kiss_merge_run *r)
{
    apr_status_t rv;

    if (r->has_current) {
        return APR_SUCCESS;
    }
    if (r->left == 0 && r->at == (apr_size_t)r->spool->buffer->bpos) {
        return APR_EOF;
    }
    rv = fill(r, sizeof(header));
    if (rv == APR_SUCCESS) {
        memcpy(&r->current, r->spool->buffer->buf + r->at, sizeof(header));
        rv = fill(r, sizeof(header) + r->current.key_len + r->current.rows_len);
    }
    r->has_current = rv == APR_SUCCESS;
    return rv == APR_EOF ? EIO : rv;                /* a truncated record is no regular end */
}

apr_status_t kiss_merge_run_find(kiss_merge_run *r, const kiss_value *key, kiss_value *rows)
{
    apr_status_t rv;

    rows->data = NULL;
    rows->len = 0;
    while ((rv = load(r)) == APR_SUCCESS) {
        int order = compare(r->spool->buffer->buf + r->at + sizeof(header), r->current.key_len, key);

        if (order == 0) {
            rows->data = r->spool->buffer->buf + rows_at(r);
            rows->len = r->current.rows_len;
        }
        if (order >= 0) {
            return APR_SUCCESS;
        }
        r->at = rows_at(r) + r->current.rows_len;
        r->has_current = 0;
    }
    return rv == APR_EOF ? APR_SUCCESS : rv;
}

int kiss_merge_run_row(kiss_value *rows, kiss_value *row, int n)
{
    const char *from = rows->data, *end;
    int i;

    if (rows->len == 0) {
        return 0;
    }
    end = from + rows->len;
    for (i = 1; i < n; i++) {
        apr_uint32_t len = (unsigned char)*from++;

        row[i].data = NULL;
        row[i].len = 0;
        if (len != NULL_CELL) {
            if (len == LONG_CELL) {
                memcpy(&len, from, sizeof(len));
                from += sizeof(len);
            }
            row[i].data = from;
            row[i].len = len;
            from += len;
        }
    }
    rows->len = (apr_size_t)(end - from);
    rows->data = from;
    return 1;
}

apr_off_t kiss_merge_run_size(const kiss_merge_run *r)
{
    return r->size;
}
