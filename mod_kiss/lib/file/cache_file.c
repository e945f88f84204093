/* SPDX-License-Identifier: Apache-2.0 */
/**
 * cache_file - writes, checks and lists the files of cached lists.
 */
#include "lib/file/cache_file.h"

#include <apr_lib.h>
#include <apr_strings.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "lib/base/directory.h"
#include "lib/file/list_states.h"
#include "lib/file/list_times.h"

#define PIECE (64 * 1024)

/* Maximum length of a value of the label, all of which are codes and names. */
#define MAX_VALUE 256
#define MAX_LABEL 4096

/** The trailer at the end of each file. */
typedef struct {
    char magic[8];
    apr_uint64_t size;                  /* bytes of the answer */
    apr_uint32_t label;                 /* bytes of the label, which follows the answer */
    apr_uint32_t chunks;                /* number of chunks in the index, which follows the label */
    apr_uint32_t checksum;              /* CRC-32 of all these */
    apr_uint32_t extents;               /* number of extents, which follow the index */
} trailer;

/* Changes with the format of these files, and with the rule by which lists are divided into chunks. */
static const char magic[8] = "kiss-4\n";

/* Magics of former formats, at the start of a trailer of 24 bytes. */
static const char *const older[] = { "kiss-1\n", "kiss-2\n" };
#define OLDER_TRAILER 24

/* Lines of the label: "Tag: ...". The names are those of kissctl's columns. */
static const struct {
    const char *name;
    apr_size_t offset;
} fields[] = {
    { "Tag", offsetof(kiss_cache_file_label, tag) },
    { "Scope", offsetof(kiss_cache_file_label, cache_key) },
    { "Endpoint", offsetof(kiss_cache_file_label, endpoint) },
    { "Location", offsetof(kiss_cache_file_label, location) },
    { "Coding", offsetof(kiss_cache_file_label, coding) },
    { "PriceList", offsetof(kiss_cache_file_label, price_list) },
    { "Discount", offsetof(kiss_cache_file_label, discount) },
    { "Warehouse", offsetof(kiss_cache_file_label, warehouse) },
    { "Customer", offsetof(kiss_cache_file_label, customer) }
};
#define FIELDS (sizeof(fields) / sizeof(fields[0]))

/* The last line of the label of a file with extents. */
static const char base_line[] = "\nBase: ";

/* --- names --- */

#define BASE64URL "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"

/* Separators of origin and ETag, and of ETag and base. They do not occur in digests. */
#define AT   '@'
#define FROM '.'

/* Parts of a name between separators: origin, ETag of the list, ETag of the base. */
#define MAX_PARTS 3

const char *kiss_cache_file_name(const char *origin, const char *tag, const char *base, const char *coding, apr_pool_t *p)
{
    const char at[] = { AT, '\0' }, from[] = { FROM, '\0' };

    return apr_pstrcat(p, origin, at, tag, base ? from : "", base ? base : "", coding, NULL);
}

const char *kiss_cache_file_shown(const char *file, apr_pool_t *p)
{
    const char *at = strchr(file, AT), *shown = at ? at + 1 : file;

    return apr_pstrmemdup(p, shown, strlen(shown) - (sizeof(KISS_CACHE_FILE_SUFFIX) - 1));
}

/** 1 for the end of an entry's name: the suffix, or a coding and the suffix. */
static int is_end(const char *name)
{
    const apr_size_t gzip = sizeof(KISS_ETAG_GZIP) - 1;

    if (strncmp(name, KISS_ETAG_GZIP, gzip) == 0) {
        name += gzip + strspn(name + gzip, "0123456789abcdef");
    }
    return strcmp(name, KISS_CACHE_FILE_SUFFIX) == 0;
}

/**
 * 1 for names of cache entries with their suffix, also in the formats of former versions, without the origin or without
 * the digest of the compression.
 */
static int is_entry(const char *name)
{
    int parts;

    if (strspn(name, BASE64URL) == KISS_CACHE_FILE_ORIGIN && name[KISS_CACHE_FILE_ORIGIN] == AT) {
        name += KISS_CACHE_FILE_ORIGIN + 1;
    }
    for (parts = 0; parts < MAX_PARTS; parts++) {
        if (strspn(name, BASE64URL) < KISS_ETAG_LEN) {
            return 0;
        }
        name += KISS_ETAG_LEN;
        if (is_end(name)) {
            return 1;
        }
        if (*name++ != FROM) {
            return 0;
        }
    }
    return 0;
}

