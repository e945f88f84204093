/* SPDX-License-Identifier: Apache-2.0 */
/**
 * gzip - compresses a list chunk by chunk, or copies chunks of an earlier version.
 */
#include "lib/file/gzip.h"

#include <apr_hash.h>
#include <apr_portable.h>
#include <apr_strings.h>

#include <errno.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

#include "lib/base/crypto.h"
#include "lib/base/json_text.h"

#define PIECE (64 * 1024)

/* Bytes of the previous chunk that are the dictionary. All of it would make a list 0.1 % smaller, and take 3 % more
 * time. */
#define DICTIONARY (16 * 1024)

/* zlib: raw deflate with 15 bits of window. */
#define WINDOW (-15)
#define LEVEL 6
#define MEMORY 8

/* The parameters of level 6, but with the maximum length of matches: rows are similar, so such matches are found, and
 * it takes no longer. */
#define GOOD_LENGTH 8
#define MAX_LAZY 16
#define NICE_LENGTH 258
#define MAX_CHAIN 128

/* Method deflate, no flags, no time, no extra flags, Unix. */
static const char head[] = { '\x1f', '\x8b', 8, 0, 0, 0, 0, 0, 0, 3 };

/** Where a chunk of an earlier version is. */
typedef struct {
    apr_file_t *file;
    apr_off_t offset;
    int in_base;                /* 1 when that is a file that other versions can refer to */
} place;

/** An answer that is being compressed. */
typedef struct {
    kiss_spool *spool;
    kiss_progress *source;
    z_stream z;
    apr_off_t offset;           /* bytes of the source that were processed */
    uLong checksum;             /* CRC-32 of these */
    char *buffer;               /* PIECE bytes */
    char *dictionary;           /* the end of the last chunk, DICTIONARY bytes at most */
    apr_size_t known;           /* its length; 0 when the last chunk was copied, not read */
    kiss_chunk last;            /* the last chunk; with length 0 when there was none */
    kiss_gzipped *old;
    apr_hash_t *number;         /* the numbers of the old list's chunks by their ids */
    place *places;              /* where they are */
    int from, to;               /* the next ones to be copied, which follow each other there */
    apr_size_t found;           /* their length */
} work;

/* --- compression --- */

/** Reads `n` bytes from the source, or to its end. */
static apr_status_t read_piece(const work *w, char *buffer, apr_off_t offset, apr_size_t *n)
{
    apr_size_t room = *n, len;
    apr_status_t rv = APR_SUCCESS;

    for (*n = 0; rv == APR_SUCCESS && *n < room; *n += rv == APR_SUCCESS ? len : 0) {
        len = room - *n;
        rv = kiss_progress_read(w->source, offset + (apr_off_t)*n, buffer + *n, &len);
    }
    return rv;
}

/** Compresses a piece and appends the output to the spool. */
static apr_status_t compress_piece(work *w, char *in, apr_size_t n, int flush)
{
    struct printbuf *pb = w->spool->buffer;
    char *out;

    w->z.next_in = (Bytef *)in;
    w->z.avail_in = (uInt)n;
    do {
        out = kiss_json_text_room(pb, PIECE);
        if (!out) {
            return APR_ENOMEM;
        }
        w->z.next_out = (Bytef *)out;
        w->z.avail_out = PIECE;
        if (deflate(&w->z, flush) == Z_STREAM_ERROR) {
            return APR_ENOMEM;
        }
        pb->bpos += (int)(PIECE - w->z.avail_out);
    } while (w->z.avail_out == 0);
    return APR_SUCCESS;
}

/** Copies the end of the processed bytes into the dictionary. */
static void set_dictionary(work *w, const char *data, apr_size_t n)
{
    apr_size_t kept;

    if (n >= DICTIONARY) {
        memcpy(w->dictionary, data + n - DICTIONARY, DICTIONARY);
        w->known = DICTIONARY;
        return;
    }
    kept = w->known + n > DICTIONARY ? DICTIONARY - n : w->known;
    memmove(w->dictionary, w->dictionary + w->known - kept, kept);
    memcpy(w->dictionary + kept, data, n);
    w->known = kept + n;
}

