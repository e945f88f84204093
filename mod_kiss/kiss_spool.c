#include "kiss_spool.h"

#include <apr_portable.h>
#include <apr_strings.h>

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

/* Written at once; small enough to stay in the processor's cache. */
#define PIECE (64 * 1024)

/* Read at once, for each nested table. */
#define READ_PIECE (32 * 1024)

/** Stands before each record. */
typedef struct {
    apr_uint32_t key_len;
    apr_uint32_t data_len;
} header;

struct kiss_spool_reader {
    apr_file_t *file;
    apr_off_t left;             /* bytes of the file that are not in the buffer yet */
    apr_pool_t *pool;
    char *buffer;
    apr_size_t room;            /* size of the buffer */
    apr_size_t at;              /* where the current record begins in it */
    apr_size_t filled;          /* bytes in it */
    header current;
    int loaded;                 /* the current record is whole in the buffer */
};

static apr_status_t free_buffer(void *buffer)
{
    printbuf_free(buffer);
    return APR_SUCCESS;
}

apr_status_t kiss_spool_create(kiss_spool **spool, const char *dir, apr_pool_t *p)
{
    kiss_spool *s = apr_pcalloc(p, sizeof(*s));

    s->pool = p;
    s->dir = dir;
    s->buffer = printbuf_new();
    if (!s->buffer) {
        return APR_ENOMEM;
    }
    apr_pool_cleanup_register(p, s->buffer, free_buffer, apr_pool_cleanup_null);
    *spool = s;
    return APR_SUCCESS;
}

static apr_status_t remove_file(void *spool)
{
    kiss_spool *s = spool;

    if (s->name) {
        apr_file_remove(s->name, s->pool);
    }
    return APR_SUCCESS;
}

apr_status_t kiss_spool_create_linkable(kiss_spool **spool, const char *dir, apr_pool_t *p)
{
    apr_status_t rv = kiss_spool_create(spool, dir, p);

    if (rv == APR_SUCCESS) {
        (*spool)->linkable = 1;
        (*spool)->checksum = (apr_uint32_t)crc32(0, NULL, 0);
        apr_pool_cleanup_register(p, *spool, remove_file, apr_pool_cleanup_null);
    }
    return rv;
}

/** Makes a file without a name that can be given one, where the file system can do that. */
static apr_status_t make_nameless(kiss_spool *s)
{
    apr_status_t rv;
    int fd = -1;

#ifdef O_TMPFILE
    fd = open(s->dir, O_TMPFILE | O_RDWR | O_CLOEXEC, S_IRUSR | S_IWUSR);
#endif
    if (fd < 0) {
        return APR_ENOTIMPL;
    }
    /* Opened again, because APR would never close a descriptor that it did not open itself, once a filter sets it aside. */
    rv = apr_file_open(&s->file, apr_psprintf(s->pool, "/proc/self/fd/%d", fd),
                       APR_FOPEN_READ | APR_FOPEN_WRITE | APR_FOPEN_BINARY, APR_OS_DEFAULT, s->pool);
    close(fd);
    return rv;
}

/** Makes the file. */
static apr_status_t make_file(kiss_spool *s)
{
    char *name;
    apr_status_t rv;

    if (s->linkable && make_nameless(s) == APR_SUCCESS) {
        return APR_SUCCESS;
    }
    name = apr_pstrcat(s->pool, s->dir, "/" KISS_SPOOL_PREFIX "XXXXXX", NULL);
    rv = apr_file_mktemp(&s->file, name, APR_FOPEN_CREATE | APR_FOPEN_READ | APR_FOPEN_WRITE | APR_FOPEN_EXCL
                         | APR_FOPEN_BINARY, s->pool);
    if (rv == APR_SUCCESS && s->linkable) {
        s->name = name;
    }
    else if (rv == APR_SUCCESS) {
        apr_file_remove(name, s->pool);
    }
    return rv;
}

apr_status_t kiss_spool_link(kiss_spool *s, const char *path)
{
    apr_os_file_t fd;
    apr_status_t rv;

    if (s->name) {
        rv = apr_file_rename(s->name, path, s->pool);
        s->name = rv == APR_SUCCESS ? NULL : s->name;
        return rv;
    }
    rv = apr_os_file_get(&fd, s->file);
    if (rv == APR_SUCCESS && linkat(AT_FDCWD, apr_psprintf(s->pool, "/proc/self/fd/%d", fd), AT_FDCWD, path,
                                    AT_SYMLINK_FOLLOW) != 0 && errno != EEXIST) {
        rv = errno;
    }
    return rv;
}

