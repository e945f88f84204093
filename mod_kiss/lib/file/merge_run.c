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

/* A record is a header, the end of its key, and its rows. The header: how many bytes the key has in common with the one
 * before it (1 byte, so some more may be common), how many follow (2 bytes), and where rows are more than keys the length
 * of its rows (4 bytes). So ten thousand keys in order take about 70 KB. */
#define KEY_HEADER 3
#define ROW_HEADER (KEY_HEADER + sizeof(apr_uint32_t))
#define MAX_SHARED 255
#define MAX_KEY    65535

/* Each cell is preceded by a byte with its length; or by one of these, the first followed by four bytes. */
#define LONG_CELL 254
#define NULL_CELL 255

struct kiss_merge_run {
    kiss_spool *spool;          /* its buffer contains all, or what follows the file; while reading, a piece of the file */
    struct printbuf *key;       /* of the last record */
    apr_size_t header;          /* bytes of a header; 0 before the first record */
    apr_size_t at;              /* where the last record starts in the buffer */
    apr_size_t rows;            /* where its rows start, from there */
    apr_uint32_t rows_len;      /* the length of its rows; while writing it is not known yet */
    int has_current;            /* 1 when there is one: while reading, all of it is in the buffer */
    apr_off_t size;             /* bytes of all records, after all were written */
    apr_off_t left;             /* while reading: bytes of the file that are not in the buffer yet */
};

apr_status_t kiss_merge_run_create(kiss_merge_run **run, const char *dir, apr_pool_t *p)
{
    *run = apr_pcalloc(p, sizeof(**run));
    (*run)->key = kiss_json_text_buffer(p);
    return (*run)->key ? kiss_spool_create(&(*run)->spool, dir, p) : APR_ENOMEM;
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
    printbuf_reset(r->key);
    r->spool->size = 0;
    r->header = 0;
    r->at = 0;
    r->has_current = 0;
    r->left = 0;
    return rewind_file(r);
}

/** Ends the last record: sets the length of its rows, which is known now. */
static void end_record(kiss_merge_run *r)
{
    if (r->has_current && r->header == ROW_HEADER) {
        r->rows_len = (apr_uint32_t)((apr_size_t)r->spool->buffer->bpos - r->at - r->rows);
        memcpy(r->spool->buffer->buf + r->at + KEY_HEADER, &r->rows_len, sizeof(r->rows_len));
    }
}

/** Starts a record. The buffer contains complete records up to here and may be flushed. */
static apr_status_t begin_record(kiss_merge_run *r, const kiss_value *key, apr_size_t shared)
{
    struct printbuf *pb = r->spool->buffer;
    const apr_uint16_t rest = (apr_uint16_t)(key->len - shared);
    char header[ROW_HEADER] = { (char)shared };
    apr_status_t rv;

    end_record(r);
    if (pb->bpos >= IN_MEMORY && (rv = kiss_spool_flush(r->spool, 1)) != APR_SUCCESS) {
        return rv;
    }
    memcpy(header + 1, &rest, sizeof(rest));
    r->at = (apr_size_t)pb->bpos;
    r->rows = r->header + rest;
    r->has_current = 1;
    r->key->bpos = (int)shared;
    return kiss_json_text_raw(pb, header, r->header) || kiss_json_text_raw(pb, key->data + shared, rest)
           || kiss_json_text_raw(r->key, key->data + shared, rest) ? APR_ENOMEM : APR_SUCCESS;
}

/** Starts a record if the key is another one than that of the last record. */
static apr_status_t begin_key(kiss_merge_run *r, const kiss_value *key)
{
    const apr_size_t last = (apr_size_t)r->key->bpos, both = last < key->len ? last : key->len;
    apr_size_t shared = 0;

    while (shared < both && r->key->buf[shared] == key->data[shared]) {
        shared++;
    }
    if (r->has_current && shared == last && shared == key->len) {
        return APR_SUCCESS;
    }
    return key->len > MAX_KEY ? APR_EINVAL : begin_record(r, key, shared > MAX_SHARED ? MAX_SHARED : shared);
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

    r->header = n > 1 ? ROW_HEADER : KEY_HEADER;
    if ((rv = begin_key(r, &row[0])) != APR_SUCCESS) {
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
    printbuf_reset(r->key);
    r->at = 0;
    r->rows_len = 0;
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

/** Reads the header and the key of the record at r->at, whose header is in the buffer. */
static apr_status_t load_key(kiss_merge_run *r)
{
    const char *header = r->spool->buffer->buf + r->at;
    const int shared = (unsigned char)*header;
    apr_uint16_t rest;
    apr_status_t rv;

    memcpy(&rest, header + 1, sizeof(rest));
    if (r->header == ROW_HEADER) {
        memcpy(&r->rows_len, header + KEY_HEADER, sizeof(r->rows_len));
    }
    r->rows = r->header + rest;
    rv = fill(r, r->rows + r->rows_len);
    if (rv == APR_SUCCESS) {
        r->key->bpos = shared;
        rv = kiss_json_text_raw(r->key, r->spool->buffer->buf + r->at + r->header, rest) ? APR_ENOMEM : APR_SUCCESS;
    }
    return rv;
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
    rv = fill(r, r->header);
    rv = rv == APR_SUCCESS ? load_key(r) : rv;
    r->has_current = rv == APR_SUCCESS;
    return rv == APR_EOF ? EIO : rv;                /* a truncated record is no regular end */
}

/** Compares the key of the current record with another one by their bytes: by code point, which is the database's order. */
static int compare(const kiss_merge_run *r, const kiss_value *key)
{
    const apr_size_t len = (apr_size_t)r->key->bpos;
    const int order = memcmp(r->key->buf, key->data, len < key->len ? len : key->len);

    return order ? order : (len > key->len) - (len < key->len);
}

apr_status_t kiss_merge_run_find(kiss_merge_run *r, const kiss_value *key, kiss_value *rows)
{
    apr_status_t rv;

    rows->data = NULL;
    rows->len = 0;
    while ((rv = load(r)) == APR_SUCCESS) {
        const int order = compare(r, key);

        if (order == 0) {
            rows->data = r->spool->buffer->buf + r->at + r->rows;
            rows->len = r->rows_len;
        }
        if (order >= 0) {
            return APR_SUCCESS;
        }
        r->at += r->rows + r->rows_len;
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