/** Starts a chunk: resets the compressor and sets the dictionary. */
static apr_status_t begin_chunk(work *w)
{
    apr_size_t n = w->last.length < DICTIONARY ? w->last.length : DICTIONARY;
    apr_status_t rv = APR_SUCCESS;

    if (!w->known && n) {
        rv = read_piece(w, w->dictionary, w->offset - (apr_off_t)n, &n);
        w->known = n;
    }
    if (rv == APR_SUCCESS
        && (deflateReset(&w->z) != Z_OK || deflateTune(&w->z, GOOD_LENGTH, MAX_LAZY, NICE_LENGTH, MAX_CHAIN) != Z_OK
            || (w->known && deflateSetDictionary(&w->z, (Bytef *)w->dictionary, (uInt)w->known) != Z_OK))) {
        rv = APR_ENOMEM;
    }
    w->known = 0;
    return rv;
}

/** Compresses the next chunk. */
static apr_status_t compress_chunk(work *w, kiss_chunk *chunk)
{
    apr_size_t left = chunk->length, n;
    apr_status_t rv = begin_chunk(w);
    apr_off_t packed;

    for (; rv == APR_SUCCESS && left > 0; left -= n) {
        n = left < PIECE ? left : PIECE;
        rv = read_piece(w, w->buffer, w->offset, &n);
        if (rv == APR_SUCCESS) {
            rv = compress_piece(w, w->buffer, n, n < left ? Z_NO_FLUSH : Z_SYNC_FLUSH);
            set_dictionary(w, w->buffer, n);
            w->offset += (apr_off_t)n;
        }
    }
    if (rv != APR_SUCCESS) {
        return rv == APR_EOF ? APR_EGENERAL : rv;
    }
    chunk->packed_checksum = kiss_spool_cut(w->spool, w->spool->buffer->bpos, &packed);
    chunk->packed = (apr_uint32_t)packed;
    return kiss_spool_flush(w->spool, 0);
}

/* --- copies --- */

/** Finds where the chunks of an earlier version are. @return 0 when its index cannot be right */
static int find_places(const kiss_gzipped *old, place *places)
{
    const apr_array_header_t *extents = old->stored.extents;
    kiss_extent e = { 0, (apr_uint64_t)old->stored.size, 1 };
    apr_uint64_t at = sizeof(head);     /* in the extent */
    int next = 0, i;

    for (i = 0; i < old->chunks->nelts; i++) {
        const kiss_chunk *c = &APR_ARRAY_IDX(old->chunks, i, kiss_chunk);

        while (extents && next < extents->nelts && (!next || at >= e.length)) {
            at -= next ? e.length : 0;
            e = APR_ARRAY_IDX(extents, next++, kiss_extent);
        }
        if (!c->packed || at + c->packed > e.length) {
            return 0;
        }
        places[i].file = extents && e.in_base ? old->stored.base : old->stored.file;
        places[i].offset = (apr_off_t)(e.offset + at);
        places[i].in_base = (int)e.in_base;
        at += c->packed;
    }
    return 1;
}

/** Prepares to find chunks of an earlier version. */
static void index_old(work *w, apr_pool_t *p)
{
    const apr_array_header_t *chunks = w->old->chunks;
    int i, *number = apr_palloc(p, (apr_size_t)chunks->nelts * sizeof(*number) + 1);

    w->old->copied = 0;
    w->places = apr_palloc(p, (apr_size_t)chunks->nelts * sizeof(*w->places) + 1);
    if (!find_places(w->old, w->places)) {
        return;                         /* not the index of this list */
    }
    w->number = apr_hash_make(p);
    for (i = 0; i < chunks->nelts; i++) {
        number[i] = i;
        apr_hash_set(w->number, &APR_ARRAY_IDX(chunks, i, kiss_chunk).id, sizeof(apr_uint64_t), &number[i]);
    }
}

