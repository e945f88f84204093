#include "kiss_snapshot.h"

#include <apr_file_info.h>
#include <apr_portable.h>
#include <apr_strings.h>
#include <apr_tables.h>
#include <apr_thread_mutex.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <zlib.h>

#define FOLDER "snapshots"
#define SUFFIX ".json"

/* Locks are few files that stay: a lock file that comes and goes could be two at the same time. */
#define LOCKS 64
#define LOCK_PAUSE (2 * 1000)           /* microseconds; grows while it waits */
#define LOCK_PAUSE_MAX (50 * 1000)

#define PIECE (64 * 1024)

/* Files that a child has checked; more of them are only checked again. */
#define CHECKED 256

/* What is left behind by a process that died in the middle is removed after this time. */
#define ORPHAN_AGE apr_time_from_sec(600)

/** Stands at the end of each file. */
typedef struct {
    char magic[8];
    apr_uint64_t size;                  /* bytes before it */
    apr_uint32_t checksum;              /* CRC-32 of these */
    apr_uint32_t unused;
} trailer;

static const char magic[8] = "kiss-1\n";

/** A file whose checksum was right, and is while these stay the same. */
typedef struct {
    apr_ino_t inode;
    apr_dev_t device;
    apr_off_t size;
    apr_time_t mtime, ctime;
} checked_file;

static struct {
    apr_thread_mutex_t *mutex;
    checked_file file[CHECKED];
    int next;
} checked;

static const char *path_of(const char *dir, const char *name, const char *suffix, apr_pool_t *p)
{
    return apr_pstrcat(p, dir, "/" FOLDER "/", name, suffix, NULL);
}

const char *kiss_snapshot_dir(const char *dir, apr_pool_t *p)
{
    return apr_pstrcat(p, dir, "/" FOLDER, NULL);
}

apr_status_t kiss_snapshot_attach(apr_pool_t *pchild)
{
    memset(&checked, 0, sizeof(checked));
    return apr_thread_mutex_create(&checked.mutex, APR_THREAD_MUTEX_DEFAULT, pchild);
}

/* --- opening --- */

static int is_same(const checked_file *c, const apr_finfo_t *f)
{
    return c->inode == f->inode && c->device == f->device && c->size == f->size && c->mtime == f->mtime
           && c->ctime == f->ctime;
}

static int was_checked(const apr_finfo_t *info)
{
    int i, found = 0;

    if (!checked.mutex || apr_thread_mutex_lock(checked.mutex) != APR_SUCCESS) {
        return 0;
    }
    for (i = 0; i < CHECKED && !found; i++) {
        found = is_same(&checked.file[i], info);
    }
    apr_thread_mutex_unlock(checked.mutex);
    return found;
}

static void remember(const apr_finfo_t *info)
{
    checked_file c = { info->inode, info->device, info->size, info->mtime, info->ctime };

    if (checked.mutex && apr_thread_mutex_lock(checked.mutex) == APR_SUCCESS) {
        checked.file[checked.next] = c;
        checked.next = (checked.next + 1) % CHECKED;
        apr_thread_mutex_unlock(checked.mutex);
    }
}

/** Reads the trailer of an open file of `size` bytes. @return APR_EMISMATCH when it is none */
static apr_status_t read_trailer(trailer *t, apr_file_t *file, apr_off_t size)
{
    apr_off_t at = size - (apr_off_t)sizeof(*t);
    apr_status_t rv = at < 0 ? APR_EMISMATCH : apr_file_seek(file, APR_SET, &at);

    if (rv == APR_SUCCESS) {
        rv = apr_file_read_full(file, t, sizeof(*t), NULL);
    }
    if (rv == APR_SUCCESS && (memcmp(t->magic, magic, sizeof(magic)) != 0
                              || (apr_off_t)t->size != size - (apr_off_t)sizeof(*t))) {
        rv = APR_EMISMATCH;
    }
    return rv == APR_EOF ? APR_EMISMATCH : rv;
}