kiss_cache_file_kind kiss_cache_file_kind_of(const char *name)
{
    const char *at = strchr(name, AT), *tag = at ? at + 1 : name;
    const char *end = strlen(tag) > KISS_ETAG_LEN ? tag + KISS_ETAG_LEN : "";
    kiss_cache_file_kind kind = { at == name + KISS_CACHE_FILE_ORIGIN ? name : NULL, 0, 0 };

    kind.is_changes = *end == FROM && strlen(end) > KISS_ETAG_LEN;  /* else it is the dot of the suffix */
    end += kind.is_changes ? 1 + KISS_ETAG_LEN : 0;
    kind.is_gzip = strncmp(end, KISS_ETAG_GZIP, sizeof(KISS_ETAG_GZIP) - 1) == 0;
    return kind;
}

/** 1 for names of what is recorded about lists. */
static int is_record(const char *name)
{
    if (strspn(name, BASE64URL) != KISS_CACHE_FILE_ORIGIN || name[KISS_CACHE_FILE_ORIGIN] != AT
        || strspn(name + KISS_CACHE_FILE_ORIGIN + 1, BASE64URL) != KISS_ETAG_LEN) {
        return 0;
    }
    name += KISS_CACHE_FILE_ORIGIN + 1 + KISS_ETAG_LEN;
    return strcmp(name, KISS_STATES_SUFFIX) == 0 || strcmp(name, KISS_TIMES_SUFFIX) == 0;
}

/* --- file --- */

static const char **field(const kiss_cache_file_label *label, apr_size_t i)
{
    return (const char **)((char *)label + fields[i].offset);
}

/** A value that fits into its line. */
static const char *plain(const char *value, apr_pool_t *p)
{
    char *copy = apr_pstrndup(p, value, MAX_VALUE), *c;

    for (c = copy; *c; c++) {
        *c = apr_iscntrl(*c) ? '?' : *c;
    }
    return copy;
}

/** The label's text. */
static const char *label_text(const kiss_cache_file_label *label, apr_pool_t *p)
{
    const char *text = "\n";
    apr_size_t i;

    for (i = 0; i < FIELDS; i++) {
        text = apr_pstrcat(p, text, fields[i].name, ": ", plain(*field(label, i), p), "\n", NULL);
    }
    return label->base && *label->base ? apr_pstrcat(p, text, base_line + 1, plain(label->base, p), "\n", NULL) : text;
}

static apr_status_t write_array(apr_file_t *file, const apr_array_header_t *array)
{
    apr_size_t len = array ? (apr_size_t)array->nelts * (apr_size_t)array->elt_size : 0;

    return len ? apr_file_write_full(file, array->elts, len, NULL) : APR_SUCCESS;
}

static apr_uint32_t add_array(apr_uint32_t checksum, const apr_array_header_t *array)
{
    return array && array->nelts ? (apr_uint32_t)crc32_z(checksum, (const Bytef *)array->elts,
                                                         (apr_size_t)array->nelts * (apr_size_t)array->elt_size) : checksum;
}

apr_status_t kiss_cache_file_finish(const kiss_stored *stored, apr_uint32_t checksum, const kiss_cache_file_label *label,
                                    const apr_array_header_t *chunks, apr_pool_t *p)
{
    const char *text = label_text(label, p);
    apr_size_t len = strlen(text);
    apr_status_t rv;
    trailer t;

    memset(&t, 0, sizeof(t));
    memcpy(t.magic, magic, sizeof(magic));
    t.size = (apr_uint64_t)stored->size;
    t.label = (apr_uint32_t)len;
    t.chunks = chunks ? (apr_uint32_t)chunks->nelts : 0;
    t.extents = stored->extents ? (apr_uint32_t)stored->extents->nelts : 0;
    t.checksum = (apr_uint32_t)crc32(checksum, (const Bytef *)text, (uInt)len);
    t.checksum = add_array(add_array(t.checksum, chunks), stored->extents);
    rv = apr_file_write_full(stored->file, text, len, NULL);
    rv = rv == APR_SUCCESS ? write_array(stored->file, chunks) : rv;
    rv = rv == APR_SUCCESS ? write_array(stored->file, stored->extents) : rv;
    return rv == APR_SUCCESS ? apr_file_write_full(stored->file, &t, sizeof(t), NULL) : rv;
}

