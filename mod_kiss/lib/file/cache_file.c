/* SPDX-License-Identifier: Apache-2.0 */
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

#define PIECE (64 * 1024)

/* The label's values are codes and names; nothing in them is longer. */
#define MAX_VALUE 256
#define MAX_LABEL 4096

/** Stands at the end of each file. */
typedef struct {
    char magic[8];
    apr_uint64_t size;                  /* bytes of the answer */
    apr_uint32_t label;                 /* bytes of the label, between answer and trailer */
    apr_uint32_t checksum;              /* CRC-32 of both */
} trailer;

static const char magic[8] = "kiss-2\n";
static const char older[8] = "kiss-1\n";

/* Lines of the label: "Tag: ...". Their names are those of kissctl's columns. */
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

/* --- names --- */

#define BASE64URL "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"

/* Between the place and the ETag, and between that and its base. No digest holds them. */
#define AT   '@'
#define FROM '.'

/* A name has one or more tags, for the list and for what it is compared with. */
#define MAX_PARTS 3

const char *kiss_cache_file_name(const char *origin, const char *tag, const char *base, int gzip, apr_pool_t *p)
{
    const char at[] = { AT, '\0' }, from[] = { FROM, '\0' };

    return apr_pstrcat(p, origin, at, tag, base ? from : "", base ? base : "", gzip ? KISS_ETAG_GZIP : "", NULL);
}

const char *kiss_cache_file_shown(const char *file, apr_pool_t *p)
{
    const char *at = strchr(file, AT), *shown = at ? at + 1 : file;

    return apr_pstrmemdup(p, shown, strlen(shown) - (sizeof(KISS_CACHE_FILE_SUFFIX) - 1));
}

/**
 * 1 for the names of snapshots with their suffix, and for those that versions before gave, without the place.
 */
static int is_entry(const char *name)
{
    static const char *const ends[] = { KISS_CACHE_FILE_SUFFIX, KISS_ETAG_GZIP KISS_CACHE_FILE_SUFFIX };
    int parts;

    if (strspn(name, BASE64URL) == KISS_CACHE_FILE_ORIGIN && name[KISS_CACHE_FILE_ORIGIN] == AT) {
        name += KISS_CACHE_FILE_ORIGIN + 1;
    }
    for (parts = 0; parts < MAX_PARTS; parts++) {
        if (strspn(name, BASE64URL) < KISS_ETAG_LEN) {
            return 0;
        }
        name += KISS_ETAG_LEN;
        if (strcmp(name, ends[0]) == 0 || strcmp(name, ends[1]) == 0) {
            return 1;
        }
        if (*name++ != FROM) {
            return 0;
        }
    }
    return 0;
}

/* --- the file --- */

static const char **field(const kiss_cache_file_label *label, apr_size_t i)
{
    return (const char **)((char *)label + fields[i].offset);
}

/** A value that fits its line. */
static const char *plain(const char *value, apr_pool_t *p)
{
    char *copy = apr_pstrndup(p, value, MAX_VALUE), *c;

    for (c = copy; *c; c++) {
        *c = apr_iscntrl(*c) ? '?' : *c;
    }
    return copy;
}

apr_status_t kiss_cache_file_finish(apr_file_t *file, apr_off_t size, apr_uint32_t checksum,
                                  const kiss_cache_file_label *label, apr_pool_t *p)
{
    const char *text = "\n";
    apr_size_t i, len;
    apr_status_t rv;
    trailer t;

    for (i = 0; i < FIELDS; i++) {
        text = apr_pstrcat(p, text, fields[i].name, ": ", plain(*field(label, i), p), "\n", NULL);
    }
    len = strlen(text);
    memset(&t, 0, sizeof(t));
    memcpy(t.magic, magic, sizeof(magic));
    t.size = (apr_uint64_t)size;
    t.label = (apr_uint32_t)len;
    t.checksum = (apr_uint32_t)crc32(checksum, (const Bytef *)text, (uInt)len);
    rv = apr_file_write_full(file, text, len, NULL);
    return rv == APR_SUCCESS ? apr_file_write_full(file, &t, sizeof(t), NULL) : rv;
}

apr_status_t kiss_cache_file_read(kiss_cache_file *f, apr_file_t *file, apr_off_t whole)
{
    trailer t;
    apr_off_t at = whole - (apr_off_t)sizeof(t);
    apr_status_t rv = at < 0 ? APR_EMISMATCH : apr_file_seek(file, APR_SET, &at);

    if (rv == APR_SUCCESS) {
        rv = apr_file_read_full(file, &t, sizeof(t), NULL);
    }
    if (rv != APR_SUCCESS) {
        return rv == APR_EOF ? APR_EMISMATCH : rv;
    }
    if (memcmp(t.magic, older, sizeof(older)) == 0) {
        return APR_ENOENT;
    }
    f->size = (apr_off_t)t.size;
    f->checked = whole - (apr_off_t)sizeof(t);
    f->checksum = t.checksum;
    return memcmp(t.magic, magic, sizeof(magic)) != 0 || t.label > MAX_LABEL || f->size < 0
           || f->checked - f->size != (apr_off_t)t.label ? APR_EMISMATCH : APR_SUCCESS;
}

/** Takes the label's text apart, in place. @return APR_EMISMATCH when it is none */
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
    *text = '\0';
    return APR_SUCCESS;
}

apr_status_t kiss_cache_file_label_read(kiss_cache_file_label *label, const kiss_cache_file *f, apr_file_t *file, apr_pool_t *p)
{
    apr_size_t len = (apr_size_t)(f->checked - f->size);
    char *text = apr_pcalloc(p, len + 1);
    apr_off_t at = f->size;
    apr_status_t rv = apr_file_seek(file, APR_SET, &at);

    if (rv == APR_SUCCESS) {
        rv = apr_file_read_full(file, text, len, NULL);
    }
    return rv == APR_SUCCESS ? parse(label, text) : rv == APR_EOF ? APR_EMISMATCH : rv;
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

/* --- the folder --- */

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
    int fd = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);   /* of its own: reading moves a position */
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
        /* A file may go away while its name is read: it is left out. */
        if (fstatat(folder, name->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode)) {
            kiss_cache_file_entry *e = apr_array_push(*entries);

            e->name = apr_pstrdup(p, name->d_name);
            e->size = (apr_off_t)st.st_size;
            e->built = to_time(&st.st_mtim);
            e->used = to_time(&st.st_atim) > e->built ? to_time(&st.st_atim) : e->built;
            e->is_entry = is_entry(name->d_name);
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