static int is_same(const kiss_chunk *a, const kiss_chunk *b)
{
    return a->id == b->id && a->length == b->length && a->checksum == b->checksum;
}

/** Finds a chunk in the earlier version, after the same chunk as here. @return its number; -1 also when it is too long */
static int find_old(const work *w, const kiss_chunk *chunk)
{
    const int *found = w->number ? apr_hash_get(w->number, &chunk->id, sizeof(chunk->id)) : NULL;
    const kiss_chunk *old = found ? &APR_ARRAY_IDX(w->old->chunks, *found, kiss_chunk) : NULL;

    return old && is_same(old, chunk) && old->packed <= PIECE
        && (*found > 0 ? is_same(old - 1, &w->last) : w->last.length == 0) ? *found : -1;
}

/** Reads the chunks found so far from the earlier version. At an offset: its position is not ours. */
static apr_status_t read_found(const work *w)
{
    const place *from = &w->places[w->from];
    apr_os_file_t fd;
    apr_size_t done = 0;
    apr_status_t rv = apr_os_file_get(&fd, from->file);

    while (rv == APR_SUCCESS && done < w->found) {
        ssize_t n = pread(fd, w->buffer + done, w->found - done, from->offset + (apr_off_t)done);

        if (n > 0) {
            done += (apr_size_t)n;
        }
        else if (n == 0 || errno != EINTR) {
            rv = n == 0 ? EIO : errno;
        }
    }
    return rv;
}

/** Copies the chunks found so far, which fit into the buffer. */
static apr_status_t copy_bytes(const work *w)
{
    uLong checksum = crc32(0, NULL, 0);
    apr_status_t rv = read_found(w);
    int i;

    if (rv != APR_SUCCESS || w->spool->extents) {
        return rv == APR_SUCCESS ? kiss_spool_keep(w->spool, w->buffer, w->found) : rv;
    }
    for (i = w->from; i < w->to; i++) {
        const kiss_chunk *c = &APR_ARRAY_IDX(w->old->chunks, i, kiss_chunk);

        checksum = crc32_combine(checksum, c->packed_checksum, (z_off_t)c->packed);
    }
    return kiss_spool_copy(w->spool, w->buffer, w->found, (apr_uint32_t)checksum);
}

/** Takes the chunks found so far from the earlier version. */
static apr_status_t copy_found(work *w)
{
    apr_status_t rv = APR_SUCCESS;

    if (w->from < w->to) {
        if (w->spool->extents && w->places[w->from].in_base) {
            kiss_spool_refer(w->spool, w->places[w->from].offset, w->found);
        }
        else {
            rv = copy_bytes(w);
        }
    }
    w->from = w->to;
    w->found = 0;
    return rv;
}

/** Takes a chunk from the earlier version, together with those taken before if it follows them there. */
static apr_status_t take_old(work *w, kiss_chunk *chunk, int number)
{
    const kiss_chunk *old = &APR_ARRAY_IDX(w->old->chunks, number, kiss_chunk);
    const place *from = &w->places[w->from], *at = &w->places[number];
    apr_status_t rv = APR_SUCCESS;

    if (!w->found || number != w->to || at->file != from->file || at->offset != from->offset + (apr_off_t)w->found
        || w->found + old->packed > PIECE) {
        rv = copy_found(w);
        w->from = number;
    }
    w->to = number + 1;
    w->found += old->packed;
    *chunk = *old;
    w->old->copied++;
    w->offset += chunk->length;
    w->known = 0;
    return rv;
}

/* --- list --- */