/** 1 when a file has the trailer of a former format. */
static int is_older(apr_file_t *file, apr_off_t whole)
{
    char begin[sizeof(magic)];
    apr_off_t at = whole - OLDER_TRAILER;

    return at >= 0 && apr_file_seek(file, APR_SET, &at) == APR_SUCCESS
           && apr_file_read_full(file, begin, sizeof(begin), NULL) == APR_SUCCESS
           && (memcmp(begin, older[0], sizeof(begin)) == 0 || memcmp(begin, older[1], sizeof(begin)) == 0);
}

apr_status_t kiss_cache_file_read(kiss_cache_file *f, apr_file_t *file, apr_off_t whole)
{
    trailer t;
    apr_off_t at = whole - (apr_off_t)sizeof(t), rest;
    apr_status_t rv = at < 0 ? APR_EOF : apr_file_seek(file, APR_SET, &at);

    if (rv == APR_SUCCESS) {
        rv = apr_file_read_full(file, &t, sizeof(t), NULL);
    }
    if (rv != APR_SUCCESS && rv != APR_EOF) {
        return rv;
    }
    if (rv == APR_EOF || memcmp(t.magic, magic, sizeof(magic)) != 0) {
        return is_older(file, whole) ? APR_ENOENT : APR_EMISMATCH;
    }
    rest = (apr_off_t)t.label + (apr_off_t)t.chunks * (apr_off_t)sizeof(kiss_chunk)
        + (apr_off_t)t.extents * (apr_off_t)sizeof(kiss_extent);
    f->size = (apr_off_t)t.size;
    f->label = t.label;
    f->chunks = t.chunks;
    f->extents = t.extents;
    f->checked = whole - (apr_off_t)sizeof(t);
    f->own = f->checked - rest;
    f->checksum = t.checksum;
    return t.label > MAX_LABEL || f->own < 0 || f->size < f->own || (!t.extents && f->size != f->own)
           ? APR_EMISMATCH : APR_SUCCESS;
}

/** Parses the text of a label, in place. @return APR_EMISMATCH when it is invalid */
static apr_status_t parse(kiss_cache_file_label *label, char *text)
{
    apr_size_t i;

    for (i = 0; i < FIELDS; i++) {
        apr_size_t n = strlen(fields[i].name);
        char *end;

        if (*text != '\n' || strncmp(text + 1, fields[i].name, n) != 0 || strncmp(text + 1 + n, ": ", 2) != 0
            || !(end = strchr(text + 1, '\n'))) {
            return APR_EMISMATCH;
        }
        *field(label, i) = text + 1 + n + 2;
        *text = '\0';
        text = end;
    }
    label->base = "";
    if (strncmp(text, base_line, sizeof(base_line) - 1) == 0) {
        label->base = text + sizeof(base_line) - 1;
        *text = '\0';
        text += sizeof(base_line) - 1 + strcspn(label->base, "\n");
    }
    *text = '\0';
    return APR_SUCCESS;
}

/** Reads a part of the file. */
static apr_status_t read_part(apr_file_t *file, apr_off_t at, void *to, apr_size_t len)
{
    apr_status_t rv = apr_file_seek(file, APR_SET, &at);

    if (rv == APR_SUCCESS) {
        rv = apr_file_read_full(file, to, len, NULL);
    }
    return rv == APR_EOF ? APR_EMISMATCH : rv;
}

apr_status_t kiss_cache_file_label_read(kiss_cache_file_label *label, const kiss_cache_file *f, apr_file_t *file,
                                        apr_pool_t *p)
{
    char *text = apr_pcalloc(p, f->label + 1);
    apr_status_t rv = read_part(file, f->own, text, f->label);

    return rv == APR_SUCCESS ? parse(label, text) : rv;
}