/** Reads all of the answer and compares its checksum. */
static apr_status_t verify(apr_file_t *file, const trailer *t, apr_pool_t *p)
{
    char *buffer = apr_palloc(p, PIECE);
    uLong crc = crc32(0, NULL, 0);
    apr_uint64_t left = t->size;
    apr_off_t start = 0;
    apr_status_t rv = apr_file_seek(file, APR_SET, &start);

    while (rv == APR_SUCCESS && left > 0) {
        apr_size_t n = left < PIECE ? (apr_size_t)left : PIECE;

        rv = apr_file_read_full(file, buffer, n, NULL);
        crc = crc32(crc, (const Bytef *)buffer, (uInt)n);
        left -= n;
    }
    return rv == APR_SUCCESS && crc != t->checksum ? APR_EMISMATCH : rv;
}

apr_status_t kiss_snapshot_open(kiss_snapshot *snapshot, const char *dir, const char *tag, apr_pool_t *p)
{
    const char *path = path_of(dir, tag, SUFFIX, p);
    apr_file_t *file;
    apr_finfo_t info;
    trailer t;
    apr_status_t rv = apr_file_open(&file, path, APR_FOPEN_READ | APR_FOPEN_BINARY, APR_OS_DEFAULT, p);

    if (rv != APR_SUCCESS) {
        return APR_STATUS_IS_ENOENT(rv) ? APR_ENOENT : rv;
    }
    rv = apr_file_info_get(&info, APR_FINFO_MIN | APR_FINFO_IDENT, file);
    if (rv == APR_SUCCESS) {
        rv = read_trailer(&t, file, info.size);
    }
    if (rv == APR_SUCCESS && !was_checked(&info)) {
        rv = verify(file, &t, p);
        if (rv == APR_SUCCESS) {
            remember(&info);
        }
    }
    if (rv != APR_SUCCESS) {
        apr_file_close(file);
        apr_file_remove(path, p);
        return APR_EMISMATCH;
    }
    snapshot->file = file;
    snapshot->size = (apr_off_t)t.size;
    snapshot->info = info;
    return APR_SUCCESS;
}

/* --- building --- */

apr_status_t kiss_snapshot_lock(const char *dir, const char *tag, apr_interval_time_t wait, apr_pool_t *p)
{
    unsigned n = (unsigned)crc32(0, (const Bytef *)tag, (uInt)strlen(tag)) % LOCKS;
    const char *path = path_of(dir, apr_psprintf(p, "lock.%02u", n), "", p);
    apr_time_t end = apr_time_now() + wait;
    apr_interval_time_t pause = LOCK_PAUSE;
    apr_file_t *file;
    apr_os_file_t fd = -1;
    apr_status_t rv = apr_file_open(&file, path, APR_FOPEN_READ | APR_FOPEN_WRITE | APR_FOPEN_CREATE,
                                    APR_FPROT_UREAD | APR_FPROT_UWRITE, p);

    /* flock(), not APR's fcntl(): it belongs to the open file, so threads of one process exclude each other too. */
    if (rv == APR_SUCCESS) {
        rv = apr_os_file_get(&fd, file);
    }
    while (rv == APR_SUCCESS && flock(fd, LOCK_EX | LOCK_NB) != 0) {
        if (errno != EWOULDBLOCK && errno != EINTR) {
            rv = errno;
        }
        else if (apr_time_now() >= end) {
            apr_file_close(file);
            rv = APR_TIMEUP;
        }
        else {
            apr_sleep(pause);
            pause = pause < LOCK_PAUSE_MAX ? pause * 2 : LOCK_PAUSE_MAX;
        }
    }
    return rv;
}

/* --- cleaning up --- */

typedef struct {
    const char *path;
    apr_off_t size;
    apr_time_t used;
} old_file;

static int by_use(const void *a, const void *b)
{
    const old_file *x = a, *y = b;

    return (x->used > y->used) - (x->used < y->used);
}

static int ends_with(const char *name, const char *suffix)
{
    apr_size_t n = strlen(name), m = strlen(suffix);

    return n > m && strcmp(name + n - m, suffix) == 0;
}