static apr_status_t add_chunk(work *w, kiss_chunk *chunk)
{
    int number = find_old(w, chunk);
    apr_status_t rv = number < 0 ? copy_found(w) : APR_SUCCESS;

    if (rv == APR_SUCCESS) {
        rv = number < 0 ? compress_chunk(w, chunk) : take_old(w, chunk, number);
    }
    APR_ARRAY_PUSH(w->spool->chunks, kiss_chunk) = *chunk;
    w->spool->published++;                   /* no reader waits for these */
    w->checksum = crc32_combine(w->checksum, chunk->checksum, (z_off_t)chunk->length);
    w->last = *chunk;
    return rv;
}

/** Compresses the bytes after the last chunk, and ends the stream. */
static apr_status_t add_rest(work *w)
{
    apr_size_t n;
    apr_status_t rv = deflateReset(&w->z) == Z_OK ? APR_SUCCESS : APR_ENOMEM;

    while (rv == APR_SUCCESS) {
        n = PIECE;
        rv = read_piece(w, w->buffer, w->offset, &n);
        w->checksum = crc32(w->checksum, (Bytef *)w->buffer, (uInt)n);
        w->offset += (apr_off_t)n;
        if (rv == APR_SUCCESS || rv == APR_EOF) {
            apr_status_t packed = compress_piece(w, w->buffer, n, rv == APR_EOF ? Z_FINISH : Z_NO_FLUSH);

            packed = packed == APR_SUCCESS ? kiss_spool_flush(w->spool, 0) : packed;
            rv = packed == APR_SUCCESS ? rv : packed;
        }
    }
    return rv == APR_EOF ? APR_SUCCESS : rv;
}

/** Appends the trailer of gzip: checksum and length of the answer. */
static apr_status_t add_tail(work *w)
{
    apr_uint64_t tail = (apr_uint64_t)w->checksum | (apr_uint64_t)w->offset << 32;
    char bytes[8];
    int i;

    for (i = 0; i < 8; i++, tail >>= 8) {
        bytes[i] = (char)(tail & 0xff);
    }
    return kiss_json_text_raw(w->spool->buffer, bytes, sizeof(bytes)) ? APR_ENOMEM : APR_SUCCESS;
}

static apr_status_t pack(work *w)
{
    apr_status_t rv = kiss_json_text_raw(w->spool->buffer, head, sizeof(head)) ? APR_ENOMEM : APR_SUCCESS;
    apr_off_t ignored;
    kiss_chunk chunk;
    int i;

    kiss_spool_cut(w->spool, w->spool->buffer->bpos, &ignored);
    for (i = 0; rv == APR_SUCCESS && kiss_progress_chunk(w->source, i, &chunk); i++) {
        rv = add_chunk(w, &chunk);
    }
    rv = rv == APR_SUCCESS ? copy_found(w) : rv;
    rv = rv == APR_SUCCESS ? add_rest(w) : rv;
    return rv == APR_SUCCESS ? add_tail(w) : rv;
}

apr_status_t kiss_gzip(kiss_spool *spool, kiss_progress *source, kiss_gzipped *old, apr_pool_t *p)
{
    work w = { .spool = spool, .source = source, .old = old };
    apr_status_t rv;

    w.checksum = crc32(0, NULL, 0);
    w.buffer = apr_palloc(p, PIECE);
    w.dictionary = apr_palloc(p, DICTIONARY);
    spool->chunks = apr_array_make(p, 256, sizeof(kiss_chunk));
    if (old) {
        index_old(&w, p);
    }
    if (deflateInit2(&w.z, LEVEL, Z_DEFLATED, WINDOW, MEMORY, Z_DEFAULT_STRATEGY) != Z_OK) {
        return APR_ENOMEM;
    }
    rv = pack(&w);
    deflateEnd(&w.z);
    return rv;
}