apr_status_t kiss_cache_file_chunks_read(apr_array_header_t **chunks, const kiss_cache_file *f, apr_file_t *file,
                                         apr_pool_t *p)
{
    apr_size_t len = f->chunks * sizeof(kiss_chunk);
    void *index = apr_palloc(p, len + 1);
    apr_status_t rv = read_part(file, f->own + (apr_off_t)f->label, index, len);

    return rv == APR_SUCCESS ? kiss_chunk_index_take(chunks, f->chunks, index, f->size, p) : rv;
}

apr_status_t kiss_cache_file_extents_read(apr_array_header_t **extents, const kiss_cache_file *f, apr_file_t *file,
                                          apr_pool_t *p)
{
    apr_size_t len = f->extents * sizeof(kiss_extent);
    void *data = apr_palloc(p, len + 1);
    apr_status_t rv = read_part(file, f->checked - (apr_off_t)len, data, len);

    return rv == APR_SUCCESS ? kiss_extents_take(extents, f->extents, data, f->own, f->size, p) : rv;
}

apr_status_t kiss_cache_file_verify(kiss_cache_file_label *label, const kiss_cache_file *f, apr_file_t *file, apr_pool_t *p)
{
    char *buffer = apr_palloc(p, PIECE);
    uLong crc = crc32(0, NULL, 0);
    apr_off_t left = f->checked, start = 0;
    apr_status_t rv = apr_file_seek(file, APR_SET, &start);

    while (rv == APR_SUCCESS && left > 0) {
        apr_size_t n = left < PIECE ? (apr_size_t)left : PIECE;

        rv = apr_file_read_full(file, buffer, n, NULL);
        crc = crc32(crc, (const Bytef *)buffer, (uInt)n);
        left -= (apr_off_t)n;
    }
    if (rv != APR_SUCCESS || crc != f->checksum) {
        return rv == APR_SUCCESS || rv == APR_EOF ? APR_EMISMATCH : rv;
    }
    return kiss_cache_file_label_read(label, f, file, p);
}

/* --- folder --- */

static apr_time_t to_time(const struct timespec *t)
{
    return apr_time_from_sec(t->tv_sec) + t->tv_nsec / 1000;
}

apr_status_t kiss_cache_file_open_folder(int *fd, const char *cache_dir, apr_pool_t *p)
{
    int dir;
    apr_status_t rv = kiss_directory_open(&dir, cache_dir, p);

    if (rv == APR_SUCCESS) {
        *fd = openat(dir, KISS_CACHE_FILE_FOLDER, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        rv = *fd < 0 ? errno : APR_SUCCESS;
        close(dir);
    }
    return rv;
}

apr_status_t kiss_cache_file_scan(apr_array_header_t **entries, int folder, apr_pool_t *p)
{
    int fd = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);   /* of its own: reading moves its position */
    DIR *d = fd < 0 ? NULL : fdopendir(fd);
    struct dirent *name;
    struct stat st;

    if (!d) {
        apr_status_t rv = errno;

        if (fd >= 0) {
            close(fd);
        }
        return rv;
    }
    *entries = apr_array_make(p, 64, sizeof(kiss_cache_file_entry));
    while ((name = readdir(d))) {
        /* A file that is removed during the scan is left out. */
        if (fstatat(folder, name->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode)) {
            kiss_cache_file_entry *e = apr_array_push(*entries);

            e->name = apr_pstrdup(p, name->d_name);
            e->size = (apr_off_t)st.st_size;
            e->built = to_time(&st.st_mtim);
            e->used = to_time(&st.st_atim) > e->built ? to_time(&st.st_atim) : e->built;
            e->is_entry = is_entry(name->d_name);
            e->is_record = is_record(name->d_name);
        }
    }
    closedir(d);
    return APR_SUCCESS;
}

static int by_use(const void *a, const void *b)
{
    const kiss_cache_file_entry *x = a, *y = b;

    return (x->used > y->used) - (x->used < y->used);
}

void kiss_cache_file_sort(apr_array_header_t *entries)
{
    qsort(entries->elts, (size_t)entries->nelts, sizeof(kiss_cache_file_entry), by_use);
}