/** Removes what dead builders left, and the snapshots that were not used for longest until the rest fits `most`. */
static void clean(const char *dir, apr_off_t most, apr_pool_t *p)
{
    apr_array_header_t *files = apr_array_make(p, 64, sizeof(old_file));
    apr_time_t now = apr_time_now();
    apr_off_t total = 0;
    apr_finfo_t info;
    apr_dir_t *d;
    int i;

    if (apr_dir_open(&d, path_of(dir, "", "", p), p) != APR_SUCCESS) {
        return;
    }
    while (apr_dir_read(&info, APR_FINFO_NAME | APR_FINFO_MIN, d) == APR_SUCCESS) {
        const char *path = path_of(dir, info.name, "", p);

        if (ends_with(info.name, SUFFIX)) {
            old_file f = { path, info.size, info.atime > info.mtime ? info.atime : info.mtime };

            APR_ARRAY_PUSH(files, old_file) = f;
            total += info.size;
        }
        else if (strncmp(info.name, KISS_SPOOL_PREFIX, strlen(KISS_SPOOL_PREFIX)) == 0 && now - info.mtime > ORPHAN_AGE) {
            apr_file_remove(path, p);
        }
    }
    apr_dir_close(d);
    qsort(files->elts, (size_t)files->nelts, sizeof(old_file), by_use);
    /* The last one is in use now, whatever its size. */
    for (i = 0; i < files->nelts - 1 && total > most; i++) {
        const old_file *f = &APR_ARRAY_IDX(files, i, old_file);

        if (apr_file_remove(f->path, p) == APR_SUCCESS) {
            total -= f->size;
        }
    }
}

apr_status_t kiss_snapshot_begin(kiss_spool **spool, const char *dir, apr_pool_t *p)
{
    return kiss_spool_create_linkable(spool, kiss_snapshot_dir(dir, p), p);
}

/* zlib: 15 bits of window, and 16 for gzip's frame, whose header it then leaves without time and name. */
#define GZIP_WINDOW (15 + 16)
#define GZIP_LEVEL 6
#define GZIP_MEMORY 8

/** Gives a piece to the compressor and what comes out to the spool. */
static apr_status_t compress_piece(kiss_spool *spool, z_stream *z, char *in, apr_size_t n, int last)
{
    char out[8192];
    apr_status_t rv = APR_SUCCESS;

    z->next_in = (Bytef *)in;
    z->avail_in = (uInt)n;
    do {
        z->next_out = (Bytef *)out;
        z->avail_out = sizeof(out);
        if (deflate(z, last ? Z_FINISH : Z_NO_FLUSH) == Z_STREAM_ERROR
            || kiss_json_raw(spool->buffer, out, sizeof(out) - z->avail_out)) {
            return APR_ENOMEM;
        }
        rv = kiss_spool_flush(spool, 0);
    } while (rv == APR_SUCCESS && z->avail_out == 0);
    return rv;
}

apr_status_t kiss_snapshot_gzip(kiss_spool **spool, apr_file_t *file, apr_off_t size, const char *dir, apr_pool_t *p)
{
    char *buffer = apr_palloc(p, PIECE);
    apr_off_t start = 0;
    apr_status_t rv = kiss_snapshot_begin(spool, dir, p);
    z_stream z;

    memset(&z, 0, sizeof(z));
    if (rv != APR_SUCCESS || deflateInit2(&z, GZIP_LEVEL, Z_DEFLATED, GZIP_WINDOW, GZIP_MEMORY, Z_DEFAULT_STRATEGY) != Z_OK) {
        return rv != APR_SUCCESS ? rv : APR_ENOMEM;
    }
    rv = apr_file_seek(file, APR_SET, &start);
    while (rv == APR_SUCCESS && size > 0) {
        apr_size_t n = size < PIECE ? (apr_size_t)size : PIECE;

        rv = apr_file_read_full(file, buffer, n, NULL);
        size -= (apr_off_t)n;
        if (rv == APR_SUCCESS) {
            rv = compress_piece(*spool, &z, buffer, n, size == 0);
        }
    }
    deflateEnd(&z);
    return rv;
}

apr_status_t kiss_snapshot_publish(kiss_spool *spool, const char *dir, const char *tag, apr_off_t most, apr_pool_t *p)
{
    apr_status_t rv = kiss_spool_flush(spool, 1);
    trailer t;

    memset(&t, 0, sizeof(t));
    memcpy(t.magic, magic, sizeof(magic));
    t.size = (apr_uint64_t)spool->size;
    t.checksum = spool->checksum;
    if (rv == APR_SUCCESS) {
        rv = apr_file_write_full(spool->file, &t, sizeof(t), NULL);
    }
    if (rv == APR_SUCCESS) {
        rv = kiss_spool_link(spool, path_of(dir, tag, SUFFIX, p));
    }
    clean(dir, most, p);
    return rv;
}