apr_status_t kiss_gzip_text(kiss_spool *spool, char *text, apr_size_t len, apr_pool_t *p)
{
    work w = { .spool = spool, .offset = (apr_off_t)len };
    apr_status_t rv;

    w.checksum = crc32_z(crc32(0, NULL, 0), (const Bytef *)text, len);
    spool->chunks = apr_array_make(p, 1, sizeof(kiss_chunk));
    if (deflateInit2(&w.z, LEVEL, Z_DEFLATED, WINDOW, MEMORY, Z_DEFAULT_STRATEGY) != Z_OK) {
        return APR_ENOMEM;
    }
    rv = kiss_json_text_raw(spool->buffer, head, sizeof(head)) ? APR_ENOMEM : compress_piece(&w, text, len, Z_FINISH);
    rv = rv == APR_SUCCESS ? add_tail(&w) : rv;
    deflateEnd(&w.z);
    return rv;
}

/* --- digest of the implementation --- */

/* Rows of the constant list: more than four chunks. */
#define ROWS 600

/** Appends a row of words that are repeated, as in catalogues. */
static int add_row(struct printbuf *pb, unsigned i, unsigned *state)
{
    static const char *const words[] = { "cotton", "blue", "large", "1250.0000", "https://example.com/", "\\u00e4",
                                         "{\"a\":", "null" };
    int n, failed = sprintbuf(pb, "%s{\"SKU\":\"K%06u\",\"Text\":\"", i ? ",\n" : "[", i * 7919u % 1000000u) < 0;

    for (n = 0; n < 24; n++) {
        *state = *state * 1103515245u + 12345u;
        failed |= *state >> 31 ? sprintbuf(pb, "%u ", *state >> 16 & 1023u) < 0
            : sprintbuf(pb, "%s ", words[*state >> 16 & 7u]) < 0;
    }
    return failed || kiss_json_text_raw(pb, "\"}", 2);
}

/** Compresses that list. */
static apr_status_t pack_sample(work *w, apr_pool_t *p)
{
    struct printbuf *pb = kiss_json_text_buffer(p);
    unsigned i, state = 1;
    apr_status_t rv = pb ? APR_SUCCESS : APR_ENOMEM;

    for (i = 0; rv == APR_SUCCESS && i < ROWS; i++) {
        char *text = apr_psprintf(p, "K%06u", i);
        kiss_value sku = { text, strlen(text) };
        int at = pb->bpos;

        rv = add_row(pb, i, &state) ? APR_ENOMEM : APR_SUCCESS;
        if (rv == APR_SUCCESS && kiss_chunk_ends(pb->bpos, pb->bpos - at, &sku)
            && (rv = begin_chunk(w)) == APR_SUCCESS
            && (rv = compress_piece(w, pb->buf, (apr_size_t)pb->bpos, Z_SYNC_FLUSH)) == APR_SUCCESS) {
            set_dictionary(w, pb->buf, (apr_size_t)pb->bpos);
            printbuf_reset(pb);
        }
    }
    if (rv == APR_SUCCESS && (rv = begin_chunk(w)) == APR_SUCCESS) {
        rv = compress_piece(w, pb->buf, (apr_size_t)pb->bpos, Z_FINISH);
    }
    return rv;
}

apr_status_t kiss_gzip_digest(char digest[KISS_ETAG_DIGEST + 1], apr_pool_t *p)
{
    kiss_spool spool = { .buffer = kiss_json_text_buffer(p) };
    work w = { .spool = &spool, .dictionary = apr_palloc(p, DICTIONARY) };
    unsigned char bytes[KISS_SHA256_LEN];
    apr_status_t rv;

    if (!spool.buffer || deflateInit2(&w.z, LEVEL, Z_DEFLATED, WINDOW, MEMORY, Z_DEFAULT_STRATEGY) != Z_OK) {
        return APR_ENOMEM;
    }
    rv = pack_sample(&w, p);
    deflateEnd(&w.z);
    if (rv == APR_SUCCESS) {
        kiss_crypto_sha256(bytes, spool.buffer->buf, (apr_size_t)spool.buffer->bpos);
        apr_snprintf(digest, KISS_ETAG_DIGEST + 1, "%02x%02x%02x%02x", bytes[0], bytes[1], bytes[2], bytes[3]);
    }
    return rv;
}