apr_status_t kiss_spool_flush(kiss_spool *s, int all)
{
    apr_size_t len = (apr_size_t)s->buffer->bpos;
    apr_status_t rv;

    if (len == 0 || (len < PIECE && !all)) {
        return APR_SUCCESS;
    }
    if (!s->file && (rv = make_file(s)) != APR_SUCCESS) {
        return rv;
    }
    if (s->linkable) {
        s->checksum = (apr_uint32_t)crc32(s->checksum, (const Bytef *)s->buffer->buf, (uInt)len);
    }
    rv = apr_file_write_full(s->file, s->buffer->buf, len, NULL);
    if (rv == APR_SUCCESS) {
        s->size += (apr_off_t)len;
        printbuf_reset(s->buffer);
        if (s->growing) {
            kiss_growing_advance(s->growing, s->file, s->size);
        }
    }
    return rv;
}

apr_status_t kiss_spool_add(kiss_spool *s, const kiss_value *key, const struct printbuf *data)
{
    header h = { (apr_uint32_t)key->len, data ? (apr_uint32_t)data->bpos : 0 };

    if (kiss_json_raw(s->buffer, (const char *)&h, sizeof(h)) || kiss_json_raw(s->buffer, key->data, key->len)
        || (data && kiss_json_raw(s->buffer, data->buf, (apr_size_t)data->bpos))) {
        return APR_ENOMEM;
    }
    return kiss_spool_flush(s, 0);
}

apr_status_t kiss_spool_open(kiss_spool_reader **reader, kiss_spool *spool, apr_pool_t *p)
{
    kiss_spool_reader *r = apr_pcalloc(p, sizeof(*r));
    apr_off_t start = 0;

    /* Spools are written one after the other, but read together: only readers need memory all the time. */
    apr_pool_cleanup_run(spool->pool, spool->buffer, free_buffer);
    spool->buffer = NULL;
    r->file = spool->file;
    r->left = spool->size;
    r->pool = p;
    r->room = READ_PIECE;
    r->buffer = apr_palloc(p, r->room);
    *reader = r;
    return r->file ? apr_file_seek(r->file, APR_SET, &start) : APR_SUCCESS;
}

/** Makes sure that `need` bytes from the current record on are in the buffer. */
static apr_status_t fill(kiss_spool_reader *r, apr_size_t need)
{
    apr_size_t n;
    apr_status_t rv;

    if (r->filled - r->at >= need) {
        return APR_SUCCESS;
    }
    if (need > r->room) {
        char *larger = apr_palloc(r->pool, need * 2);

        memcpy(larger, r->buffer + r->at, r->filled - r->at);
        r->buffer = larger;
        r->room = need * 2;
    }
    else {
        memmove(r->buffer, r->buffer + r->at, r->filled - r->at);
    }
    r->filled -= r->at;
    r->at = 0;
    n = r->room - r->filled;
    n = r->left < (apr_off_t)n ? (apr_size_t)r->left : n;
    rv = apr_file_read_full(r->file, r->buffer + r->filled, n, &n);
    r->filled += n;
    r->left -= (apr_off_t)n;
    return rv != APR_SUCCESS ? rv : r->filled >= need ? APR_SUCCESS : APR_EOF;
}

/** Brings the record at r->at into the buffer. @return APR_EOF behind the last one */
static apr_status_t load(kiss_spool_reader *r)
{
    apr_status_t rv;

    if (r->loaded) {
        return APR_SUCCESS;
    }
    if (r->left == 0 && r->at == r->filled) {
        return APR_EOF;
    }
    rv = fill(r, sizeof(header));
    if (rv == APR_SUCCESS) {
        memcpy(&r->current, r->buffer + r->at, sizeof(header));
        rv = fill(r, sizeof(header) + r->current.key_len + r->current.data_len);
    }
    r->loaded = rv == APR_SUCCESS;
    return rv == APR_EOF ? APR_EGENERAL : rv;       /* a record that is cut short is not an end */
}

/** Order of two keys by their bytes, which is the order by code point and that of the database. */
static int compare(const char *a, apr_size_t a_len, const char *b, apr_size_t b_len)
{
    int order = memcmp(a, b, a_len < b_len ? a_len : b_len);

    return order ? order : (a_len > b_len) - (a_len < b_len);
}

apr_status_t kiss_spool_seek(kiss_spool_reader *r, const kiss_value *key, kiss_value *data)
{
    apr_status_t rv;

    data->data = NULL;
    data->len = 0;
    while ((rv = load(r)) == APR_SUCCESS) {
        const char *found = r->buffer + r->at + sizeof(header);
        int order = compare(found, r->current.key_len, key->data, key->len);

        if (order == 0) {
            data->data = found + r->current.key_len;
            data->len = r->current.data_len;
        }
        if (order >= 0) {
            return APR_SUCCESS;
        }
        r->at += sizeof(header) + r->current.key_len + r->current.data_len;
        r->loaded = 0;
    }
    return rv == APR_EOF ? APR_SUCCESS : rv;
}
